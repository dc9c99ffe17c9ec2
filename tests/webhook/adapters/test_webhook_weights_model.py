"""Whatever is said in whatever order: weights are those of the book, on either database."""

import random
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from sqlalchemy import Connection, Engine, insert

from tests.reference.weights import Incident, Scales
from tests.webhook.deliveries import NOW
from tests.webhook.weighing import observation
from webhook.adapters.database import Database
from webhook.adapters.feedback import judge
from webhook.adapters.observations import put_observation
from webhook.adapters.schema import incidents, missed
from webhook.adapters.store import open_store
from webhook.adapters.weights import (
    WeightRefused,
    ratios_of,
    set_weights,
    undo_weights,
)
from webhook.core.verdicts import VERDICTS, Judgement, Verdict
from webhook.core.weights import Combine, Ensemble, Reason
from webhook.weigher import weigh

NAMES = ("ewma", "mad", "zscore", "season")


@pytest.fixture
def engine(any_database: Database) -> Iterator[Engine]:
    with open_store(any_database):
        engine = any_database.writing_engine()
    yield engine
    engine.dispose()


class World:
    """A query in the store and by the book. One detector cries wolf, one is not always heard."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.query = f"q{seed}"
        weights = {name: self.random.choice((0.1, 0.2, 0.4)) for name in NAMES}
        combine = self.random.choice(get_args(Combine))
        self.ensemble = Ensemble(combine, self.random.choice((0.3, 0.5)), weights)
        self.book = Scales(weights, combine, self.ensemble.quorum)
        self.changes: list[int] = []
        self.now = NOW

    def step(self, connection: Connection) -> str:
        """Let something happen; return what."""
        self.now += self.random.choice((60.0, 3600.0, 20_000.0))
        steps = (
            ("alert",) * 60 + ("verdicts",) * 5 + ("judge", "weekly", "weekly", "undo", "choose")
        )
        step = self.random.choice(steps)
        match step:
            case "alert":
                self.alert(connection)
            case "judge" if self.book.incidents:
                self.judge(connection, self.random.choice(list(self.book.incidents)))
            case "undo" if self.changes:
                self.undo(connection, self.random.randrange(len(self.changes)))
            case "choose":
                self.choose(connection)
            case ("verdicts" | "weekly") as reason:
                self.weigh(connection, reason)
        return step

    def alert(self, connection: Connection) -> None:
        is_real = self.random.random() < 0.5
        likely = (0.2, 0.9, 0.9, 0.9) if is_real else (0.1, 0.2, 0.55, 0.6)
        peaks = {
            name: self.random.choice(likely) if name != "zscore" else 0.9
            for name in NAMES
            if name != "ewma" or self.random.random() < 0.3
        }
        if self.random.random() < 0.05:
            self.mark(connection, peaks)
            return
        peak = self.random.choice((0.6, 0.7, 0.8, 0.9)) - 0.05 * (self.random.random() < 0.01)
        number = _incident(connection, self.query, self.now)
        put_observation(connection, observation(number, self.now, peak, peaks))
        self.book.incidents[number] = Incident(self.now, peak, 0.6, peaks)
        if self.random.random() < 0.9:
            is_confirmed = is_real and self.random.random() < 0.9
            verdict: Verdict = "confirmed" if is_confirmed else "false_alarm"
            self.judge(connection, number, verdict)

    def mark(self, connection: Connection, peaks: dict[str, float]) -> None:
        own: dict[str, Any] = {
            "query": self.query,
            "labels": {},
            "labels_key": "{}",
            **dict.fromkeys(("reason", "author"), ""),
            "via": "api",
            **dict.fromkeys(("starts_at", "ends_at", "created_at", "observed_at"), self.now),
        }
        seen = {"peak_score": 0.5, "threshold": 0.6, "detectors": peaks}
        connection.execute(insert(missed), {**own, **seen})
        self.book.marks.append((peaks, 0.6))

    def judge(self, connection: Connection, number: int, said: Verdict | None = None) -> None:
        self.now += 0.5
        verdict: Verdict = said if said is not None else self.random.choice(VERDICTS)
        incident = self.book.incidents[number]
        counted = verdict if verdict in ("confirmed", "false_alarm") else None
        given = judge(connection, number, Judgement(verdict, "", "ana", "api"), self.now)
        assert given is not None
        if given.is_changed:
            incident.verdict, incident.said_at = counted, self.now

    def weigh(self, connection: Connection, reason: Reason) -> None:
        names = ("AnomalyDetected",)
        for _ in range(2):  # the second time there is nothing new
            written = weigh(
                connection, self.query, reason, names, self.now, self.ensemble, is_brave=False
            )
            if written is not None:
                self.changes.append(written.id)
        self.book.weigh(self.now, reason)

    def undo(self, connection: Connection, place: int) -> None:
        try:
            written = undo_weights(connection, self.changes[place], "ben", "", self.now)
        except WeightRefused:
            pass
        else:
            self.changes.append(written.id)
        self.book.undo(place, self.now)

    def choose(self, connection: Connection) -> None:
        name, ratio = self.random.choice(NAMES), self.random.choice((0.5, 0.8, 1.0, 1.3, 1.5))
        try:
            written = set_weights(connection, self.query, {name: ratio}, "ana", "", self.now)
        except WeightRefused:
            pass
        else:
            self.changes.append(written.id)
        self.book.choose(name, ratio, self.now)


def _incident(connection: Connection, query: str, at: float) -> int:
    row: dict[str, Any] = {
        "fingerprint": f"{query} {at}",
        **dict.fromkeys(("starts_at", "opened_at"), at),
        **dict.fromkeys(("ends_at", "closed_at", "last_seen_at"), at + 300.0),
        "alertname": "AnomalyDetected",
        "severity": "warning",
        "query": query,
        "labels": {"query": query},
        "annotations": {},
        "generator_url": "",
    }
    statement = insert(incidents).values(row).returning(incidents.c.id)
    return int(connection.execute(statement).scalar_one())


def test_weights_are_those_of_the_book(engine: Engine) -> None:
    moves = 0
    for seed in range(2):
        world = World(seed)
        with engine.begin() as connection:
            for _ in range(220):
                if world.step(connection) == "alert":
                    continue
                found = {name: 1.0 for name in NAMES} | ratios_of(connection, world.query)
                assert found == pytest.approx(world.book.ratios(world.now), abs=2e-6)
                assert all(0.5 <= ratio <= 1.5 for ratio in found.values())
        assert len(world.changes) == len(world.book.changes)
        for _, by, before, after in world.book.changes:
            if by in ("verdicts", "weekly"):
                moves += bool(after)
                assert all(0.8999 < after[name] / before[name] < 1.1001 for name in after)
    assert moves >= 4
