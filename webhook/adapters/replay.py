"""Which alarms of the past would have come with another threshold? Prometheus has the scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webhook.adapters.likeness import PART, closest_series, possible_series
from webhook.adapters.prometheus import Prometheus, Track
from webhook.adapters.thresholds import Labels
from webhook.adapters.verdictpast import SCRAPED, Past
from webhook.core.links import series_labels

# Rules look back on five minutes, and an alarm that comes at all comes within the hour.
_BEFORE, _LONGEST = 600.0, 3600.0
_STEP = 15
# The rules wait for a second evaluation, but for the worst.
_ENOUGH = 2
_AT_ONCE = 20
MOST = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What Prometheus knows of an alarm.

    Parameters
    ----------
    labels : of the series, without those that were added to the alert on its way
    would_come : whether its scores reach the other threshold
    """

    labels: Labels
    would_come: bool


async def replayed(
    prometheus: Prometheus,
    past: Sequence[Past],
    factor: Callable[[Past], float],
    now: float,
    seconds: float,
) -> dict[int, Seen]:
    """Return what is known of each incident, those without samples left out.

    Parameters
    ----------
    past : at most `MOST` of them are looked at
    factor : what the threshold that was in force then is multiplied by
    now : unix seconds

    Raises
    ------
    PrometheusError
        Without a complete answer in so many `seconds` for each twenty of them.
    """
    seen: dict[int, Seen] = {}
    chosen = list(past)[:MOST]
    for first in range(0, len(chosen), _AT_ONCE):
        few = chosen[first : first + _AT_ONCE]
        expr = " or ".join(_part(each, factor(each), now) for each in few)
        tracks = await prometheus.instant(expr, now, seconds)
        for each in few:
            known = _seen(tracks, each)
            if known is not None:
                seen[each.id] = known
    return seen


def _part(past: Past, factor: float, now: float) -> str:
    labels = series_labels(past.labels)
    score, threshold = (
        possible_series(f"anomaly_{name}", labels) for name in ("score", "threshold")
    )
    start = past.starts_at - _BEFORE
    until = min(now, past.starts_at + _LONGEST, now if past.ends_at is None else past.ends_at)
    seconds = max(_STEP, round(until - start))
    reached = f"{score} >= bool clamp_max({threshold} * {factor:.6f}, 1)"
    counted = f"sum_over_time(({reached})[{seconds}s:{_STEP}s] @ {until:.3f})"
    return f'label_replace({counted}, "{PART}", "{past.id}", "", "")'


def _seen(tracks: Sequence[Track], past: Past) -> Seen | None:
    mine = [track for track in tracks if track.labels.get(PART) == str(past.id)]
    labels = closest_series(mine, series_labels(past.labels))
    if labels is None:
        return None
    counts = [
        track.values[-1]
        for track in mine
        if closest_series([track], series_labels(past.labels)) == labels
    ]
    own = {name: value for name, value in labels.items() if name != "query"}
    if own.get(SCRAPED[0]) == SCRAPED[1]:
        del own[SCRAPED[0]]
    return Seen(own, max(counts) >= _ENOUGH)
