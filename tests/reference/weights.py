"""Detectors' weights by the book: all that was ever said is read again from the start."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Peaks = Mapping[str, float]


@dataclass
class Incident:
    """`at` is when it opened, `said_at` when people judged it."""

    at: float
    peak: float
    threshold: float
    peaks: Peaks
    verdict: str | None = None
    said_at: float = 0.0


@dataclass
class Scales:
    """One query. A change is (when, by what, before, after), one that moved nothing included."""

    weights: dict[str, float]
    combine: str
    quorum: float
    incidents: dict[int, Incident] = field(default_factory=dict)
    marks: list[tuple[Peaks, float]] = field(default_factory=list)
    changes: list[tuple[float, str, dict[str, float], dict[str, float]]] = field(
        default_factory=list
    )
    undone: set[int] = field(default_factory=set)

    def ratios(self, at: float) -> dict[str, float]:
        found = dict.fromkeys(self.weights, 1.0)
        for when, _, _, after in self.changes:
            if when <= at:
                found.update(after)
        return found

    def weigh(self, now: float, reason: str) -> None:
        since, by = (self.changes[-1][0], self.changes[-1][1]) if self.changes else (-1.0, "")
        judged = [each for each in self.incidents.values() if each.verdict]
        least = 5 if reason == "weekly" and by not in ("person", "undo") else 20
        if sum(each.said_at > since for each in judged) < least:
            return
        said = [(each.verdict == "confirmed", each.peaks, each.threshold) for each in judged]
        said += [(True, peaks, threshold) for peaks, threshold in self.marks]
        before = self.ratios(now)
        after = self.following(said, before)
        if after or reason != "weekly":
            if self.loses(now, after):
                after = {}
            was = {name: before[name] for name in after}
            self.changes.append((now, reason, was, after))

    def following(
        self, said: list[tuple[bool, Peaks, float]], before: dict[str, float]
    ) -> dict[str, float]:
        real = sum(is_real for is_real, _, _ in said)
        prior = (real + 1) / (len(said) + 2)
        precision = {}
        for name in self.weights:
            right = sum(r for r, peaks, least in said if name in peaks and peaks[name] >= least)
            wrong = sum(not r for r, peaks, least in said if name in peaks and peaks[name] >= least)
            if right + wrong >= 10:
                precision[name] = (right + 20 * prior) / (right + wrong + 20)
        if len(precision) < 2:
            return {}
        weight = sum(self.weights[name] for name in precision)
        mean = sum(self.weights[name] * precision[name] for name in precision) / weight
        after = {}
        for name, each in precision.items():
            low, high = max(0.5, before[name] * 0.9), min(1.5, before[name] * 1.1)
            after[name] = round(sorted((low, each / mean, high))[1], 6)
        if all(0.99 < after[name] / before[name] < 1.01 for name in after):
            return {}
        return {name: ratio for name, ratio in after.items() if ratio != before[name]}

    def loses(self, now: float, after: dict[str, float]) -> bool:
        today = self.ratios(now)
        for each in self.incidents.values():
            if each.verdict != "confirmed" or each.at < now - 14 * 86_400:
                continue
            then = self.score(each.peaks, self.ratios(each.at))
            if not then or each.peak < each.threshold:
                return True
            comes = [
                each.peak * self.score(each.peaks, ratios) / then >= each.threshold - 1e-9
                for ratios in (today, {**today, **after})
            ]
            if comes == [True, False]:
                return True
        return False

    def score(self, peaks: Peaks, ratios: dict[str, float]) -> float:
        votes = [
            (peaks[name], self.weights[name] * ratios[name]) for name in peaks if name in ratios
        ]
        if not votes:
            return 0.0
        total = sum(weight for _, weight in votes)
        if self.combine == "mean":
            return sum(score * weight for score, weight in votes) / total
        if self.combine == "max":
            return max(score * weight for score, weight in votes) / max(w for _, w in votes)
        heard = 0.0
        for score, weight in sorted(votes, reverse=True):
            heard += weight
            if heard >= (self.quorum - 1e-9) * total:
                return score
        raise AssertionError("everybody is a quorum")

    def undo(self, number: int, now: float) -> None:
        """Take back a change, by its place; nothing if that moved nothing or was taken back."""
        _, by, before, after = self.changes[number]
        if by == "undo" or not after or number in self.undone:
            return
        current = self.ratios(now)
        back = {}
        for name in after:
            if current[name] == after[name]:
                back[name] = before[name]
            else:
                way = current[name] * before[name] / after[name]
                back[name] = round(min(max(way, 0.5), 1.5), 6)
        self.undone.add(number)
        self.changes.append((now, "undo", {name: current[name] for name in after}, back))

    def choose(self, name: str, ratio: float, now: float) -> None:
        before = self.ratios(now)[name]
        if before != ratio:
            self.changes.append((now, "person", {name: before}, {name: ratio}))
