"""How rare is a deviation, as a confidence that means the same for every detector?

A detector measures a deviation in robust standard deviations. Its two-sided tail probability under
a heavy-tailed law (Student's t) is put on a log scale, so that a step of 0.1 means the same factor
of rarity everywhere, for any detector. Student's t with few degrees of freedom, not the normal law:
operational metrics have tails that make five normal sigmas an everyday event (Clauset et al. 2009,
doi:10.1137/070710111). docs/decisions/calibration.md tells how the two constants were chosen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.special import stdtr, stdtrit

from exporter.core.series import Floats

DECADES: Final = 7.0
"""Powers of ten of rarity that make full confidence: 1 is one sample in ten million."""

TAIL_DOF: Final = 8.0
"""Degrees of freedom of the tail."""

ANOMALOUS: Final = 0.6
"""The default threshold, and the confidence at which a band has its edges: 7.6 sigmas."""

LEARNABLE: Final = 0.5
"""Samples with a higher confidence do not enter a baseline: an incident must not widen the band it
is judged by, not even while it is still below the threshold."""

_NOTHING: Final = 1e-300
"""Widths below this stand for zero; they only keep divisions defined."""

MAX_SIGMAS: Final = 1000.0
"""Deviations are cut here, so that a constant past does not publish infinities."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What one detector, or the ensemble, says of every sample; each float64 [S, T].

    Parameters
    ----------
    score : confidence in [0, 1] that something worth an alert is happening; NaN "cannot tell"
    expected, lower, upper : the band the sample was judged against, in the unit of the series
    sigmas : signed distance from `expected` in robust standard deviations
    level : how unusual the sample is in [0, 1], for ranking and dashboards: without the caution
        that `score` needs because it wakes people; a detector that has only one opinion gives it
        as both
    signals : gauges of its own that a detector publishes, name -> float64 [S, T]
    onset : how much of something new begins with the sample, in [0, 1]: high once for an incident,
        while the score stays; None where it is the score
    """

    score: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    sigmas: Floats
    level: Floats
    signals: Mapping[str, Floats] = field(default_factory=dict)
    onset: Floats | None = None

    @property
    def beginning(self) -> Floats:
        """The onset, or the score of a detector that does not tell them apart."""
        return self.score if self.onset is None else self.onset

    def rows(self, rows: slice) -> "Scores":
        """Return the scores of some series, as views."""
        return Scores(
            self.score[rows],
            self.expected[rows],
            self.lower[rows],
            self.upper[rows],
            self.sigmas[rows],
            self.level[rows],
            {name: signal[rows] for name, signal in self.signals.items()},
            None if self.onset is None else self.onset[rows],
        )


class StudentTail:
    """Rarity on a log scale under Student's t.

    Parameters
    ----------
    dof : degrees of freedom; the fewer, the heavier the tail
    """

    def __init__(self, dof: float) -> None:
        self._dof = dof
        # Off the exact curve by less than 1e-6, at a tenth of its cost.
        self._sigmas = np.linspace(0.0, self.sigmas_at(1.0), 8192)
        self._confidences = np.abs(np.log10(2.0 * stdtr(dof, -self._sigmas))) / DECADES

    def confidence(self, sigmas: Floats) -> Floats:
        """Return the confidence in [0, 1] that deviations are anomalous; NaN stays NaN."""
        told: Floats = np.interp(np.abs(sigmas), self._sigmas, self._confidences, right=1.0)
        return told

    def sigmas_at(self, score: float) -> float:
        """Return the deviation whose confidence is `score`."""
        return -float(stdtrit(self._dof, 0.5 * 10.0 ** (-score * DECADES)))


_TAIL: Final = StudentTail(TAIL_DOF)


def confidence(sigmas: Floats) -> Floats:
    """Return the confidence in [0, 1] that deviations of `sigmas` are anomalous; NaN stays NaN."""
    return _TAIL.confidence(sigmas)


def sigmas_at(score: float) -> float:
    """Return the deviation whose confidence is `score`: the inverse of `confidence`."""
    return _TAIL.sigmas_at(score)


BAND_SIGMAS: Final = sigmas_at(ANOMALOUS)


def blank_scores(series: int, columns: int, signals: Iterable[str] = ()) -> Scores:
    """Return scores that cannot tell; `level` is `score`, the same array."""

    def blank() -> Floats:
        return np.full((series, columns), np.nan)

    score = blank()
    own = {name: blank() for name in signals}
    return Scores(score, blank(), blank(), blank(), blank(), level=score, signals=own)


def write_column(
    scores: Scores,
    column: int,
    now: Floats,
    center: Floats,
    spread: Floats,
    edge: float = BAND_SIGMAS,
) -> Floats:
    """Judge the samples `now` [S] against `center` and `spread`, into `column`; return its score.

    edge : the deviation that scores `ANOMALOUS`, where the band ends

    The band is written wherever there is a centre, the score only where there is a sample too.
    """
    sigmas = np.clip((now - center) / spread, -MAX_SIGMAS, MAX_SIGMAS)
    scores.score[:, column] = confidence(sigmas * (BAND_SIGMAS / edge))
    scores.expected[:, column] = center
    half_width = edge * spread
    half_width[half_width < _NOTHING] = 0.0
    scores.lower[:, column] = center - half_width
    scores.upper[:, column] = center + half_width
    scores.sigmas[:, column] = sigmas
    result: Floats = scores.score[:, column]
    return result
