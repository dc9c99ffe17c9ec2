"""What is known about an incident beyond its alert? Plain values that a message carries.

Each is optional in a message: what could not be found out in time is left out, never invented.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reading:
    """The sample that was judged, in the series' own unit; None where nobody said.

    Parameters
    ----------
    value, expected, lower, upper : the sample and the band it was judged against
    score, threshold : the ensemble's confidence, 0 to 1, and from where it alerts
    sigmas : signed distance from the expected value in robust standard deviations
    unit : of value and band: "bytes", "seconds", "ratio" or what the query's configuration says
    """

    value: float | None = None
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    score: float | None = None
    threshold: float | None = None
    sigmas: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """What the series did lately.

    Parameters
    ----------
    times : unix seconds
    values, lower, upper : at these times; NaN where there is none
    expected, scores, thresholds : likewise; empty where nobody asked
    """

    times: Sequence[float]
    values: Sequence[float]
    lower: Sequence[float]
    upper: Sequence[float]
    expected: Sequence[float] = ()
    scores: Sequence[float] = ()
    thresholds: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Siblings:
    """The open incidents of the same alert and query.

    Parameters
    ----------
    affected : how many, this one included
    watched : how many series the query has, None where nobody said
    names : what tells the first of them apart, e.g. "pod-4"
    """

    affected: int
    watched: int | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Earlier incidents of the same series.

    Parameters
    ----------
    count : within `days` days, this one not counted
    last_at : when the last one began, unix seconds
    last_verdict : what people said of the last one that was judged, and of when it is
    last_verdict_at : unix seconds
    last_verdict_by : who, "" where nobody said
    """

    count: int
    days: int
    last_at: float | None = None
    last_verdict: str | None = None
    last_verdict_at: float | None = None
    last_verdict_by: str = ""


@dataclass(frozen=True, slots=True)
class Breach:
    """When a limit will be reached; unix seconds.

    Parameters
    ----------
    at, earliest, latest : the expected crossing and its interval; None where nobody said
    probability : that it happens within the horizon, 0 to 1
    """

    at: float
    earliest: float | None = None
    latest: float | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """The incident group that an incident belongs to.

    Parameters
    ----------
    group : its number
    size : incidents in it so far
    first : the most likely first mover in words, e.g. "node_disk_busy on db1"
    first_incident : its number
    is_first : whether this incident is it
    why : what the group has in common, in words
    """

    group: int
    size: int
    first: str
    first_incident: int
    is_first: bool
    why: str


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses for the reader, "" where there is none; http or https alone.

    Parameters
    ----------
    incident : our page
    graph, panel, runbook : Prometheus, Grafana and the text on what to do
    silence : Alertmanager's form, filled in
    confirm, false_alarm : our page with that verdict chosen; opening it changes nothing
    picture : our PNG of the series with its band
    """

    incident: str
    graph: str = ""
    panel: str = ""
    runbook: str = ""
    silence: str = ""
    confirm: str = ""
    false_alarm: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class DigestRow:
    """One line of a digest.

    Parameters
    ----------
    level, what : how bad, and what it is: alert, query and what tells the series apart
    count : incidents that the line stands for
    is_open : whether any of them still fires
    why_held : in words, e.g. "limit of 10 in 15 minutes"
    """

    level: str
    what: str
    count: int
    is_open: bool
    why_held: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What was held back since the last one.

    Parameters
    ----------
    since, until : unix seconds
    held : incidents that it accounts for
    still_open : how many of them still fire
    rows : the worst first, not all of them
    by_level : level -> incidents
    url : the page that lists every one of them
    ends : number of an earlier digest, all of which is over; 0 for one that names something new
    """

    since: float
    until: float
    held: int
    still_open: int
    rows: tuple[DigestRow, ...]
    by_level: Mapping[str, int] = field(default_factory=dict)
    url: str = ""
    ends: int = 0
