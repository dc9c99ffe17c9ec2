"""Which channels hear about an alert?"""

from collections.abc import Mapping
from dataclasses import dataclass

from promkit.labels import Matcher
from webhook.core.alerts import severity_of


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
    """A channel as routing sees it; `severities` None takes every severity."""

    name: str
    severities: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """The first route that accepts an alert decides; without one, every channel is asked.

    Either way a channel only gets the severities that it takes.
    """

    targets: tuple[Target, ...]
    routes: tuple[Route, ...] = ()

    def channels_for(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the channels for an alert with these labels, in configured order."""
        route = next((route for route in self.routes if route.accepts(labels)), None)
        severity = severity_of(labels)
        return tuple(
            target.name
            for target in self.targets
            if (route is None or target.name in route.channels)
            and (target.severities is None or severity in target.severities)
        )
