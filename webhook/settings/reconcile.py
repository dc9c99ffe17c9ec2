"""What is configured about reconciling with Alertmanager, and about the dead man's switch?"""

from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, Field

from promkit.durations import Duration, PositiveDuration
from promkit.errors import FieldProblem
from promkit.labels import parse_matchers
from promkit.strictyaml import StrictModel
from webhook.settings.sources import SourceConfig


def matchers(text: str) -> str:
    """Check one entry of a list of matchers.

    Raises
    ------
    ValueError
        If it is not of Alertmanager's form, or empty.
    """
    if not parse_matchers(text):
        raise ValueError('found no matcher; write for example severity="critical"')
    return text


Matchers = tuple[Annotated[str, AfterValidator(matchers)], ...]


class ReconcileConfig(StrictModel):
    """Which of Alertmanager's alerts are ours, and how patiently it is compared with.

    Parameters
    ----------
    receiver : name of the receiver in Alertmanager's configuration that posts to us
    matchers : only alerts that all of these accept
    interval : how often
    wait : an alert that began while we were up is taken in when Alertmanager has had this long to
        send it: longer than its group_wait and group_interval
    settle : Alertmanager must be up for this long before an incident that it does not list is
        closed: Prometheus sends it every alert anew after a restart
    lookback : how far back a time without us is looked into
    """

    receiver: str | None = None
    matchers: Matchers = ()
    interval: PositiveDuration = 60.0
    wait: Duration = 360.0
    settle: Duration = 300.0
    lookback: PositiveDuration = 86_400.0


class DeadMansSwitchConfig(StrictModel):
    """An alert that always fires, so that its absence is news.

    Parameters
    ----------
    matchers : which alerts are heartbeats; they make no incidents
    after : how long they may be away
    channels : whom to tell, by a way that does not need Alertmanager
    """

    matchers: Annotated[Matchers, Field(min_length=1)] = ('alertname="AnomalyWatchdog"',)
    after: PositiveDuration = 300.0
    channels: tuple[str, ...]


def check_truth(
    alertmanager: SourceConfig | None,
    reconcile: ReconcileConfig,
    switch: DeadMansSwitchConfig | None,
    channels: Collection[str],
) -> None:
    """Check what the sections say of each other.

    Raises
    ------
    FieldProblem
        If Alertmanager is to be compared with all of its alerts, or a channel does not exist.
    """
    if alertmanager is not None and reconcile.receiver is None and not reconcile.matchers:
        raise FieldProblem(
            ("alertmanager",),
            "found without reconcile.receiver, so alerts of others would become ours; set it to "
            "the name of the receiver in Alertmanager's configuration that posts here "
            "(or set reconcile.matchers)",
        )
    for i, name in enumerate(switch.channels if switch is not None else ()):
        if name not in channels:
            raise FieldProblem(
                ("dead_mans_switch", "channels", i),
                f"found the channel {name!r}; allowed: {', '.join(sorted(channels))}",
            )
