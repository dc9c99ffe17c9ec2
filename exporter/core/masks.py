"""Which samples are not to be learned from? Those in times that people call out of the ordinary."""

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from exporter.core.labelnames import named
from exporter.core.series import Bools, Ints, Keys
from exporter.core.spans import Spans, inside


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Times of some series.

    Parameters
    ----------
    spans : returns those between two instants, unix milliseconds; more may be returned
    concerns : tells whether a series with these labels is meant
    mutes : those samples are not judged either
    queries : names of those that are meant; an empty sequence for all
    first, last : unix milliseconds that all spans lie between
    """

    spans: Callable[[int, int], Spans]
    concerns: Callable[[Mapping[str, str]], bool]
    mutes: bool = False
    queries: Container[str] = ()
    first: float = -math.inf
    last: float = math.inf


def fixed_mask(
    spans: Spans, concerns: Callable[[Mapping[str, str]], bool], queries: Container[str] = ()
) -> Mask:
    """Return a mask whose spans, at least one, are known once for all."""
    first, last = float(spans[0, 0]), float(spans[-1, 1])
    return Mask(lambda start, end: spans, concerns, queries=queries, first=first, last=last)


class Stretch(NamedTuple):
    """Columns [start, stop) of a batch, and the masks that hold at all of them."""

    start: int
    stop: int
    masks: tuple[Mask, ...]


class Masks:
    """All masks; any thread may ask.

    Parameters
    ----------
    masks : in any order
    """

    def __init__(self, masks: Sequence[Mask] = ()) -> None:
        self._masks = tuple(masks)
        self._kept: dict[tuple[str, Mask], tuple[Keys, Bools]] = {}

    def __bool__(self) -> bool:
        return bool(self._masks)

    def stretches(self, query: str, times: Ints) -> list[Stretch]:
        """Cut columns, int64 [T] in unix milliseconds, where a mask of a query begins or ends."""
        masks, holds = self._holding(query, times)
        edges = np.flatnonzero((holds[:, 1:] != holds[:, :-1]).any(0)) + 1
        starts = [0, *edges.tolist()]
        return [
            Stretch(
                start,
                stop,
                tuple(masks[place] for place in np.flatnonzero(holds[:, start]).tolist()),
            )
            for start, stop in zip(starts, [*starts[1:], len(times)], strict=True)
        ]

    def rows(self, query: str, keys: Keys, masks: Sequence[Mask]) -> Bools:
        """Return which series of a query any of some masks concerns, bool [S]."""
        found = np.zeros(len(keys), dtype=np.bool_)
        for told in self._concerned(query, keys, masks):
            found |= told
        return found

    def where(self, query: str, keys: Keys, times: Ints) -> Bools | None:
        """Return which samples of a query are masked, bool [S, T]; None if none is."""
        masks, holds = self._holding(query, times)
        if not holds.any():
            return None
        found = np.zeros((len(keys), len(times)), dtype=np.bool_)
        for told, held in zip(self._concerned(query, keys, masks), holds, strict=True):
            found |= told[:, None] & held
        return found

    def _concerned(self, query: str, keys: Keys, masks: Sequence[Mask]) -> list[Bools]:
        """Return which series each mask concerns, each bool [S]; found out once for all."""
        new = []
        for mask in masks:
            known = self._kept.get((query, mask))
            if known is None or known[0] != keys:
                new.append(mask)
        if new:
            told = np.empty((len(new), len(keys)), dtype=np.bool_)
            for row, key in enumerate(keys):
                labels = named(key)
                told[:, row] = [mask.concerns(labels) for mask in new]
            self._kept.update(((query, mask), (keys, told[i])) for i, mask in enumerate(new))
        return [self._kept[query, mask][1] for mask in masks]

    def _holding(self, query: str, times: Ints) -> tuple[list[Mask], Bools]:
        """Return the M masks of a query that may hold, and when each does, bool [M, T]."""
        start, end = int(times[0]), int(times[-1]) + 1
        masks = [
            mask
            for mask in self._masks
            if mask.first < end
            and mask.last > start
            and (not mask.queries or query in mask.queries)
        ]
        holds = np.zeros((len(masks), len(times)), dtype=np.bool_)
        for place, mask in enumerate(masks):
            holds[place] = inside(times, mask.spans(start, end))
        return masks, holds


NO_MASKS: Final = Masks()
