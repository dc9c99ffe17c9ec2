"""Which samples are not to be learned from? Those in times that people call out of the ordinary."""

from collections.abc import Callable, Mapping, Sequence
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
    concerns : tells, given a query and the labels of one of its series, whether it is meant
    mutes : those samples are not judged either
    """

    spans: Callable[[int, int], Spans]
    concerns: Callable[[str, Mapping[str, str]], bool]
    mutes: bool = False


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

    def stretches(self, times: Ints) -> list[Stretch]:
        """Cut columns, int64 [T] in unix milliseconds, where a mask begins or ends."""
        holds = self._holds(times)
        edges = np.flatnonzero((holds[:, 1:] != holds[:, :-1]).any(0)) + 1
        starts = [0, *edges.tolist()]
        return [
            Stretch(
                start,
                stop,
                tuple(self._masks[place] for place in np.flatnonzero(holds[:, start]).tolist()),
            )
            for start, stop in zip(starts, [*starts[1:], len(times)], strict=True)
        ]

    def rows(self, query: str, keys: Keys, masks: Sequence[Mask]) -> Bools:
        """Return which series any of some masks concerns, bool [S]."""
        found = np.zeros(len(keys), dtype=np.bool_)
        for mask in masks:
            known = self._kept.get((query, mask))
            if known is None or known[0] != keys:
                told = [mask.concerns(query, named(key)) for key in keys]
                known = self._kept[query, mask] = keys, np.array(told, dtype=np.bool_)
            found |= known[1]
        return found

    def where(self, query: str, keys: Keys, times: Ints) -> Bools | None:
        """Return which samples are masked, bool [S, T]; None if none is."""
        holds = self._holds(times)
        masks = [place for place in range(len(self._masks)) if holds[place].any()]
        if not masks:
            return None
        found = np.zeros((len(keys), len(times)), dtype=np.bool_)
        for place in masks:
            found |= self.rows(query, keys, (self._masks[place],))[:, None] & holds[place]
        return found

    def _holds(self, times: Ints) -> Bools:
        """Return which mask holds when, bool [M, T]."""
        holds = np.zeros((len(self._masks), len(times)), dtype=np.bool_)
        for place, mask in enumerate(self._masks):
            holds[place] = inside(times, mask.spans(int(times[0]), int(times[-1]) + 1))
        return holds


NO_MASKS: Final = Masks()
