"""What is known of every fit of a query's model, of those that were refused, too?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from exporter.lifecycle.quality import Quality

Reason = Literal["first run", "schedule", "drift", "command"]
Decision = Literal["first", "promoted", "refused"]

REMEMBERED: Final = 50
"""Refused challengers, and versions that are no longer kept, whose manifests are."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One fit: what it was made from and how good it was.

    Parameters
    ----------
    number : counts the fits of the query, refused ones too
    reason : why it was made
    decision : what became of it; the first one has nobody to be compared with
    made : unix seconds
    first, last : unix milliseconds of the history that it was made from
    columns, series : of that history
    samples : likewise; None where nobody counted them
    parameters : the query's settings that matter
    fingerprint : what its state depends on
    exporter : version of this program
    until : unix milliseconds of the last column that it has learned
    quality : on the held-back tail; None before there was one
    beside : number of the champion that it was compared with, and `champion` its quality
    worse : the measures in which it was worse
    drift : number of series by severity when it was made; None without drift checks
    """

    number: int
    reason: Reason
    decision: Decision
    made: float
    first: int
    last: int
    columns: int
    series: int
    samples: int | None
    parameters: dict[str, Any]
    fingerprint: str
    exporter: str
    until: int
    quality: Quality | None = None
    beside: int | None = None
    champion: Quality | None = None
    worse: tuple[str, ...] = ()
    drift: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Life:
    """The past and present of one query's model.

    Parameters
    ----------
    manifests : of all fits that are remembered, oldest first
    champion : number of the version in force; 0 for none
    tried : unix seconds of the last fit
    drifted : unix seconds of the last one because of drift; 0 for never
    held_until : unix seconds until which none is made by schedule or on drift
    """

    manifests: tuple[Manifest, ...] = ()
    champion: int = 0
    tried: float = 0.0
    drifted: float = 0.0
    held_until: float = 0.0

    @property
    def next_number(self) -> int:
        """The number of the next fit."""
        return max((one.number for one in self.manifests), default=0) + 1

    @property
    def refusals(self) -> int:
        """How many challengers in a row were refused."""
        count = 0
        for one in reversed(self.manifests):
            if one.decision != "refused":
                break
            count += 1
        return count

    def manifest(self, number: int) -> Manifest | None:
        """Return what is known of a fit."""
        return next((one for one in self.manifests if one.number == number), None)

    def versions(self) -> tuple[Manifest, ...]:
        """Return those that were ever in force, oldest first."""
        return tuple(one for one in self.manifests if one.decision != "refused")

    def kept(self, keep: int) -> tuple[int, ...]:
        """Return the numbers of versions to keep: the champion, and who was in force last.

        That is not the one with the highest number where somebody has gone back.
        """
        others = [one for one in self.versions() if one.number != self.champion]
        others.sort(key=lambda one: (one.until, one.number), reverse=True)
        champion = (self.champion,) if self.champion else ()
        return (*champion, *(one.number for one in others))[:keep]

    def with_fit(self, fit: Manifest) -> "Life":
        """Return the life after a fit; one that was not refused is the champion."""
        others = (*self.manifests, fit)
        after = replace(
            self,
            manifests=_remembered(others),
            tried=fit.made,
            drifted=fit.made if fit.reason == "drift" else self.drifted,
        )
        return after if fit.decision == "refused" else replace(after, champion=fit.number)

    def with_facts(self, number: int, **facts: Any) -> "Life":
        """Return the life with something else known of a fit."""
        changed = (replace(one, **facts) if one.number == number else one for one in self.manifests)
        return replace(self, manifests=tuple(changed))


def _remembered(manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
    refused = [one for one in manifests if one.decision == "refused"][-REMEMBERED:]
    others = [one for one in manifests if one.decision != "refused"][-REMEMBERED:]
    return tuple(sorted((*refused, *others), key=lambda one: one.number))
