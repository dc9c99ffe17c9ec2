"""What do the parameters of a request ask for? What is wrong with one is said, never guessed."""

from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from webhook.core.text import storable

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000


class BadParameter(ValueError):
    """A query parameter that cannot be used; the text names it."""


def parameters(request: web.Request, known: tuple[str, ...]) -> Mapping[str, str]:
    """Return the parameters of a request, all of which are known."""
    for name in request.query:
        if name not in known:
            raise BadParameter(f"unknown parameter {name!r}; allowed: {', '.join(known)}")
    # PostgreSQL refuses U+0000, even to compare with.
    return {name: storable(request.query[name]) for name in request.query}


def one_of(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str | None:
    """Return one of a few words, or None when it was not given."""
    value = given.get(name)
    if value is not None and value not in allowed:
        raise BadParameter(f"{name} is {value!r}; allowed: {', '.join(allowed)}")
    return value


def number(given: Mapping[str, str], name: str) -> int | None:
    """Return a whole number, or None when it was not given."""
    value = given.get(name)
    if value is None:
        return None
    if (found := whole_number(value)) is None:
        raise BadParameter(f"{name} is {value!r}; allowed: a whole number")
    return found


def whole_number(text: str) -> int | None:
    """Return the number of a row that a text names; None where it names none."""
    # More digits than these no database has numbers for.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def page_size(given: Mapping[str, str]) -> int:
    """Return how many rows a page may have."""
    limit = number(given, "limit")
    if limit is None:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise BadParameter(f"limit is {limit}; allowed: 1 to {MAX_LIMIT}")
    return limit


def since(given: Mapping[str, str]) -> float | None:
    """Return an instant in unix seconds, or None when it was not given."""
    value = given.get("since")
    return None if value is None else instant("since", value)


def instant(name: str, value: str) -> float:
    """Return the unix seconds that a text stands for; `name` is what it is called."""
    try:
        if value.replace(".", "", 1).isdigit():
            return float(value)
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadParameter(
            f"{name} is {value[:50]!r}; allowed: unix seconds, or a time such as "
            "2026-11-21T10:00:00Z"
        ) from None
