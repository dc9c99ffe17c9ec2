"""What do we hold wrongly, compared with what Alertmanager and Prometheus know?

Each finding is an alert as a delivery would have brought it; the rules of `webhook.core.incidents`
then decide what it changes, so a finding that is late or repeated changes nothing.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from webhook.core.alerts import Alert, Origin
from webhook.core.fingerprint import fingerprint
from webhook.core.incidents import Span

# All series end when Prometheus does, some of them a scrape later than others.
_SURE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Listed:
    """An alert as Alertmanager lists it now.

    Parameters
    ----------
    alert : firing
    updated_at : when Alertmanager last heard of it, unix seconds
    is_active : whether it would be notified: not silenced, inhibited or muted
    """

    alert: Alert
    updated_at: float
    is_active: bool


@dataclass(frozen=True, slots=True)
class Held:
    """The latest incident of a fingerprint as we hold it.

    Parameters
    ----------
    span : when it began, and ended
    alert : its labels and annotations
    origin : who told us first
    source : who told us last: an Alertmanager's external URL
    closed_at : when we heard of its end, unix seconds
    """

    span: Span
    alert: Alert
    origin: Origin
    source: str
    closed_at: float | None = None


def began(
    listed: Iterable[Listed],
    held: Mapping[str, Held],
    asked_at: float,
    up_since: float,
    wait: float,
) -> Iterator[Alert]:
    """Yield the alerts that Alertmanager would notify and that we do not hold as open.

    Parameters
    ----------
    held : the latest of each fingerprint
    asked_at : when Alertmanager was asked; what we heard after that may not be in its list yet
    up_since : when we came up; alerts from before cannot have reached us, younger ones get time
    wait : how much, in seconds
    """
    for item in listed:
        alert = item.alert
        latest = held.get(alert.fingerprint)
        if not item.is_active or (latest is not None and latest.span.ends_at is None):
            continue
        if latest is not None and latest.span.ends_at is not None:
            ended_at = latest.span.ends_at
            if alert.starts_at <= ended_at:
                # Alertmanager had given it up, or a member of a pair had, and has heard of it
                # since: it fires again with its old start, which a late delivery would have too.
                if item.updated_at > ended_at and (latest.closed_at or 0.0) < asked_at:
                    yield replace(alert, starts_at=item.updated_at)
                continue
        if alert.starts_at <= up_since or alert.starts_at <= asked_at - wait:
            yield alert


def ended(
    open_alerts: Mapping[str, Held],
    listed: Collection[str],
    missing: Mapping[str, float],
    sources: Collection[str],
    now: float,
) -> tuple[tuple[Alert, ...], Mapping[str, float]]:
    """Return the ends of what was not listed twice in a row, and what is missing now.

    Parameters
    ----------
    open_alerts : what we hold open, by fingerprint
    listed : fingerprints of everything that Alertmanager lists, silenced or not
    missing : what the comparison before this one found missing, and since when
    sources : whose alerts this Alertmanager lists; others' are none of its business
    """
    gone = {
        name: held
        for name, held in open_alerts.items()
        if name not in listed
        and (
            held.origin == "reconcile" or (held.origin == "alertmanager" and held.source in sources)
        )
    }
    ends = tuple(
        _ended(held.alert, held.span.starts_at, max(missing[name], held.span.starts_at))
        for name, held in gone.items()
        if name in missing
    )
    return ends, {name: missing.get(name, now) for name in gone}


def came_and_went(
    labels: Mapping[str, str],
    times: Sequence[float],
    step: float,
    until: float,
    watched: Collection[float],
) -> Iterator[Alert]:
    """Yield a resolved alert for each time that a series of ALERTS fired and stopped.

    Parameters
    ----------
    labels : as Alertmanager gets them
    times : unix seconds of its samples, ascending, on a grid
    step : seconds between two of them while it fires
    until : the last instant of the grid; what still fires there has not ended
    watched : the instants of the grid at which Prometheus ran: where it did not, a series ends
        without its alert having ended
    """
    alert = Alert(fingerprint(labels), "firing", labels, {}, 0.0, None, "")
    for begin, last in _runs(times, step):
        columns = range(1, 1 + max(1, math.ceil(_SURE_SECONDS / step)))
        after = [at for at in (last + i * step for i in columns) if at <= until]
        if after and all(at in watched for at in after):
            yield _ended(alert, begin, last + step)


def _runs(times: Sequence[float], step: float) -> Iterator[tuple[float, float]]:
    begin = previous = None
    for at in times:
        if begin is None or previous is None:
            begin = at
        elif at - previous > 1.5 * step:
            yield begin, previous
            begin = at
        previous = at
    if begin is not None and previous is not None:
        yield begin, previous


def _ended(alert: Alert, starts_at: float, ends_at: float) -> Alert:
    return replace(alert, status="resolved", starts_at=starts_at, ends_at=ends_at)
