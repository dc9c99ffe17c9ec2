"""How are times, lengths and sizes written for people?"""

from datetime import UTC, datetime

_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def instant(seconds: float) -> str:
    """Write unix seconds as people read them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(at: float, now: float) -> str:
    """Return the HTML for an instant as seen from now, both unix seconds."""
    exact = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    passed = now - at
    words = f"{span(passed)} ago" if passed >= 1.0 else "just now"
    return f'<time datetime="{exact}" title="{instant(at)}">{words}</time>'


def span(seconds: float) -> str:
    """Write a length in its largest fitting unit: 340 ms, 12 s, 3 h."""
    for size_of, unit in _UNITS:
        if seconds >= size_of:
            number = seconds / size_of
            whole = unit in ("s", "ms", "µs") and number < 10
            return f"{number:.2g} {unit}" if whole else f"{number:.0f} {unit}"
    return "0 s" if seconds <= 0.0 else "less than 1 µs"


def size(count: int) -> str:
    """Write a number of bytes."""
    for size_of, unit in _SIZES:
        if count >= size_of:
            return f"{count / size_of:.3g} {unit}"
    return f"{count} bytes"


def amount(count: int, one: str, more: str) -> str:
    """Return "1 query" or "2 queries"."""
    return f"{count} {one if count == 1 else more}"
