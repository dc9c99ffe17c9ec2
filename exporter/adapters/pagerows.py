"""What does the page for people tell? Facts only; `exporter.adapters.frontpage` words them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporter.adapters.nextsteps import Fault


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not go as it should now.

    Parameters
    ----------
    what : a word or two, for example "evaluation", "detector mad"
    message : of the error
    fault : its reason, which says what is to be done
    expr : what was asked of Prometheus, where trying it there helps
    """

    what: str
    message: str
    fault: Fault
    expr: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What the last evaluation with anything new took.

    Parameters
    ----------
    asking : seconds until Prometheus had answered
    judging : seconds of our own
    columns : instants that were judged
    """

    asking: float
    judging: float
    columns: int


@dataclass(frozen=True, slots=True)
class CycleRow:
    """One query's forecasts, or its drift.

    Parameters
    ----------
    state : a word or two, for example "ok", "failing"
    made : unix seconds of the last cycle that succeeded; None for never
    problem : of the last cycle; None if there was none
    """

    state: str
    made: float | None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRow:
    """One query.

    Parameters
    ----------
    query : its name
    state : a word or two, for example "ok", "warming up", "failing"
    series : with current gauges
    warming : of them, those that no detector has seen enough of
    ready_in : seconds until the last of these can be judged; None where that is not known
    evaluated : unix seconds of the last evaluation that succeeded; None for never
    interval : seconds between evaluations
    cost : of the last one; None where there was none
    size : bytes of what was learned; None where nothing is kept
    weights : detector -> weight in force
    ratios : detector -> what verdicts multiply its weight by, of those moved
    version : number of the model that is in force and unix seconds of when it was made; None where
        models have no versions
    moved : thresholds and weights that verdicts have moved; None where nobody asks for verdicts
    problems : of its evaluations
    forecast, drift : its forecasts and its drift; None if it has none
    """

    query: str
    state: str
    series: int = 0
    warming: int = 0
    ready_in: float | None = None
    evaluated: float | None = None
    interval: float = 0.0
    cost: Cost | None = None
    size: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    version: tuple[int, float] | None = None
    moved: tuple[int, int] | None = None
    problems: Sequence[Problem] = ()
    forecast: CycleRow | None = None
    drift: CycleRow | None = None

    @property
    def all_problems(self) -> list[Problem]:
        """Those of its forecasts and drift included."""
        cycles = (cycle.problem for cycle in (self.forecast, self.drift) if cycle is not None)
        return [*self.problems, *(problem for problem in cycles if problem is not None)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of the page but the anomalies.

    Parameters
    ----------
    version : of the exporter
    now : unix seconds
    rows : one per query
    problems : that concern no single query
    prometheus : where people find it, without credentials; empty where that is not known
    docs_url : where the documentation is published; None for nowhere
    verdicts_read : unix seconds of when verdicts were last read; 0 for never, None where nobody
        asks for them
    memory : bytes of the process; None where that is not known
    state_bytes : of the state file last written; None where there is none yet
    """

    version: str
    now: float
    rows: Sequence[QueryRow] = ()
    problems: Sequence[Problem] = ()
    prometheus: str = ""
    docs_url: str | None = None
    verdicts_read: float | None = None
    memory: int | None = None
    state_bytes: int | None = None
