"""How do the gauges become a page that Prometheus scrapes, when there are 100,000 lines of it?

The labels of a series are rendered once and kept; a line is those bytes and a number. Anything
that makes an object per sample, as prometheus_client's families do, costs some fifty times as much.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from types import MappingProxyType

import msgspec
import numpy as np

from exporter.adapters.labeltext import braced, labels_of, with_label
from exporter.core.published import (
    DRIFT_GAUGES,
    FORECAST_GAUGES,
    GAUGES,
    OUTLOOK_GAUGES,
    SIGNALS,
    TEST_GAUGES,
    Drifts,
    Outlook,
    Published,
)
from exporter.core.series import Floats, Keys

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ROWS = 500  # so that a piece of the page stays in the processor's cache: half the time

_HIGHEST = "anomaly_detector_score_max"
_DETECTOR_SCORE = "anomaly_detector_score"
_DETECTOR_WEIGHT = "anomaly_detector_weight"
_ENSEMBLE = "anomaly_ensemble_info"
_MISSING = "anomaly_series_missing"
_MUTED = "anomaly_muted"
_HELP: Mapping[str, str] = {
    **GAUGES,
    **SIGNALS,
    **FORECAST_GAUGES,
    **OUTLOOK_GAUGES,
    **TEST_GAUGES,
    **DRIFT_GAUGES,
    _HIGHEST: "Highest confidence of a detector over all series of the query.",
    _DETECTOR_SCORE: "Confidence in [0, 1] of one detector that the latest sample is anomalous.",
    _DETECTOR_WEIGHT: "Weight of a detector in the ensemble of its query: as configured, times "
    "what people's verdicts say.",
    _ENSEMBLE: "How the detectors' scores become one, and the share of the weight that a quorum "
    "is; always 1.",
    _MISSING: "1 while a series that was there is gone.",
    _MUTED: "1 while a series is not judged, since people said so.",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Series and their labels as text: `{query="…",…} `, ready for a number."""

    keys: Keys
    labels: list[bytes]
    more: Mapping[str, str] = field(default_factory=dict)


_NO_ROWS = _Rows((), [])


@dataclass(frozen=True, slots=True, eq=False)
class _Split:
    """The series of a query, once without and once with each value of a label more."""

    rows: _Rows
    parts: dict[str, list[bytes]]


_NO_SPLIT = _Split(_NO_ROWS, {})


class Page:
    """Renders what is published; keeps the text of the labels from one page to the next."""

    def __init__(self) -> None:
        self._present: dict[str, _Rows] = {}
        self._missing: dict[str, _Rows] = {}
        self._muted: dict[str, _Rows] = {}
        self._ahead: dict[str, _Split] = {}
        self._drifted: dict[str, _Split] = {}

    def render(
        self,
        published: Sequence[Published],
        outlooks: Sequence[Outlook] = (),
        drifts: Sequence[Drifts] = (),
    ) -> Iterator[bytes]:
        """Yield the page of all queries piece by piece, in Prometheus' text format 0.0.4.

        A gauge that is NaN has no line. Pages may be rendered by several threads at a time.
        """
        present = {
            one.query: _rows(one.query, one.keys, self._present.get(one.query, _NO_ROWS))
            for one in published
        }
        missing = {
            one.query: _rows(one.query, one.missing, self._missing.get(one.query, _NO_ROWS))
            for one in published
        }
        muted = {
            one.query: _rows(one.query, one.muted, self._muted.get(one.query, _NO_ROWS))
            for one in published
        }
        ahead = {
            one.query: _split(one, "horizon", one.leads, self._ahead.get(one.query, _NO_SPLIT))
            for one in outlooks
        }
        drifted = {
            one.query: _split(one, "test", one.tests, self._drifted.get(one.query, _NO_SPLIT))
            for one in drifts
        }
        self._present, self._missing, self._muted = present, missing, muted
        self._ahead, self._drifted = ahead, drifted
        for name in (*GAUGES, *SIGNALS):
            yield from _family(
                name,
                [
                    (present[one.query].labels, one.gauges[name])
                    for one in published
                    if name in one.gauges
                ]
                + [
                    (ahead[one.query].rows.labels, one.gauges[name])
                    for one in outlooks
                    if name in one.gauges
                ],
            )
        yield from _family(_HIGHEST, [_highest(one) for one in published])
        yield from _family(
            _DETECTOR_SCORE,
            [part for one in published for part in _votes(one, present[one.query].labels)],
        )
        yield from _family(_DETECTOR_WEIGHT, [_weights(one) for one in published])
        yield from _family(_ENSEMBLE, [_ensemble(one) for one in published])
        for name, some in ((_MISSING, missing), (_MUTED, muted)):
            yield from _family(
                name, [(rows.labels, np.ones(len(rows.labels))) for rows in some.values()]
            )
        leads = [(ahead[one.query], one.leads, one.gauges) for one in outlooks]
        yield from _families(FORECAST_GAUGES, OUTLOOK_GAUGES, leads)
        tests = [(drifted[one.query], one.tests, one.gauges) for one in drifts]
        yield from _families(TEST_GAUGES, DRIFT_GAUGES, tests)


def _families(
    split: Iterable[str],
    whole: Iterable[str],
    queries: Sequence[tuple[_Split, Mapping[str, Mapping[str, Floats]], Mapping[str, Floats]]],
) -> Iterator[bytes]:
    """Yield the families of gauges with a label more, and of those without.

    queries : of each the texts, label value -> gauge name -> values, and gauge name -> values
    """
    for name in split:
        yield from _family(
            name,
            [
                (texts.parts[value], gauges[name])
                for texts, parts, _ in queries
                for value, gauges in parts.items()
                if name in gauges
            ],
        )
    for name in whole:
        yield from _family(
            name, [(texts.rows.labels, plain[name]) for texts, _, plain in queries if name in plain]
        )


def _family(name: str, parts: Sequence[tuple[list[bytes], Floats]]) -> Iterator[bytes]:
    """Yield a family's pieces, and its head if there is any line below it."""
    head = f"# HELP {name} {_HELP[name]}\n# TYPE {name} gauge\n".encode()
    for labels, values in parts:
        for first in range(0, len(labels), _ROWS):
            rows = slice(first, first + _ROWS)
            if lines := _lines(name.encode(), labels[rows], values[rows]):
                yield head + lines
                head = b""


def _lines(name: bytes, labels: list[bytes], values: Floats) -> bytes:
    """Return one line per value that is not NaN."""
    is_there = ~np.isnan(values)
    if not is_there.all():
        labels = list(compress(labels, is_there.tolist()))
        values = values[is_there]
    if not labels:
        return b""
    # The JSON encoder writes floats ten times as fast as repr(). The line end and the name that
    # the next line begins with ride along with each number, so that one join makes it all.
    between = b"\n" + name
    numbers = msgspec.json.encode(values.tolist())[1:-1].replace(b",", between + b",").split(b",")
    for row in np.flatnonzero(np.isinf(values)).tolist():
        sign = b"+Inf" if values[row] > 0 else b"-Inf"
        numbers[row] = numbers[row].replace(b"null", sign)
    pieces = [b""] * (2 * len(labels))
    pieces[::2] = labels
    pieces[1::2] = numbers
    return b"%b%b\n" % (name, b"".join(pieces))


def _rows(
    query: str, keys: Keys, before: _Rows, more: Mapping[str, str] = MappingProxyType({})
) -> _Rows:
    """Return the series with their texts, taking from `before` what is there."""
    if more != before.more:
        before = _NO_ROWS
    if keys is before.keys:
        return before
    if keys == before.keys:
        return _Rows(keys, before.labels, more)  # lets go of the equal keys of an older answer
    known = dict(zip(before.keys, before.labels, strict=True))
    return _Rows(keys, labels_of(query, keys, known, more), more)


def _split(one: Outlook | Drifts, label: str, values: Iterable[str], before: _Split) -> _Split:
    more = one.labels if isinstance(one, Drifts) else {}
    rows = _rows(one.query, one.keys, before.rows, more)
    wanted = list(values)
    if rows.labels is before.rows.labels and list(before.parts) == wanted:
        return _Split(rows, before.parts)
    return _Split(rows, {value: with_label(rows.labels, label, value) for value in wanted})


def _votes(one: Published, labels: list[bytes]) -> Iterator[tuple[list[bytes], Floats]]:
    """Yield the lines of each detector: of every series if asked for, else of what is anomalous."""
    scores = one.detector_scores
    if not one.per_detector:
        # Not a series whose threshold is unknown: NaN reaches nothing.
        odd = np.flatnonzero(one.gauges["anomaly_score"] >= one.gauges["anomaly_threshold"])
        labels = [labels[row] for row in odd.tolist()]
        scores = {kind: each[odd] for kind, each in scores.items()}
    if labels:
        for kind, each in scores.items():
            yield with_label(labels, "detector", kind), each


def _weights(one: Published) -> tuple[list[bytes], Floats]:
    labels = [braced({"query": one.query, "detector": kind}) for kind in one.weights]
    return labels, np.array([*one.weights.values()], dtype=np.float64)


def _ensemble(one: Published) -> tuple[list[bytes], Floats]:
    how = {"query": one.query, "combine": one.combine, "quorum": f"{one.quorum:g}"}
    return [braced(how)] if one.weights else [], np.ones(1)


def _highest(one: Published) -> tuple[list[bytes], Floats]:
    """Return one line per detector, NaN where it cannot tell of any series."""
    kinds = list(one.detector_scores)
    labels = [braced({"query": one.query, "detector": kind}) for kind in kinds]
    highest = [np.fmax.reduce(one.detector_scores[kind], initial=np.nan) for kind in kinds]
    return labels, np.array(highest, dtype=np.float64)
