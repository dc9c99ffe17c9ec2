"""Who judges, and how reliably?"""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class People:
    """Who judges: the next morning, not everything, and not without mistakes.

    Parameters
    ----------
    answers : share of incidents that get a verdict
    mistakes : share of verdicts that are wrong
    marks : share of what was wrong and not alerted on that is marked as missed
    """

    random: Random
    answers: float = 0.7
    mistakes: float = 0.03
    marks: float = 0.5

    def verdict(self, *, is_real: bool) -> bool | None:
        """Return whether they say it was real; None when they say nothing."""
        if self.random.random() >= self.answers:
            return None
        return is_real != (self.random.random() < self.mistakes)
