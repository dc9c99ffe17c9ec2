"""Which channels hear about an alert, and why the others do not?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from promkit.labels import Matcher
from webhook.core.alerts import severity_of
from webhook.core.severity import LEVELS, Level, Severity, SeverityRules, announced, judge


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that every matcher accepts go to these channels."""

    matchers: tuple[Matcher, ...]
    channels: tuple[str, ...]

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Tell whether every matcher holds; a route without matchers accepts everything."""
        return all(matcher.matches(labels) for matcher in self.matchers)


@dataclass(frozen=True, slots=True)
class Target:
    """A channel as routing sees it; None takes every value of the label, or every level."""

    name: str
    severities: frozenset[str] | None = None
    levels: frozenset[Level] | None = None

    def refusal(self, severity: str, level: Level) -> str | None:
        """Say why it does not take an alert; None when it does."""
        if self.severities is not None and severity not in self.severities:
            taken = ", ".join(sorted(self.severities)) or "none at all"
            return f"it takes the severities {taken}"
        if self.levels is not None and level not in self.levels:
            taken = ", ".join(each for each in LEVELS if each in self.levels) or "none at all"
            return f"it takes the levels {taken}"
        return None


@dataclass(frozen=True, slots=True)
class Routed:
    """Where an alert goes.

    Parameters
    ----------
    severity : its level, and why
    route : position of the route that decided; None where none accepts it
    refusals : every channel in configured order; why it is not told, None where it is
    """

    severity: Severity
    route: int | None
    refusals: Mapping[str, str | None]

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that are told, in configured order."""
        return tuple(name for name, refusal in self.refusals.items() if refusal is None)


@dataclass(frozen=True, slots=True)
class Routing:
    """The first route that accepts an alert decides; without one, every channel is asked.

    Either way a channel only gets the severities and levels that it takes.
    """

    targets: tuple[Target, ...]
    routes: tuple[Route, ...] = ()
    severity: SeverityRules = field(default_factory=SeverityRules)

    def route(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Routed:
        """Return where an alert goes, and why not elsewhere."""
        severity = judge(labels, announced(labels, annotations), self.severity)
        position = next((i for i, each in enumerate(self.routes) if each.accepts(labels)), None)
        named = None if position is None else self.routes[position].channels
        label = severity_of(labels)
        refusals = {
            target.name: "the route does not name it"
            if named is not None and target.name not in named
            else target.refusal(label, severity.level)
            for target in self.targets
        }
        return Routed(severity, position, refusals)
