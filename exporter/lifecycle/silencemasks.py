"""Which samples lie in a silence of Alertmanager, and so are not to be learned from?

The webhook publishes silences, each as the start and the end of a time with the matchers as a
label. A matcher is about the labels of alerts, which have some that series do not: those are left
aside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.labelnames import MOVED, OURS, named, published_labels
from exporter.core.masks import Mask, fixed_mask
from exporter.core.series import SeriesBatch
from exporter.core.spans import merged
from promkit.labels import Matcher, parse_matchers

START: Final = "anomaly_silence_start_timestamp_seconds"
END: Final = "anomaly_silence_end_timestamp_seconds"

GAUGES: Final = (START, END)
"""What all silences are read from."""

LONGEST: Final = 86_400_000
"""Milliseconds of a silence that are masked: one that is meant for good, since nobody cares for an
alert, must not stop a series from learning."""

_OF_ALERTS: Final = ("alertname", "severity")
"""Labels that rules give to alerts; a series' own are moved aside."""


@dataclass(frozen=True, slots=True)
class Silences:
    """What silences mask.

    Parameters
    ----------
    masks : one for each that is about series
    unread : matchers that could not be understood, so that nothing is masked by them
    """

    masks: Sequence[Mask] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Named:
    """Queries whose name all matchers accept."""

    matchers: tuple[Matcher, ...]

    def __contains__(self, query: object) -> bool:
        return all(matcher.matches({"query": str(query)}) for matcher in self.matchers)


def silence_masks(answer: SeriesBatch) -> Silences:
    """Return what silences mask.

    answer : of both gauges, the newest column
    """
    began: dict[tuple[str, str], int] = {}
    ended: dict[tuple[str, str], int] = {}
    for row, key in enumerate(answer.keys):
        labels, value = named(key), float(answer.values[row, -1])
        gauge = {START: began, END: ended}.get(labels.get("__name__", ""))
        if gauge is not None and np.isfinite(value):
            silence = labels.get("silence", ""), labels.get("matchers", "")
            # Of what two instances of the webhook say, that which masks less.
            mildest = max if gauge is began else min
            gauge[silence] = mildest(gauge.get(silence, round(value * 1000)), round(value * 1000))
    masks, unread = [], []
    for silence, start in sorted(began.items()):
        end = ended.get(silence, start)
        spans = merged([(start, min(end, start + LONGEST))])
        try:
            matchers = parse_matchers(silence[1])
        except ValueError:
            unread.append(silence[1])
            continue
        if len(spans) and any(_needs_value(matcher) for matcher in matchers):
            of_query = tuple(matcher for matcher in matchers if matcher.name == "query")
            masks.append(fixed_mask(spans, _concerns(matchers), _Named(of_query)))
    return Silences(tuple(masks), tuple(unread))


def _needs_value(matcher: Matcher) -> bool:
    """Tell whether the matcher refuses an alert that has no such label."""
    return not matcher.matches({})


def _concerns(matchers: Sequence[Matcher]) -> Callable[[Mapping[str, str]], bool]:
    """Return what tells whether the alerts of a series would be silenced.

    A label that the series does not have is left aside, whether it is an alert's own or that of
    another kind of alert; but one at least that the silence insists on must be the series'.
    """
    names = {matcher.name for matcher in matchers}
    of_query = any(matcher.name == "query" and _needs_value(matcher) for matcher in matchers)
    # Where a scrape of the exporter moved labels aside, those in their place are its own.
    asked = [each for each in matchers if each.name != "query" and MOVED + each.name not in names]
    plain = [each for each in asked if each.name not in (*OURS, *_OF_ALERTS)]

    def concerns(labels: Mapping[str, str]) -> bool:
        # Nearly all series are refused here, by a label that is published as it is.
        if any(labels.get(each.name) and not each.matches(labels) for each in plain):
            return False
        own = _alerted(labels)
        is_about = of_query
        for matcher in asked:
            found = own.get(matcher.name, own.get(matcher.name.removeprefix(MOVED)))
            if found is None:
                continue
            if not matcher.matches({matcher.name: found}):
                return False
            is_about = is_about or _needs_value(matcher)
        return is_about

    return concerns


def _alerted(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a series as its alerts have them, without those that are empty."""
    own = {name: value for name, value in labels.items() if name != "__name__" and value}
    published = published_labels(own, {})
    for name in _OF_ALERTS:
        if name in published:
            published[f"{MOVED}{name}"] = published.pop(name)
    return published
