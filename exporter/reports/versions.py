"""How do the versions of a model read for people?"""

import textwrap
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from exporter.lifecycle.decision import NOTHING_JUDGED, TOLERANCES
from exporter.lifecycle.quality import Quality
from exporter.lifecycle.versions import Life, Manifest

MEASURES: Final[Mapping[str, str]] = {
    "series_days": "series times days that were judged",
    "judged_ratio": "share of the samples that could be judged",
    "alarms_per_series_day": "anomalies per series and day",
    "anomalous_ratio": "share of the samples that were anomalous",
    "band_error_ratio": "distance from the expected value, in deviations",
    "band_width_ratio": "half width of the band, in deviations",
    "band_coverage_ratio": "share of the samples inside the band",
    "incidents": "real incidents that could be seen",
    "incidents_caught": "of them, those that were",
    "false_alarms": "false alarms, as people said",
    "false_alarms_repeated": "of them, those that were raised again",
}
"""Field of `Quality` -> what it means."""

WIDTH: Final = 100
"""Characters of a line."""


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def list_fits(life: Life, kept: Collection[int], damaged: Collection[int]) -> str:
    """Return a table of all fits of a query's model, newest first, no wider than `WIDTH`.

    kept : numbers of the versions whose files are there
    damaged : of those whose files were, and are moved aside
    """
    head = _cells("fit", "fitted, UTC", "because of", "alarms", "band error") + "state"
    return "\n".join([head, *(_line(fit, life, kept, damaged) for fit in life.manifests[::-1])])


def _line(fit: Manifest, life: Life, kept: Collection[int], damaged: Collection[int]) -> str:
    if fit.decision == "refused":
        state = f"refused: worse in {', '.join(fit.worse)}"
        if fit.worse == (NOTHING_JUDGED,):
            state = "refused: nothing could be judged"
    elif fit.number == life.champion:
        state = "in force"
    elif fit.number in kept:
        state = f"kept, as of {_clock(fit.until / 1000)}"
    elif fit.number in damaged:
        state = "damaged, moved aside"
    else:
        state = "no longer kept"
    alarms, error = (
        _number(fit.quality, name, 3) for name in ("alarms_per_series_day", "band_error_ratio")
    )
    cells = _cells(str(fit.number), _clock(fit.made), fit.reason, alarms, error)
    return textwrap.fill(
        state,
        WIDTH,
        initial_indent=cells,
        subsequent_indent=" " * len(cells),
        break_long_words=False,
    )


def _cells(number: str, made: str, reason: str, alarms: str, error: str) -> str:
    return f"{number:>5}  {made:<16}  {reason:<10}  {alarms:>8}  {error:>10}  "


def show_fit(fit: Manifest, arrays: Mapping[str, Any] | None) -> str:
    """Return the manifest of a fit as JSON.

    arrays : dtype, shape and checksum of every array; None if they are not kept
    """
    manifest = {**msgspec.to_builtins(fit), "arrays": arrays}
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()


def compare_fits(first: Manifest, second: Manifest) -> str:
    """Return the measures of two fits side by side, and the parameters that differ."""
    lines = [_row("", first.number, second.number)]
    for name, text in (
        ("made", "fitted, UTC"),
        ("reason", "because of"),
        ("columns", "columns of history"),
        ("series", "series"),
        ("samples", "samples"),
    ):
        pair = [getattr(one, name) for one in (first, second)]
        if name == "made":
            pair = [datetime.fromtimestamp(one, UTC).strftime("%m-%d %H:%M") for one in pair]
        lines.append(_row(text, *pair))
    *qualities, judged = _qualities(first, second)
    for name, text in MEASURES.items():
        pair = [_number(one, name, 4) for one in qualities]
        lines.append(_row(f"{text} ({name})" if name in TOLERANCES else text, *pair))
    lines.append(f"It is decided by those with a name in brackets. {judged}")
    differing = list(_differing(first.parameters, second.parameters))
    lines += ["parameters that differ:", *differing] if differing else ["parameters: the same"]
    return "\n".join(lines)


def _qualities(first: Manifest, second: Manifest) -> tuple[Quality | None, Quality | None, str]:
    """Return those of both on the same data if there are such, and what they were judged on."""
    same = "Both were judged on the data held back from fit {}."
    if second.beside == first.number:
        return second.champion, second.quality, same.format(second.number)
    if first.beside == second.number:
        return first.quality, first.champion, same.format(first.number)
    return first.quality, second.quality, "Each was judged on the data of its own time."


def _number(quality: Quality | None, name: str, digits: int) -> str:
    value = None if quality is None else getattr(quality, name)
    return "-" if value is None else f"{value:.{digits}g}"


def _row(text: str, first: object, second: object) -> str:
    return f"{text:<68}" + "".join(
        f"{'-' if one is None else str(one):>14}" for one in (first, second)
    )


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            yield f"  {name}: {first.get(name)} -> {second.get(name)}"
