"""Thresholds by the book: every verdict ever given is read again from the start."""

BATCH, UP, HIGHEST = 10, 1.1, 1.5


class Book:
    """Histories of one series, and its ratio after each verdict."""

    def __init__(self) -> None:
        self.verdicts: dict[int, str] = {}
        self.ratio = 1.0
        self.batches = 0
        self.raises: list[tuple[float, float]] = []

    def judge(self, incident: int, verdict: str) -> None:
        self.verdicts[incident] = verdict
        wrong = sum(each == "false_alarm" for each in self.verdicts.values())
        if wrong >= BATCH * (self.batches + 1):
            self.batches += 1
            before, self.ratio = self.ratio, round(min(self.ratio * UP, HIGHEST), 6)
            if before != self.ratio:
                self.raises.append((before, self.ratio))

    def undo_last(self) -> None:
        if self.raises:
            self.ratio, _ = self.raises.pop()

    @property
    def count(self) -> int:
        wrong = sum(each == "false_alarm" for each in self.verdicts.values())
        return max(0, wrong - BATCH * self.batches)


def brought_down(
    series: float, query: float, peak: float, configured: float
) -> tuple[float, float]:
    """Every thousandth on the way down to 1 is tried, all of the series' before the query's."""
    tried, start = (series, query), (series, query)

    def is_hidden(pair: tuple[float, float]) -> bool:
        return peak < configured * min(max(pair[0] * pair[1], 0.5), HIGHEST)

    for which in (0, 1):
        while is_hidden(tried) and tried[which] > 1.0:
            lower = max(1.0, tried[which] - 0.001)
            tried = (lower, tried[1]) if which == 0 else (tried[0], lower)
    return start if is_hidden(tried) or series * query <= 1.0 else tried
