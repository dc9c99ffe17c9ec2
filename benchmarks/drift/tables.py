"""What do all recordings say together?"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.drift.followed import VOTE, Choice
from benchmarks.drift.sites import LEVELS, Quiet, Site

SOON: Final = (1.0, 3.0, 7.0)
"""Days."""

NAMES: Final = ("moderate", "high")
ALL: Final = "all"


@dataclass(frozen=True)
class Detected:
    """How surely and how soon one kind of change is found.

    Parameters
    ----------
    choice, dataset, kind, size, by, severity : of what; `by` is a test or the vote
    series : in which nothing was found without the change
    tells : share of them of which there is an answer at all
    day, three_days, week : share of them in which it is found by then
    delay : median in days, inf if it is found in less than half
    """

    choice: str
    dataset: str
    kind: str
    size: float
    by: str
    severity: str
    series: int
    tells: float
    day: float
    three_days: float
    week: float
    delay: float


@dataclass(frozen=True)
class FalseDrift:
    """How often drift is found where nothing was changed.

    Parameters
    ----------
    choice, dataset, of, by, severity : of what; `of` is untouched or shuffled
    weeks : of all series
    tells : share of them of which there is an answer at all
    first : share of first weeks after the baseline in which a check found drift
    any : share of all weeks
    checks : share of all checks
    """

    choice: str
    dataset: str
    of: str
    by: str
    severity: str
    weeks: int
    tells: float
    first: float
    any: float
    checks: float


def detected(choice: Choice, sites: Sequence[Site]) -> Iterator[Detected]:
    """Yield what came of every kind of change, of all data sets together and one by one."""
    for dataset, some in by_dataset(sites):
        for kind, size in dict.fromkeys(key for site in some for key in site.found):
            found = [site.found[kind, size] for site in some if (kind, size) in site.found]
            delay, is_silent, tells = (
                np.concatenate([getattr(one, name) for one in found], 2)
                for name in ("delay", "is_silent", "tells")
            )
            for place, by in enumerate(choice.measures):
                for degree in range(len(LEVELS)):
                    kept = is_silent[place, degree]
                    days = delay[place, degree, kept]
                    if not len(days):
                        continue
                    day, three, week = (float((days <= soon).mean()) for soon in SOON)
                    yield Detected(
                        choice.name,
                        dataset,
                        kind,
                        size,
                        by,
                        NAMES[degree],
                        len(days),
                        float(tells[place, degree, kept].mean()),
                        day,
                        three,
                        week,
                        float(np.quantile(days, 0.5, method="higher")),
                    )


def false_drift(choice: Choice, sites: Sequence[Site]) -> Iterator[FalseDrift]:
    """Yield how often drift was found without a change."""
    for dataset, some in by_dataset(sites):
        for of in ("untouched", "shuffled"):
            quiets: list[Quiet] = [getattr(site, of) for site in some]
            for place, by in enumerate(choice.measures):
                for degree in range(len(LEVELS)):
                    weeks = np.concatenate([one.any[:, place, degree].ravel() for one in quiets])
                    first = np.concatenate([one.any[0, place, degree] for one in quiets])
                    share = np.concatenate([one.share[:, place, degree].ravel() for one in quiets])
                    told = ~np.isnan(share)
                    yield FalseDrift(
                        choice.name,
                        dataset,
                        of,
                        by,
                        NAMES[degree],
                        len(weeks),
                        float(told.mean()),
                        float(first.mean()),
                        float(weeks.mean()),
                        float(np.where(told, share, 0.0).mean()),
                    )


def by_dataset(sites: Sequence[Site]) -> Iterator[tuple[str, list[Site]]]:
    """Yield all, and those of each data set if there are several."""
    yield ALL, list(sites)
    names = dict.fromkeys(site.dataset for site in sites)
    for name in names if len(names) > 1 else ():
        yield name, [site for site in sites if site.dataset == name]


def write(path: Path, rows: Sequence[Detected] | Sequence[FalseDrift]) -> None:
    """Write rows to a CSV file, shares and days to three digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(rows[0])])
        for row in rows:
            writer.writerow(
                f"{cell:.3f}".rstrip("0").rstrip(".") if isinstance(cell, float) else cell
                for cell in astuple(row)
            )


def surely(rows: Sequence[Detected]) -> Iterator[str]:
    """Yield a table of how surely the vote finds changes, and the tests it is made of."""
    mine = [row for row in rows if row.dataset == ALL]
    tests = list(dict.fromkeys(row.by for row in mine if row.by != VOTE))
    at = {(row.kind, row.size, row.by, row.severity): row for row in mine}
    yield (
        "| change | series | within 1 day | 3 days | 7 days | median delay | high within 7 days | "
        + " | ".join(f"`{test}`, 7 days" for test in tests)
        + " |"
    )
    yield "|---|---|---|---|---|---|---|" + "---|" * len(tests)
    for kind, size in dict.fromkeys((row.kind, row.size) for row in mine):
        row = at[kind, size, VOTE, NAMES[0]]
        high = at.get((kind, size, VOTE, NAMES[1]))
        cells = [
            f"{kind} {size:g}",
            str(row.series),
            *(f"{share:.0%}" for share in (row.day, row.three_days, row.week)),
            "-" if np.isinf(row.delay) else f"{24 * row.delay:.0f} h",
            "" if high is None else f"{high.week:.0%}",
            *(
                f"{alone.week:.0%}" if (alone := at.get((kind, size, test, NAMES[0]))) else ""
                for test in tests
            ),
        ]
        yield "| " + " | ".join(cells) + " |"


def falsely(rows: Sequence[FalseDrift]) -> Iterator[str]:
    """Yield a table of how often drift is found where nothing was changed."""
    yield (
        "| choice | of | by | weeks | can tell | first week | any week | "
        "of its checks | any week, high |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    mine = [row for row in rows if row.dataset == ALL]
    high = {(row.choice, row.of, row.by): row for row in mine if row.severity == NAMES[1]}
    for row in mine:
        if row.severity == NAMES[0]:
            shares = f"{row.tells:.0%} | {row.first:.1%} | {row.any:.1%} | {row.checks:.2%}"
            yield (
                f"| {row.choice} | {row.of} | {row.by} | {row.weeks} | {shares} | "
                f"{high[row.choice, row.of, row.by].any:.1%} |"
            )
