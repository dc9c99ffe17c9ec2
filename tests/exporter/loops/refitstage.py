"""A query with a model, on a source in memory, for the tests of its life."""

import json
from pathlib import Path

import numpy as np

from exporter.adapters.versionfiles import VersionFolder
from exporter.config import QueryConfig, parse_config
from exporter.core.series import Floats, SeriesBatch
from exporter.lifecycle.feedback import END, START
from exporter.loops.refitrunner import Change, RefitRunner
from exporter.loops.runner import QueryRunner
from tests.exporter.arraysource import STEP, ArraySource

SECONDS = STEP / 1000
TAIL = 240
"""Columns, an hour."""

FIRST = 2_000
"""Column of the first evaluation; the challenger's history is 1,440 columns."""

Verdict = tuple[str, str, int, int, str]
"""Name, verdict, first and last column, row."""


class Verdicts(ArraySource):
    """Also answers what people have said."""

    def __init__(self, values: Floats, verdicts: tuple[Verdict, ...] = ()) -> None:
        super().__init__(values)
        self.verdicts = verdicts

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        if START in expr or END in expr:
            assert '{query="q"}' in expr
            keys, instants = [], []
            for name, verdict, first, last, row in self.verdicts:
                labels = {"query": "q", "incident": name, "verdict": verdict, "row": row}
                keys.append(json.dumps({**labels, "instance": "webhook:9854"}).encode())
                instants.append([(first if START in expr else last) * SECONDS])
            values = np.array(instants, dtype=np.float64).reshape(-1, 1)
            return SeriesBatch(tuple(keys), np.array([end]), values, step)
        return super().fetch(expr, start, end, step, timeout)


class Stage:
    """A query that is evaluated now and then, and its model."""

    def __init__(
        self, values: Floats, folder: Path, more: str = "", verdicts: tuple[Verdict, ...] = ()
    ) -> None:
        self.source = Verdicts(values, verdicts)
        self.query = query_of(more)
        assert self.query.models is not None
        self.folder = VersionFolder(folder)
        self.evaluated = QueryRunner(
            self.query, self.source, None, lambda phase, seconds: None, lambda: 0.0
        )
        self.runner = RefitRunner(
            self.query,
            self.query.models,
            self.evaluated,
            self.folder,
            self.source,
            lambda: 0.0,
        )

    def evaluate(self, column: int) -> dict[str, Floats]:
        while (outcome := self.evaluated.run(column * SECONDS)).is_behind:
            pass
        return dict(outcome.published.gauges)

    def look(self, column: int, drift: dict[str, int] | None = None) -> None:
        self.evaluate(column)
        self.runner.look(column * SECONDS, drift)

    def refit(self, column: int, drift: dict[str, int] | None = None) -> Change:
        return self.runner.refit(column * SECONDS, "schedule", drift)


def query_of(more: str = "") -> QueryConfig:
    text = (
        "queries: [{name: q, expr: up, offset: 0, lookback: 6h, range: [null, 1000], "
        f"models: {{tail: 1h, refit: 2h, history: 1h{more}}}}}]"
    )
    (query,) = parse_config(text, "c.yml").all_queries()
    return query


def steady(seed: int = 5, columns: int = 4_000) -> Floats:
    values: Floats = np.random.default_rng(seed).normal(10.0, 1.0, (3, columns))
    return values


def promoted(stage: Stage) -> Change:
    """Bring version 2 in force, at column 2,500."""
    stage.look(FIRST)
    stage.look(FIRST + TAIL)
    stage.evaluate(2_500)
    return stage.refit(2_500, {"none": 3})
