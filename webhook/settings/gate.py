"""What is configured about how bad an alert is, and about when people are left alone?"""

from datetime import time
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from promkit.durations import PositiveDuration
from promkit.errors import FieldProblem
from promkit.strictyaml import StrictModel
from promkit.zones import ZoneName
from webhook.core.flapping import Flapping
from webhook.core.quiet import DAYS, Day, QuietHours
from webhook.core.severity import DEFAULT_LABELS, Bounds, Level, SeverityRules
from webhook.core.throttle import Rules, Total

SeverityLabel = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]


def _time_of_day(text: object) -> str:
    hint = "write a time of day such as '22:00'"
    if not isinstance(text, str):
        raise ValueError(f"found {text!r}; {hint}")
    try:
        parsed = time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"found {text!r}; {hint}") from None
    if len(text) != len("22:00") or parsed.tzinfo is not None:
        raise ValueError(f"found {text!r}; {hint}")
    return text


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]


class TotalConfig(StrictModel):
    """A limit over all notifications.

    Parameters
    ----------
    count : new incidents and digests together; the last place is kept for a digest
    per : in any such span of time
    """

    count: Annotated[int, Field(ge=2)] = 10
    per: PositiveDuration = 900.0


class FlappingConfig(StrictModel):
    """When an alert comes and goes too often.

    Parameters
    ----------
    changes : how many times it opens
    within : in any such span of time
    """

    changes: Annotated[int, Field(ge=2)] = 4
    within: PositiveDuration = 3_600.0


class ThrottleConfig(StrictModel):
    """What holds notifications back for a digest; null switches a limit off.

    Parameters
    ----------
    per_metric_and_severity : time between two of one query (or alert name) and level
    total : over everything
    flapping : for one alert
    bypass : levels that these limits neither hold nor count
    digest : after this time what is held is named in a digest
    """

    per_metric_and_severity: PositiveDuration | None = 300.0
    total: TotalConfig | None = TotalConfig()
    flapping: FlappingConfig | None = FlappingConfig()
    bypass: frozenset[Level] = frozenset()
    digest: PositiveDuration = 300.0


class QuietHoursConfig(StrictModel):
    """A period of every week in which some levels are held back.

    Parameters
    ----------
    days : those on which it begins, by default all
    start, end : `from` and `to`, times of day; a `to` at or before `from` is on the next day
    timezone : a name of the IANA database
    levels : what is held, by default what does not page
    """

    days: frozenset[Day] = frozenset(DAYS)
    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    timezone: ZoneName = "UTC"
    levels: frozenset[Level] = frozenset({"medium", "low"})

    @model_validator(mode="after")
    def _cross_check(self) -> Self:
        for name in ("days", "levels"):
            if not getattr(self, name):
                raise FieldProblem((name,), "found an empty list, which holds nothing back")
        return self

    @property
    def period(self) -> QuietHours:
        """The period for decisions."""
        return QuietHours(
            days=self.days,
            start=time.fromisoformat(self.start),
            end=time.fromisoformat(self.end),
            zone=ZoneInfo(self.timezone),
            levels=self.levels,
        )


def _ordered(bounds: "BoundsConfig") -> "BoundsConfig":
    high = bounds.critical if bounds.high is None else bounds.high
    if not bounds.medium <= high <= bounds.critical:
        found = ", ".join(f"{name} {value:g}" for name, value in bounds if value is not None)
        raise ValueError(f"found {found}; medium, high and critical must not fall")
    return bounds


class BoundsConfig(StrictModel):
    """From where a number is medium, and above which it is high or critical.

    Parameters
    ----------
    high : null is never high
    """

    medium: Annotated[float, Field(ge=0)]
    critical: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(ge=0)] | None = None

    @property
    def bounds(self) -> Bounds:
        """The bounds for decisions."""
        return Bounds(self.medium, self.critical, self.high)


class SeverityConfig(StrictModel):
    """What makes an alert critical, high, medium or low.

    Parameters
    ----------
    labels : values of the label `severity`, in lower case, and their level; added to the known ones
    score, sigmas : bounds for alerts without such a label
    otherwise : without a score or deviation either
    """

    labels: dict[SeverityLabel, Level] = Field(default_factory=dict)
    score: Annotated[BoundsConfig, AfterValidator(_ordered)] = BoundsConfig(
        medium=0.7, critical=0.9
    )
    sigmas: Annotated[BoundsConfig, AfterValidator(_ordered)] = BoundsConfig(
        medium=3.0, critical=5.0
    )
    otherwise: Level = "medium"

    @property
    def rules(self) -> SeverityRules:
        """The rules for decisions."""
        return SeverityRules(
            labels={**DEFAULT_LABELS, **self.labels},
            score=self.score.bounds,
            sigmas=self.sigmas.bounds,
            otherwise=self.otherwise,
        )


def gate_rules(throttle: ThrottleConfig, quiet_hours: tuple[QuietHoursConfig, ...]) -> Rules:
    """Return what the gate decides by."""
    total, flapping = throttle.total, throttle.flapping
    return Rules(
        per_metric_and_severity=throttle.per_metric_and_severity,
        total=None if total is None else Total(total.count, total.per),
        flapping=None if flapping is None else Flapping(flapping.changes, flapping.within),
        bypass=throttle.bypass,
        digest=throttle.digest,
        quiet=tuple(each.period for each in quiet_hours),
    )
