"""What do Alertmanager's silences say of times and series, as one text that programs can read?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from webhook.core.links import quoted

Operator = Literal["=", "!=", "=~", "!~"]

# Alertmanager forgets silences five days after their end, unless it was told otherwise.
KEPT_SECONDS = 14 * 86_400.0
MOST = 500
MOST_CHARACTERS = 4_096
_LEGACY_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which alerts that all matchers accept were to be kept from people.

    Parameters
    ----------
    id : Alertmanager's
    matchers : as `matchers_text` writes them
    starts_at, ends_at : unix seconds; an end before its time is an earlier end
    """

    id: str
    matchers: str
    starts_at: float
    ends_at: float


def operator_of(*, is_regex: bool, is_equal: bool) -> Operator:
    """Return how Alertmanager's two flags of a matcher are written."""
    if is_regex:
        return "=~" if is_equal else "!~"
    return "=" if is_equal else "!="


def matchers_text(matchers: Iterable[tuple[str, Operator, str]]) -> str:
    """Write matchers, by name, operator and value, so that Alertmanager reads them as the same."""
    parts = [
        f"{name if _LEGACY_NAME.fullmatch(name) else quoted(name)}{operator}{quoted(value)}"
        for name, operator, value in sorted(matchers)
    ]
    return f"{{{','.join(parts)}}}"


def publishable(silences: Iterable[Silence], now: float) -> tuple[list[Silence], int]:
    """Return those to publish, and how many are left out.

    What has not begun may still be taken back, and what was over before it began silenced nothing:
    both are no news. What is too long to be a label, or one of too many, is left out.

    now : unix seconds
    """
    told = [
        each
        for each in silences
        if each.starts_at <= now
        and each.starts_at < each.ends_at
        and each.ends_at > now - KEPT_SECONDS
    ]
    # A text that was cut would say something else.
    short = [each for each in told if len(each.matchers) <= MOST_CHARACTERS]
    short.sort(key=lambda each: (each.ends_at, each.id), reverse=True)
    kept = short[:MOST]
    return kept, len(told) - len(kept)
