"""How do the versions of a model read for people?"""

from collections.abc import Iterator, Mapping
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

_WHAT: Final = {NOTHING_JUDGED: "nothing could be judged"}


def clock(seconds: float) -> str:
    """Return unix seconds as people read them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def list_fits(query: str, life: Life, kept: tuple[int, ...]) -> str:
    """Return one line per fit of a query's model, newest first."""
    if not life.manifests:
        return f"query {query}\n  no version is kept yet"
    return "\n".join([f"query {query}", *(_line(fit, life, kept) for fit in life.manifests[::-1])])


def _line(fit: Manifest, life: Life, kept: tuple[int, ...]) -> str:
    if fit.decision == "refused":
        state = f"refused: worse in {', '.join(fit.worse)}"
        if fit.worse == (NOTHING_JUDGED,):
            state = f"refused: {_WHAT[NOTHING_JUDGED]}"
    elif fit.number == life.champion:
        state = "in force"
    elif fit.number in kept:
        state = f"kept, as of {clock(fit.until / 1000)}"
    else:
        state = "no longer kept"
    told = "not judged"
    if fit.quality is not None:
        alarms, error = (
            "-" if one is None else f"{one:.3g}"
            for one in (fit.quality.alarms_per_series_day, fit.quality.band_error_ratio)
        )
        told = f"alarms {alarms} a day and series, band error {error}"
    return f"  {fit.number:>4}  {clock(fit.made)}  {fit.reason:<9}  {told:<48}  {state}"


def show_fit(fit: Manifest, arrays: Mapping[str, Any] | None) -> str:
    """Return the manifest of a fit as JSON.

    arrays : dtype, shape and checksum of every array; None if they are not kept
    """
    manifest = {**msgspec.to_builtins(fit), "arrays": arrays}
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()


def compare_fits(first: Manifest, second: Manifest) -> str:
    """Return the measures of two fits side by side, and the parameters that differ."""
    lines = [f"{'':<52}{first.number:>14}{second.number:>14}"]
    for name, text in (
        ("made", "fitted"),
        ("reason", "because of"),
        ("columns", "columns of history"),
        ("series", "series"),
        ("samples", "samples"),
    ):
        pair = [getattr(one, name) for one in (first, second)]
        if name == "made":
            pair = [datetime.fromtimestamp(one, UTC).strftime("%m-%d %H:%M") for one in pair]
        lines.append(_row(text, *pair))
    for name, text in MEASURES.items():
        pair = [
            None if one.quality is None else _number(one.quality, name) for one in (first, second)
        ]
        lines.append(_row(text + ("" if name in TOLERANCES else " *"), *pair))
    lines.append("* is not decided by; each was judged on the tail of its own time")
    differing = list(_differing(first.parameters, second.parameters))
    lines += ["parameters that differ:", *differing] if differing else ["parameters: the same"]
    return "\n".join(lines)


def _number(quality: Quality, name: str) -> str | None:
    value = getattr(quality, name)
    return None if value is None else f"{value:.4g}"


def _row(text: str, first: object, second: object) -> str:
    return f"{text:<52}" + "".join(
        f"{'-' if one is None else str(one):>14}" for one in (first, second)
    )


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            yield f"  {name}: {first.get(name)} -> {second.get(name)}"
