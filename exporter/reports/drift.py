"""How does drift read for people? As text on a terminal, and as a page of its own."""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from exporter.adapters.driftmetrics import SEVERITIES
from exporter.core.series import Keys
from exporter.drift.baselines import SHARES, Baseline, Version
from exporter.drift.check import Checked
from exporter.drift.plan import DriftPlan
from exporter.explain import labels_of, short
from promkit.durations import format_duration
from promkit.web import STYLE

UNKNOWN: Final = "cannot tell"
DISPUTED: Final = "disputed"

ACTIONS: Final[Mapping[str, str]] = {
    "critical": "find out now what changed; alerts and forecasts still go by how it was before",
    "high": "find out what changed",
    "moderate": "keep an eye on it",
    "none": "nothing to do",
    UNKNOWN: "wait: too few samples, here or in the baseline",
    DISPUTED: "nothing to do yet: most tests call the change chance, or small",
}
"""What to do, by status, and where one test alone finds drift."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a report.

    Parameters
    ----------
    series : its labels
    status : a word
    measures : test -> statistic, empty where it cannot tell
    is_disputed : some test finds drift, though most do not
    chance : p value of `ks`, likewise
    before, now : medians of the baseline at the same hours and of the window, likewise
    """

    series: str
    status: str
    measures: Mapping[str, str]
    is_disputed: bool
    chance: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """One query of a report.

    Parameters
    ----------
    query : its name
    unit : of its values, may be empty
    about : what was compared with what
    counts : status -> series
    tests : names of the tests
    lines : the worst series first, as many as were asked for
    error : why there is nothing to tell, instead
    """

    query: str
    unit: str
    about: str
    counts: Mapping[str, int]
    tests: Sequence[str]
    lines: Sequence[Line]
    error: str | None = None


def chapter_of(
    plan: DriftPlan, unit: str, baseline: Baseline | None, checked: Checked, most: int
) -> Chapter:
    """Return what a report says of a query.

    most : series that are told of one by one
    """
    degrees = np.where(np.isnan(checked.severity), -1, checked.severity).astype(int)
    status = [SEVERITIES[degree] if degree >= 0 else UNKNOWN for degree in degrees.tolist()]
    largest = [np.nan_to_num(drift.statistic) for drift in checked.tests.values()]
    order = np.lexsort([*largest[::-1], degrees])[::-1]
    lines = []
    for row in order[:most].tolist():
        ks = checked.tests.get("ks")
        lines.append(
            Line(
                series=_series(checked.keys, row),
                status=status[row],
                measures={name: _told(one.statistic[row]) for name, one in checked.tests.items()},
                is_disputed=status[row] == SEVERITIES[0]
                and any(one.severity[row] > 0 for one in checked.tests.values()),
                chance="" if ks is None else _told(ks.p_value[row]),
                before=_told(checked.before[row]),
                now=_told(checked.now[row]),
            )
        )
    return Chapter(
        query=plan.query,
        unit=unit,
        about=_about(plan, baseline),
        counts={word: status.count(word) for word in (*SEVERITIES[::-1], UNKNOWN)},
        tests=list(checked.tests),
        lines=lines,
    )


def failed_chapter(query: str, error: str) -> Chapter:
    """Return what a report says of a query that has no answer."""
    return Chapter(query, "", "", {}, (), (), error)


def as_text(chapters: Sequence[Chapter], now: float) -> str:
    """Return the report for a terminal; `now` in unix seconds."""
    lines = [f"drift report of {report_clock(now)}"]
    for chapter in chapters:
        lines += ["", f"query {chapter.query}{_unit(chapter)}"]
        if chapter.error is not None:
            lines.append(f"  FAILED: {chapter.error}")
            continue
        lines += [f"  {chapter.about}", f"  {_counted(chapter)}"]
        for line in chapter.lines:
            lines.append(f"  {line.status.upper():<11} {line.series}")
            found = [
                f"{name} {told}" + (f" (p {line.chance})" if name == "ks" else "")
                for name, told in line.measures.items()
                if told
            ]
            if found:
                medians = f"median {line.before} before, {line.now} now"
                lines.append(f"    {', '.join(found)}; {medians}")
            lines.append(f"    {_action(chapter, line)}")
        if left := sum(chapter.counts.values()) - len(chapter.lines):
            lines.append(f"  and {left} more, none of them worse")
    return "\n".join(lines) + "\n"


def as_html(chapters: Sequence[Chapter], now: float) -> str:
    """Return the report as a page without scripts or foreign assets; `now` in unix seconds."""
    body = "".join(part for chapter in chapters for part in _section(chapter))
    title = f"Drift report of {report_clock(now)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head>"
        f"<body><h1>{title}</h1>{body}</body></html>\n"
    )


def list_versions(query: str, versions: Sequence[Version], step: int) -> str:
    """Return the baselines of a query, the newest first, one per line."""
    lines = [f"query {query}"]
    for version in versions[::-1]:
        span = format_duration((version.last - version.first + step) / 1000)
        samples = int(np.median(version.summary["samples"])) if version.keys else 0
        taken, first, last = (
            report_clock(instant / 1000) for instant in (version.taken, version.first, version.last)
        )
        lines.append(
            f"  version {version.number}, taken {taken} ({version.reason}): {first} to {last}, "
            f"{span}{', less than configured' if version.is_short else ''}; "
            f"{len(version.keys)} series, {samples} samples each"
        )
    return "\n".join(lines)


def show_version(version: Version) -> str:
    """Return the moments and percentiles of every series of a baseline."""
    shown = [SHARES.index(share) for share in (0.0, 5.0, 50.0, 95.0, 100.0)]
    lines = [f"version {version.number}: samples, mean, deviation; min, 5 %, median, 95 %, max"]
    for row in range(len(version.keys)):
        mean, deviation = (_told(version.summary[name][row]) for name in ("mean", "deviation"))
        marks = ", ".join(_told(version.summary["percentiles"][row, place]) for place in shown)
        count = int(version.summary["samples"][row])
        lines.append(f"  {_series(version.keys, row)} {count}, {mean}, {deviation}; {marks}")
    return "\n".join(lines)


def _section(chapter: Chapter) -> Iterator[str]:
    yield f"<h2>{html.escape(chapter.query + _unit(chapter))}</h2>"
    if chapter.error is not None:
        yield f"<p>Failed: {html.escape(chapter.error)}</p>"
        return
    yield f"<p>{html.escape(chapter.about)}<br>{html.escape(_counted(chapter))}</p>"
    head = ("status", "series", *chapter.tests, "p value", "median before", "median now", "action")
    yield f"<table>{_row('th', head)}"
    for line in chapter.lines:
        measures = (line.measures[name] for name in chapter.tests)
        action = _action(chapter, line)
        cells = (line.status, line.series, *measures, line.chance, line.before, line.now, action)
        yield _row("td", cells)
    yield "</table>"
    if left := sum(chapter.counts.values()) - len(chapter.lines):
        yield f"<p>And {left} more, none of them worse.</p>"


def _row(cell: str, texts: Sequence[str]) -> str:
    cells = "".join(f"<{cell}>{html.escape(text)}</{cell}>" for text in texts)
    return f"<tr>{cells}</tr>"


def _about(plan: DriftPlan, baseline: Baseline | None) -> str:
    window = format_duration(plan.window * plan.step / 1000)
    wanted = format_duration(plan.reference * plan.step / 1000)
    if baseline is None:
        return f"no baseline yet: there is less history than a window of {window}"
    version = baseline.newest
    span = format_duration((version.last - version.first + plan.step) / 1000)
    short_of = f", less than the {wanted} that are configured" if version.is_short else ""
    return (
        f"the last {window} beside baseline {version.number} ({version.reason}): {span} up to "
        f"{report_clock(version.last / 1000)}{short_of}"
    )


def _action(chapter: Chapter, line: Line) -> str:
    if line.status not in ("high", "critical"):
        return ACTIONS[DISPUTED if line.is_disputed else line.status]
    command = f"anomaly-exporter drift retake --query {chapter.query}"
    return f"{ACTIONS[line.status]}; if it is to stay: {command}"


def _counted(chapter: Chapter) -> str:
    told = ", ".join(f"{count} {word}" for word, count in chapter.counts.items() if count)
    return f"{sum(chapter.counts.values())} series{': ' if told else ''}{told}"


def _unit(chapter: Chapter) -> str:
    return f" in {chapter.unit}" if chapter.unit else ""


def _series(keys: Keys, row: int) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in labels_of(keys[row]).items())
    return f"{{{labels}}}"


def _told(number: float) -> str:
    return "" if np.isnan(number) else short(float(number))


def report_clock(instant: float) -> str:
    """Return an instant, unix seconds, as reports have it."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M UTC")
