"""What may people say of an incident, and what is left of it once it is stored?"""

from dataclasses import dataclass
from typing import Literal, get_args

from webhook.core.text import storable

Verdict = Literal["confirmed", "false_alarm", "expected_change", "maintenance"]
"""Something was wrong; nothing was; it was meant to be so; it was worked on."""

Via = Literal["link", "page", "api", "slack", "cli"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

MAX_REASON = 1_000
MAX_AUTHOR = 100


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with who gave it, why and how."""

    verdict: Verdict
    reason: str
    author: str
    via: Via


def judgement_of(verdict: str, reason: str, author: str, via: Via) -> Judgement:
    """Return what can be stored of what was sent to us.

    Raises
    ------
    ValueError
        If the verdict is none.
    """
    known = next((name for name in VERDICTS if name == verdict), None)
    if known is None:
        allowed = ", ".join(VERDICTS)
        raise ValueError(f"verdict is {storable(verdict)[:50]!r}; allowed: {allowed}")
    return Judgement(known, _clean(reason, MAX_REASON), _clean(author, MAX_AUTHOR), via)


def _clean(text: str, longest: int) -> str:
    """Return one line without what only a terminal understands."""
    line = " ".join("".join(c if c.isprintable() else " " for c in storable(text)).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
