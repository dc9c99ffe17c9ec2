"""Live skill of one series, told forecast by forecast."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Told = tuple[float, float, float, float]
"""The forecaster's word, seasonal naive's, and the band."""


@dataclass
class SeriesSkill:
    leads: Sequence[int]
    memory: float
    waiting: list[dict[int, Told]] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    compared: list[list[tuple[float, Told]]] = field(default_factory=list)
    replaced: bool = False

    def __post_init__(self) -> None:
        self.waiting = [{} for _ in self.leads]
        self.compared = [[] for _ in self.leads]
        self.last = [-(10**15)] * len(self.leads)

    def cycle(self, came: Mapping[int, float], now: int, told: Sequence[Told]) -> None:
        """Take in the samples since the last cycle, and what is forecast at `now` per lead."""
        for place, lead in enumerate(self.leads):
            for due in sorted(self.waiting[place]):
                if due <= max(came, default=due - 1):
                    forecast = self.waiting[place].pop(due)
                    if not math.isnan(came.get(due, math.nan)):
                        self.compared[place].append((came[due], forecast))
            is_time = now + lead - self.last[place] >= lead / 24
            if is_time and not math.isnan(told[place][0]) and not math.isnan(told[place][1]):
                self.waiting[place][now + lead] = told[place]
                self.last[place] = now + lead
        ratio, count = self.error_ratio(), self.count()
        if self.replaced:
            self.replaced = not ratio < 1
        elif count >= 48:
            self.replaced = math.log(ratio) * math.sqrt(count / 24) > 2

    def count(self) -> float:
        return sum(sum(self._weights(place)) for place in range(len(self.leads)))

    def error_ratio(self) -> float:
        return self._mean(lambda came, told: abs(came - told[0])) / self._naive()

    def bias_ratio(self) -> float:
        return self._mean(lambda came, told: came - told[0]) / self._naive()

    def coverage_ratio(self) -> float:
        inside = 0.0
        for place, compared in enumerate(self.compared):
            for weight, (came, told) in zip(self._weights(place), compared, strict=True):
                inside += weight * (told[2] <= came <= told[3])
        return inside / self.count()

    def _naive(self) -> float:
        return self._mean(lambda came, told: abs(came - told[1])) or math.nan

    def _weights(self, place: int) -> list[float]:
        count = len(self.compared[place])
        return [math.exp(-age / self.memory) for age in range(count - 1, -1, -1)]

    def _mean(self, error: Callable[[float, Told], float]) -> float:
        total = 0.0
        for place, compared in enumerate(self.compared):
            weights = self._weights(place)
            if weights:
                errors = [error(came, told) for came, told in compared]
                total += sum(w * e for w, e in zip(weights, errors, strict=True)) / sum(weights)
        return total
