"""Adjustments that are read, fail to be read, and outlive a restart, by a clock turned by hand."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from exporter.adapters.adjustmentfile import adjustments_path, load_adjustments
from exporter.core.adjustments import TARGET, WEIGHT_GAUGE
from exporter.core.series import SeriesBatch
from exporter.core.weights import Weight
from exporter.errors import SourceUnavailable, StateError
from exporter.loops.adjusting import AdjustmentLoop
from exporter.loops.slowloop import FIRST_RETRY
from exporter.settings.adjustments import AdjustmentsConfig, adjustments_in_words
from promkit.clock import ManualClock

INTERVAL = 15.0
OWN = (b'{"instance":"db"}',)


class Webhook:
    """What Prometheus knows of a webhook."""

    def __init__(self) -> None:
        self.ratios: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self.error: Exception | None = None
        self.asked: list[tuple[str, int]] = []

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        self.asked.append((expr, start))
        if self.error is not None:
            raise self.error
        keys = [json.dumps({"query": name}).encode() for name in self.ratios]
        keys.append(json.dumps({"__name__": TARGET}).encode())
        whose = {"__name__": WEIGHT_GAUGE, "query": "cpu"}
        keys += [json.dumps({**whose, "detector": name}).encode() for name in self.weights]
        values = np.array([*self.ratios.values(), 1.0, *self.weights.values()])[:, None]
        return SeriesBatch(tuple(keys), np.array([start]), values, step)


class Bench:
    """A loop that reads when it is told to."""

    def __init__(
        self,
        webhook: Webhook,
        path: Path | None = None,
        config: AdjustmentsConfig | None = None,
    ) -> None:
        self.clock = ManualClock(0.0)
        self.pool = ThreadPoolExecutor(1)
        self.loop = AdjustmentLoop(
            config or AdjustmentsConfig(),
            INTERVAL,
            ["cpu", "disk"],
            webhook,
            path,
            clock=self.clock,
            pool=self.pool,
        )

    async def __aenter__(self) -> "Bench":
        async def at_once() -> None: ...

        self.loop.start(at_once)
        await self._until_sleeping()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.loop.stop()
        self.pool.shutdown()

    async def after(self, seconds: float) -> float | None:
        """Return the threshold of a series whose query has 0.5."""
        await self.clock.advance(seconds)
        await self._until_sleeping()
        return self.threshold()

    def threshold(self) -> float | None:
        found = self.loop.adjustments.thresholds("cpu", OWN, 0.5)
        return None if found is None else float(found[0, 0])

    async def _until_sleeping(self) -> None:
        async with asyncio.timeout(60):
            await self.clock.until_sleeping()


async def test_all_queries_are_asked_for_at_once_every_interval() -> None:
    webhook = Webhook()
    async with Bench(webhook) as bench:
        assert bench.threshold() is None
        webhook.ratios = {"cpu": 1.2, "disk": 9.0, "unknown": 1.1}
        assert await bench.after(INTERVAL) == 0.6
        facts = bench.loop.facts()
        assert (facts.moved, facts.clamped) == ({"cpu": (1, 0), "disk": (1, 0)}, 1)
        assert facts.last_read == bench.clock.now() == INTERVAL
        webhook.ratios = {}
        assert await bench.after(INTERVAL) is None
    assert [instant for _, instant in webhook.asked] == [0, 15_000, 30_000]
    assert {expr for expr, _ in webhook.asked} == {
        "(last_over_time(anomaly_threshold_adjustment_ratio[1d])) "
        "or last_over_time(anomaly_detector_weight_ratio[1d]) "
        "or last_over_time(anomaly_webhook_build_info[1d])"
    }


async def test_weights_come_in_the_same_answer_and_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.adjustments.json"
    webhook = Webhook()
    webhook.ratios, webhook.weights = {"cpu": 1.2}, {"mad": 0.8, "zscore": 2.0}
    async with Bench(webhook, path) as bench:
        assert bench.loop.weights.ratios("cpu") == {"mad": 0.8, "zscore": 1.5}
        facts = bench.loop.facts()
        assert (facts.moved["cpu"], facts.clamped) == ((1, 2), 1)
        webhook.error = SourceUnavailable("timeout", "did not answer in time")
        await bench.after(INTERVAL)
        assert bench.loop.weights.ratios("cpu") == {"mad": 0.8, "zscore": 1.5}
    started = Bench(webhook, path)
    started.loop.restore()
    assert started.loop.weights.ratios("cpu") == {"mad": 0.8, "zscore": 1.5}
    webhook.error, webhook.weights = None, {"mad": 1.0}
    async with started:
        assert started.loop.weights.ratios("cpu") == {}
        assert started.threshold() == 0.6
    reloaded = Bench(webhook)
    reloaded.loop.succeed(bench.loop)
    assert reloaded.loop.weights.ratios("cpu") == {"mad": 0.8, "zscore": 1.5}
    reloaded.pool.shutdown()


async def test_weights_can_be_left_as_configured(tmp_path: Path) -> None:
    path = tmp_path / "state.adjustments.json"
    webhook = Webhook()
    webhook.ratios, webhook.weights = {"cpu": 1.2}, {"mad": 0.8}
    async with Bench(webhook, path) as moved:
        pass
    still = Bench(webhook, path, AdjustmentsConfig(weights=False, expr="mine"))
    still.loop.restore()
    assert still.loop.weights.ratios("cpu") == {}
    still.loop.succeed(moved.loop)
    async with still:
        assert (still.threshold(), still.loop.weights.ratios("cpu")) == (0.6, {})
    assert webhook.asked[-1][0] == "(mine) or last_over_time(anomaly_webhook_build_info[1d])"


async def test_the_last_answer_holds_while_there_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    webhook = Webhook()
    webhook.ratios = {"cpu": 1.2}
    async with Bench(webhook) as bench:
        webhook.error = SourceUnavailable("timeout", "did not answer in time")
        assert await bench.after(INTERVAL) == 0.6
        assert await bench.after(FIRST_RETRY) == 0.6
        assert bench.loop.facts().failures == {"timeout": 2}
        assert bench.loop.problem is not None
        assert (bench.loop.problem.fault, bench.loop.problem.what) == ("timeout", "adjustments")
        assert bench.loop.facts().last_read == 0.0
        webhook.error = RuntimeError("a defect")
        assert await bench.after(INTERVAL) == 0.6
        assert bench.loop.facts().failures["internal"] == 1
        webhook.error = None
        assert await bench.after(INTERVAL) == 0.6
        assert bench.loop.last_error is None
        assert bench.loop.problem is None
    told = [r for r in caplog.records if "cannot be read" in r.message]
    assert len(told) == 2  # once each


async def test_the_last_answer_outlives_a_restart(tmp_path: Path) -> None:
    path = adjustments_path(tmp_path / "state")
    assert path is not None
    assert adjustments_path(None) is None
    webhook = Webhook()
    webhook.ratios = {"cpu": 1.2}
    async with Bench(webhook, path):
        pass
    written = path.stat().st_mtime_ns
    again = Bench(webhook, path)
    again.loop.restore()
    async with again:
        await again.after(INTERVAL)
    assert path.stat().st_mtime_ns == written  # nothing new
    webhook.error = SourceUnavailable("unavailable", "down")
    started = Bench(webhook, path)
    started.loop.restore()
    async with started:
        assert started.threshold() == 0.6
        assert started.loop.facts().moved["cpu"] == (1, 0)
    reloaded = Bench(Webhook(), path)
    reloaded.loop.succeed(started.loop)
    assert reloaded.threshold() == 0.6
    reloaded.pool.shutdown()


async def test_files_that_cannot_be_used_stop_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    webhook = Webhook()
    webhook.ratios = {"cpu": 1.2}
    path = tmp_path / "adjusted.json"
    path.write_text("{")
    bench = Bench(webhook, path)
    bench.loop.restore()
    assert bench.threshold() is None
    async with bench:
        assert bench.threshold() == 0.6
    lost = Bench(webhook, tmp_path / "missing" / "adjusted.json")
    lost.loop.restore()
    async with lost:
        webhook.ratios = {"cpu": 0.8}
        assert await lost.after(INTERVAL) == 0.4
    assert [r.message for r in caplog.records if r.levelname == "ERROR"] == [
        "adjustments are not known until they are read",
        "adjustments are not kept",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[1]", "found 1 at place 0"),
        ('[{"query": "a", "ratio": "x"}]', "at place 0"),
        ('[{"query": "a", "ratio": NaN}]', "at place 0"),
        ('{"adjustments": {}}', "no list"),
        ('{"adjustments": [], "weights": {}}', "no list as weights"),
        ('{"adjustments": [], "weights": [{"query": "a", "ratio": 1}]}', "at place 0 of weights"),
        ('{"adjustments": [], "weights": [7]}', "found 7 at place 0 of weights"),
        ("nothing", "no JSON"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(StateError, match=why):
        load_adjustments(path)
    with pytest.raises(StateError, match="cannot read"):
        load_adjustments(tmp_path / "none")


def test_files_may_be_what_the_webhook_answers(tmp_path: Path) -> None:
    one = {"query": "cpu", "labels": {"query": "cpu", "a": "b"}, "ratio": 3, "since": "yesterday"}
    path = tmp_path / "file.json"
    for told in ([one], {"adjustments": [one], "next": None}):
        path.write_text(json.dumps(told))
        kept = load_adjustments(path)
        (entry,) = kept.adjustments
        assert (entry.query, entry.labels, entry.ratio) == ("cpu", {"a": "b"}, 1.5)
        assert (kept.weights, kept.read) == ((), 0.0)
    weight = {"query": "cpu", "detector": "mad", "ratio": 0.1, "changed_at": 7}
    path.write_text(json.dumps({"adjustments": [], "weights": [weight]}))
    assert load_adjustments(path).weights == (Weight("cpu", "mad", 0.5),)


def test_words() -> None:
    assert "stay as configured" in adjustments_in_words(AdjustmentsConfig(enabled=False))
    assert adjustments_in_words(AdjustmentsConfig()).startswith("and weights follow")
    some = adjustments_in_words(AdjustmentsConfig(weights=False))
    assert "last_over_time" in some
    assert some.endswith("weights stay as configured")
