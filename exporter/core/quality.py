"""How complete are a query's data?

A query's answer is on a grid, so what was lost shows as cells without a sample. A hole counts once
the series goes on: only then is it a gap and not the end of a series. A series that was gone for so
long that it is reported as missing had no gap, either.

The counts fade with the age of their column. What was lost in an outage of last week, which a
look-back reads today, then weighs nothing; and since a sum that fades is carried from column to
column, it does not matter how many of them an evaluation sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

import numpy as np

from exporter.core.series import NEVER, Bools, Ints, SeriesBatch

FADING: Final = 1_800_000
"""Milliseconds after which a column weighs 1/e; all columns together weigh as half an hour does."""

TELLING: Final = 300_000
"""Milliseconds beyond its grace after which a series has been told of as missing: the `for` of
AnomalySeriesMissing."""


class Counts(NamedTuple):
    """Faded numbers of what was seen of all series.

    Parameters
    ----------
    arrived : samples, whatever their value
    lost : samples that lack between two others of their series
    gaps : of which so many series' pauses consist
    unfit : samples that are NaN or infinite
    appeared, vanished : series that began or came back, and that went
    """

    arrived: float = 0.0
    lost: float = 0.0
    gaps: float = 0.0
    unfit: float = 0.0
    appeared: float = 0.0
    vanished: float = 0.0


@dataclass(frozen=True, slots=True)
class Quality:
    """What came of a query lately, and what did not; NaN where nothing did.

    Parameters
    ----------
    counts : of the time that is remembered
    seconds : how much that is, faded likewise
    newest : unix milliseconds of the newest sample of any series, `NEVER` for none
    """

    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    newest: int = NEVER

    @property
    def completeness(self) -> float:
        """Share of the samples that are there."""
        counts = self.counts
        return _ratio(counts.arrived, counts.arrived + counts.lost)

    @property
    def unfit(self) -> float:
        """Share of the samples that are NaN or infinite."""
        return _ratio(self.counts.unfit, self.counts.arrived)

    @property
    def gaps_per_second(self) -> float:
        """How often a series paused and went on."""
        return _ratio(self.counts.gaps, self.seconds)

    @property
    def appeared_per_second(self) -> float:
        """How often a series began, or came back after it was gone."""
        return _ratio(self.counts.appeared, self.seconds)

    @property
    def vanished_per_second(self) -> float:
        """How often a series was gone."""
        return _ratio(self.counts.vanished, self.seconds)

    def numbers(self) -> list[float]:
        """Return what `of` takes."""
        return [*self.counts, self.seconds, float(self.newest)]

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Self:
        """Return the quality that `numbers` was asked of."""
        *counts, seconds, newest = map(float, numbers)
        return cls(Counts(*counts), seconds, int(newest))


def merged(parts: Sequence[Quality]) -> Quality:
    """Return the quality of series that were looked at in parts, over the same columns."""
    counts = np.sum([part.counts for part in parts], 0)
    newest = max(part.newest for part in parts)
    return Quality(Counts(*map(float, counts)), parts[0].seconds, newest)


def observe(
    quality: Quality, seen: Ints, heard: Ints, batch: SeriesBatch, until: int, longest: int
) -> tuple[Quality, Ints]:
    """Return the quality after a batch, and when each series was last heard of, int64 [S].

    Parameters
    ----------
    quality : as of `until`
    seen : int64 [S], unix milliseconds of each series' last value
    heard : int64 [S], likewise of the last sample, NaN or not
    until : unix milliseconds of the last column before the batch, `NEVER` for none
    longest : milliseconds; a series that is silent for longer is gone
    """
    times, step = batch.times, batch.step
    has_value = ~np.isnan(batch.values)
    is_unfit = np.isinf(batch.values)
    arrived = has_value
    if batch.undefined is not None:
        arrived = has_value | batch.undefined
        is_unfit |= batch.undefined
    before, heard = _silence(arrived, heard, times)
    is_gap = arrived & (before > step) & (before <= longest)
    absent = before
    if arrived is not has_value or not np.array_equal(seen, heard):
        absent, _ = _silence(has_value, seen, times)
    appeared = has_value & (absent > longest)
    if until == NEVER:
        appeared[:, :1] = False  # they were there already, for all one knows
    vanished = ~has_value & (absent > longest) & (absent <= longest + step)
    weights = np.exp((times - times[-1]) / FADING)
    per_column = (
        arrived.sum(0),
        np.where(is_gap, before // step - 1, 0).sum(0),
        is_gap.sum(0),
        is_unfit.sum(0),
        appeared.sum(0),
        vanished.sum(0),
    )
    fade = float(np.exp((until - times[-1]) / FADING))
    fresh = [float(counts @ weights) for counts in per_column]
    counts = [fade * old + new for old, new in zip(quality.counts, fresh, strict=True)]
    seconds = fade * quality.seconds + float(weights.sum()) * step / 1000
    newest = max(quality.newest, int(heard.max(initial=NEVER)))
    return Quality(Counts(*counts), seconds, newest), heard


def _silence(is_there: Bools, before: Ints, times: Ints) -> tuple[Ints, Ints]:
    """Return how long each series was silent before each column [S, T], and its last sign [S]."""
    last = np.where(is_there, times, np.int64(NEVER))
    last = np.column_stack((before, last))
    np.maximum.accumulate(last, 1, out=last)
    return times - last[:, :-1], last[:, -1].copy()


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
