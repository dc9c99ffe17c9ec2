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
