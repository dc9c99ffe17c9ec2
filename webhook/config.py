"""What may stand in the configuration file? Every default, bound and cross-check."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, model_validator

from promkit.errors import FieldProblem
from promkit.labels import Matcher, parse_matchers
from promkit.strictyaml import StrictModel, load_model
from webhook.adapters.sqlite import SqliteFile
from webhook.channels import AnyChannel
from webhook.channels.base import Name
from webhook.channels.log import LogChannel
from webhook.channels.slack import SlackChannel
from webhook.core.correlation import Rules as CorrelationRules
from webhook.core.routing import Route, Routing, Target
from webhook.core.throttle import Rules
from webhook.settings.audit import AuditConfig
from webhook.settings.console import ConsoleConfig
from webhook.settings.correlation import CorrelationConfig
from webhook.settings.gate import (
    QuietHoursConfig,
    SeverityConfig,
    ThrottleConfig,
    gate_rules,
)
from webhook.settings.messages import (
    FeedbackConfig,
    LinksConfig,
    TemplatesConfig,
    TimeZone,
)
from webhook.settings.patterns import PatternsConfig, silencing
from webhook.settings.reconcile import DeadMansSwitchConfig, ReconcileConfig, check_truth
from webhook.settings.shadow import VariantConfig, check_shadow
from webhook.settings.sources import SourceConfig
from webhook.settings.store import StoreConfig
from webhook.settings.tuning import TuningConfig
from webhook.settings.weburl import WebUrl

T = TypeVar("T")


def _matchers(text: str) -> str:
    if not parse_matchers(text):
        raise ValueError('found no matcher; write for example severity="critical"')
    return text


def _some(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("found an empty list; write at least one entry, or leave the key out")
    return items


class RouteConfig(StrictModel):
    """Alerts that every matcher accepts go to these channels only.

    Parameters
    ----------
    matchers : Alertmanager's syntax, e.g. `team=~"db|infra"`; all must hold
    channels : names; an empty list silences
    """

    matchers: Annotated[
        tuple[Annotated[str, AfterValidator(_matchers)], ...], AfterValidator(_some)
    ]
    channels: tuple[Name, ...]


class WebhookConfig(StrictModel):
    """The whole file.

    Parameters
    ----------
    external_url : what links in notifications start with
    channels : whom to notify, by default the log
    routes : the first that accepts an alert decides; without one every channel that takes the
        severity and level gets it
    severity : what makes an alert critical, high, medium or low
    throttle, quiet_hours : what is held back for a digest
    prometheus, alertmanager : whom to ask for what deliveries do not say
    reconcile : how we are compared with Alertmanager
    dead_mans_switch : who is told when nothing arrives any more
    correlation : which incidents have one cause; null leaves each alone
    timezone : whose clock times in messages and pictures show
    templates : words of the user's own, for all channels that have none of their own
    links : links of the user's own
    feedback : how people say what an incident was
    tuning : how thresholds follow from that
    shadow : which other thresholds are compared with those in force
    audit : files of what alerted and what people changed; null: none
    patterns : what stays silent since people called it harmless
    console : who may look at the pages
    """

    store: StoreConfig = StoreConfig()
    external_url: WebUrl = "http://localhost:9854"
    channels: Annotated[tuple[AnyChannel, ...], AfterValidator(_some)] = (LogChannel(),)
    routes: tuple[RouteConfig, ...] = ()
    severity: SeverityConfig = SeverityConfig()
    throttle: ThrottleConfig = ThrottleConfig()
    quiet_hours: tuple[QuietHoursConfig, ...] = ()
    prometheus: SourceConfig | None = None
    alertmanager: SourceConfig | None = None
    reconcile: ReconcileConfig = ReconcileConfig()
    dead_mans_switch: DeadMansSwitchConfig | None = None
    correlation: CorrelationConfig | None = CorrelationConfig()
    timezone: TimeZone = "UTC"
    templates: TemplatesConfig = TemplatesConfig()
    links: LinksConfig = LinksConfig()
    feedback: FeedbackConfig = FeedbackConfig()
    tuning: TuningConfig = TuningConfig()
    shadow: tuple[VariantConfig, ...] = ()
    audit: AuditConfig | None = AuditConfig()
    patterns: PatternsConfig = PatternsConfig()
    console: ConsoleConfig = ConsoleConfig()

    @model_validator(mode="after")
    def _cross_check(self) -> Self:
        seen: set[str] = set()
        for i, channel in enumerate(self.channels):
            if channel.name in seen:
                raise FieldProblem(
                    ("channels", i, "name"),
                    f"found a second channel called {channel.name!r}; give each a name of its own",
                )
            seen.add(channel.name)
            is_interactive = isinstance(channel, SlackChannel) and channel.interactive
            if is_interactive and self.feedback.slack_signing_secret_file is None:
                raise FieldProblem(
                    ("channels", i, "interactive"),
                    "found true, while nobody could check what Slack calls back; "
                    "set feedback.slack_signing_secret_file",
                )
        for i, route in enumerate(self.routes):
            for j, name in enumerate(route.channels):
                if name not in seen:
                    raise FieldProblem(
                        ("routes", i, "channels", j),
                        f"found the channel {name!r}; allowed: {', '.join(sorted(seen))}",
                    )
        check_shadow(self.shadow)
        check_truth(self.alertmanager, self.reconcile, self.dead_mans_switch, seen)
        return self

    @cached_property
    def routing(self) -> Routing:
        """The routing that the channels and routes describe."""
        return Routing(
            targets=tuple(
                Target(channel.name, channel.severities, channel.levels)
                for channel in self.channels
            ),
            routes=tuple(Route(_parsed(route.matchers), route.channels) for route in self.routes),
            severity=self.severity.rules,
        )

    @property
    def audit_folder(self) -> Path | None:
        """Where the audit files are; None where none are written."""
        if self.audit is None or self.audit.directory is not None:
            return None if self.audit is None else self.audit.directory
        database = self.store.database
        return database.path.parent / "audit" if isinstance(database, SqliteFile) else None

    @cached_property
    def gate_rules(self) -> Rules:
        """What is held back."""
        return replace(
            gate_rules(self.throttle, self.quiet_hours),
            correlation=self.correlation_rules,
            ending=frozenset(channel.name for channel in self.channels if channel.ends_digests),
            patterns=silencing(self.patterns, self.tuning, self.prometheus),
        )

    @cached_property
    def correlation_rules(self) -> CorrelationRules | None:
        """When incidents belong together."""
        return None if self.correlation is None else self.correlation.rules


def _parsed(texts: tuple[str, ...]) -> tuple[Matcher, ...]:
    return tuple(matcher for text in texts for matcher in parse_matchers(text))


def load_config(text: str, source: str) -> WebhookConfig:
    """Read a configuration file's text; `source` is its name, for messages.

    Raises
    ------
    ConfigProblems
        With all problems, each with file and line.
    """
    return load_model(text, source, WebhookConfig)
