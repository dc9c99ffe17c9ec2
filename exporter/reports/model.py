"""How do models read for people? What to do with each, its numbers, and how its inputs drifted."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.adapters.driftmetrics import SEVERITIES
from exporter.explain import short
from exporter.modelwatch.advice import Advice, advice_of, signs_of
from exporter.modelwatch.degradation import DEGREES, Degradation, ModelQuality
from exporter.modelwatch.measures import LEAST, LEAST_DAYS, Measures
from exporter.reports.drift import UNKNOWN, Chapter, report_clock
from promkit.web import STYLE

_FAILED: Final = "failed"
_WORST_FIRST: Final = (_FAILED, *SEVERITIES[::-1], UNKNOWN)

_COLUMNS: Final = ("predictions", "labelled", "precision", "recall", "F1", "ROC-AUC")

_REFERENCES: Final = {
    "configured": "the `baseline_f1` that is configured",
    "first_days": "that of its first 30 days",
    "previous_version": "that of the last 30 days of the version before",
}


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A feature or the prediction.

    Parameters
    ----------
    name : of the feature; None for the prediction
    drift : what the drift report says of it
    """

    name: str | None
    drift: Chapter

    @property
    def status(self) -> str:
        """The worst of its series."""
        if self.drift.error is not None:
            return _FAILED
        return next((word for word in _WORST_FIRST if self.drift.counts.get(word)), UNKNOWN)

    @property
    def has_drifted(self) -> bool:
        """Whether any of its series has, highly or critically."""
        return self.status in ("high", "critical")


@dataclass(frozen=True, slots=True)
class ModelChapter:
    """One model of a report.

    Parameters
    ----------
    model, version : which
    parts : its features, and its prediction
    quality : None for a model without a label, or if there is an error
    error : why its quality is not known
    """

    model: str
    version: str
    parts: Sequence[ModelPart]
    quality: ModelQuality | None = None
    error: str | None = None

    @property
    def advice(self) -> Advice:
        """What to do with it."""
        features = [part for part in self.parts if part.name is not None]
        return advice_of(
            signs_of(
                self.quality,
                sum(part.has_drifted for part in features),
                any(part.has_drifted for part in self.parts if part.name is None),
                any(part.status in SEVERITIES for part in self.parts),
                self.error is not None,
            )
        )

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it failed."""
        return self.error is None and all(part.drift.error is None for part in self.parts)


def models_as_text(chapters: Sequence[ModelChapter], now: float) -> str:
    """Return the report for a terminal; `now` in unix seconds."""
    lines = [f"model report of {report_clock(now)}"]
    for chapter in chapters:
        action, why = chapter.advice
        lines += ["", f"model {chapter.model}, version {chapter.version}"]
        lines += [f"  {action.upper()}: {why}", *(f"  {told}" for told in _about(chapter))]
        if chapter.quality is not None:
            lines.append(f"  {'':<18}" + "".join(f"{name:>12}" for name in _COLUMNS))
            for name, measures in _rows(chapter.quality):
                cells = "".join(f"{told:>12}" for told in _measures(measures))
                lines.append(f"  {name:<18}{cells.rstrip()}")
        for part in _worst_first(chapter.parts):
            lines.append(f"  {part.status.upper():<11} {_part_name(part)}")
            lines += [f"    {told}" for told in _drift(part)]
    return "\n".join(lines) + "\n"


def models_as_html(chapters: Sequence[ModelChapter], now: float) -> str:
    """Return the report as a page without scripts or foreign assets; `now` in unix seconds."""
    title = f"Model report of {report_clock(now)}"
    body = "".join(piece for chapter in chapters for piece in _section(chapter))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head>"
        f"<body><h1>{title}</h1>{body}</body></html>\n"
    )


def _section(chapter: ModelChapter) -> Iterator[str]:
    action, why = chapter.advice
    yield f"<h2>{html.escape(f'{chapter.model}, version {chapter.version}')}</h2>"
    yield f"<p><strong>{action.capitalize()}</strong>: {html.escape(why)}</p>"
    yield "".join(f"<p>{html.escape(told)}</p>" for told in _about(chapter))
    if chapter.quality is not None:
        yield f"<table>{_row('th', ('window', *_COLUMNS))}"
        for name, measures in _rows(chapter.quality):
            yield _row("td", (name, *_measures(measures)))
        yield "</table>"
    yield f"<table>{_row('th', ('status', 'part', 'drift'))}"
    for part in _worst_first(chapter.parts):
        yield _row("td", (part.status, _part_name(part), "; ".join(_drift(part))))
    yield "</table>"


def _row(cell: str, texts: Sequence[str]) -> str:
    cells = "".join(f"<{cell}>{html.escape(text)}</{cell}>" for text in texts)
    return f"<tr>{cells}</tr>"


def _about(chapter: ModelChapter) -> Iterator[str]:
    """Yield what is to be said of its quality as a whole."""
    if chapter.error is not None:
        yield f"FAILED: {chapter.error}"
    elif chapter.quality is None:
        yield "no `label`, so that nobody knows whether it is right"
    elif chapter.quality.degradation is None:
        yield (
            f"F1 cannot be compared: both sides need {LEAST} predictions with a known truth, "
            f"on {LEAST_DAYS} days or more"
        )
    else:
        yield _compared(chapter.quality.degradation)


def _compared(found: Degradation) -> str:
    share = abs(found.drop)
    direction = "lower" if found.drop > 0 else "higher"
    chance = "more than chance" if found.is_certain else "no more than chance may do"
    verdict = chance if found.drop > 0 else "no loss"
    return (
        f"F1 of the newest 7 days is {share:.1%} {direction} than {_REFERENCES[found.kind]}, "
        f"{found.reference:.3f}, with a standard error of {found.error:.1%}: {verdict}; "
        f"degradation {DEGREES[found.severity]}"
    )


def _rows(quality: ModelQuality) -> Iterator[tuple[str, Measures]]:
    yield from quality.windows.items()
    if quality.before is not None:
        yield f"30d of {quality.previous}", quality.before


def _measures(measures: Measures) -> tuple[str, ...]:
    return (
        str(measures.predictions),
        str(measures.labelled),
        *(_told(value) for value in (measures.precision, measures.recall, measures.f1)),
        _told(measures.roc_auc, measures.roc_auc_bound),
    )


def _told(value: float, bound: float = 0.0) -> str:
    """Return a number, and by how much it may be off if that shows."""
    if math.isnan(value):
        return ""
    return f"{value:.3f}" if bound < 0.0005 else f"{value:.3f}±{bound:.3f}"


def _worst_first(parts: Sequence[ModelPart]) -> list[ModelPart]:
    return sorted(parts, key=lambda part: _WORST_FIRST.index(part.status))


def _part_name(part: ModelPart) -> str:
    return "prediction" if part.name is None else f"feature {part.name}"


def _drift(part: ModelPart) -> Iterator[str]:
    """Yield what is to be said of a part: its series, and the worst of them."""
    chapter = part.drift
    if chapter.error is not None:
        yield chapter.error
        return
    if (series := sum(chapter.counts.values())) != 1:
        counted = ", ".join(f"{count} {word}" for word, count in chapter.counts.items() if count)
        yield f"{short(series)} series{': ' if counted else ''}{counted}"
    for line in chapter.lines[:1]:
        found = ", ".join(f"{name} {told}" for name, told in line.measures.items() if told)
        if found:
            whose = "" if series == 1 else f" of {line.series}"
            yield f"{found}{whose}; median {line.before} before, {line.now} now"
