"""The loops that look after models: what they are asked for, count, and go on with at a start."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from exporter.adapters.checkpoint import Saved
from exporter.adapters.pagerows import QueryRow
from exporter.core.source import Source
from tests.exporter.adapters.test_statefile import sealed
from tests.exporter.loops.refitbench import Bench, until
from tests.exporter.loops.refitstage import TAIL, Verdicts, steady

MOST = {"none": 0, "moderate": 0, "high": 3, "critical": 0}


@pytest.fixture
def source() -> Verdicts:
    return Verdicts(steady(columns=8_000))


@pytest.fixture
async def benches(tmp_path: Path) -> AsyncIterator[Callable[[Source, str], Bench]]:
    made: list[Bench] = []

    def make(source: Source, more: str = "") -> Bench:
        made.append(Bench(tmp_path, source, more))
        return made[-1]

    yield make
    for bench in made:
        await bench.refitting.stop()
        bench.refitting.dismiss()


VERSION = 'model_version{query="q"}'
REFITS = 'refits_total{query="q"}'
Make = Callable[..., Bench]


async def begun(bench: Bench) -> None:
    """Have a version in force that there is a tail for, at column FIRST + TAIL."""
    bench.evaluate()
    bench.take()
    bench.start()
    await bench.until(VERSION, 1)
    await bench.clock.until_sleeping()
    await bench.move(TAIL)
    folder = bench.folder
    assert folder is not None
    files = folder.files_of((1,))
    await until(lambda: all(path.exists() for path in files))
    await bench.clock.until_sleeping()


async def test_a_schedule_is_kept_and_a_wish_is_granted_at_once(
    benches: Make, source: Verdicts
) -> None:
    bench = benches(source)
    await begun(bench)
    row = bench.refitting.row(QueryRow(query="q", state="ok"))
    assert row.version is not None
    assert (row.version[0], row.problems) == (1, ())
    other = QueryRow(query="another", state="ok")
    assert bench.refitting.row(other) is other
    bench.refitting.refit("q")
    await bench.until(REFITS, 1)
    await bench.until(VERSION, 2)
    assert bench.value('model_decisions_total{decision="promoted",query="q"}') == 1
    assert bench.value('last_refit_timestamp_seconds{query="q"}') == bench.clock.now()
    assert bench.value('model_judged_ratio{query="q",role="challenger"}') == 1
    await bench.clock.until_sleeping()
    for _ in range(2):
        await bench.move(TAIL)
        await bench.clock.until_sleeping()
    await bench.until(REFITS, 2)
    assert bench.value('model_age_seconds{query="q"}') == 0
    with pytest.raises(LookupError, match="found query 'x'; allowed: q"):
        bench.refitting.refit("x")


async def test_drift_refits_and_retakes_the_baseline(benches: Make, source: Verdicts) -> None:
    drift = "}, drift: {window: 1h, reference: 2h, step: 30s, interval: 1m"
    bench = benches(source, drift)
    assert bench.query.drift is not None
    await begun(bench)
    bench.refitting.note_drift("q", MOST)
    bench.refitting.note_drift("elsewhere", MOST)
    bench.refitting.note_drift("q", MOST)
    await bench.until(VERSION, 2)
    await bench.clock.until_sleeping()
    assert bench.retaken == ["q"]
    folder = bench.folder
    assert folder is not None
    newest = folder.life().manifests[-1]
    assert (newest.reason, newest.drift) == ("drift", MOST)


async def test_failures_are_counted_and_tried_again(benches: Make, source: Verdicts) -> None:
    bench = benches(source)
    await begun(bench)
    source.is_down = True
    bench.refitting.refit("q")
    await bench.until('refit_failures_total{query="q",reason="unavailable"}', 1)
    source.is_down = False
    await bench.clock.until_sleeping()
    await bench.clock.advance(5.0)
    await bench.until(REFITS, 1)


async def test_damage_and_what_cannot_be_kept_have_reasons_of_their_own(
    benches: Make, source: Verdicts
) -> None:
    bench = benches(source)
    await begun(bench)
    folder = bench.folder
    assert folder is not None
    before = folder.file(1, before=True)
    whole = before.read_bytes()
    before.write_bytes(b"nonsense" * 100)
    bench.refitting.refit("q")
    await bench.until('refit_failures_total{query="q",reason="damaged"}', 1)
    await bench.clock.until_sleeping()
    before.write_bytes(whole)
    folder.file(1).unlink()
    folder.file(1).mkdir()
    await bench.clock.advance(5.0)
    await bench.until(VERSION, 2)
    await bench.until('refit_failures_total{query="q",reason="state"}', 1)
    sealed(folder.path / "life.npz", {"version": 99})
    bench.runner = bench.new_runner()
    bench.evaluate()
    await bench.refitting.stop()
    bench.take()
    bench.start()
    await bench.until('refit_failures_total{query="q",reason="state"}', 2)


async def test_going_back_interrupts_a_refit(benches: Make, source: Verdicts) -> None:
    bench = benches(source)
    await begun(bench)
    bench.refitting.refit("q")
    await bench.until(VERSION, 2)
    await bench.clock.until_sleeping()
    await bench.move(TAIL)
    await bench.clock.until_sleeping()
    with pytest.raises(ValueError, match="not kept"):
        bench.refitting.roll_back("q", 9)
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[int] = loop.create_future()

    def ask() -> None:
        asked.set_result(bench.refitting.roll_back("q", None))

    def meanwhile() -> None:
        done = asyncio.run_coroutine_threadsafe(called(ask), loop)
        done.result()

    source.meanwhile += [lambda: None, meanwhile]
    bench.refitting.refit("q")
    assert await asked == 1
    await bench.until('model_rollbacks_total{query="q",reason="command"}', 1)
    await bench.until(REFITS, 2)  # the wish still holds
    assert bench.value('refit_failures_total{query="q",reason="internal"}') == 0


async def called(function: Callable[[], None]) -> None:
    function()


async def test_a_reload_keeps_the_wish_and_the_versions(benches: Make, source: Verdicts) -> None:
    bench = benches(source)
    bench.evaluate()
    bench.take()
    bench.refitting.refit("q")
    bench.take()
    bench.start()
    await bench.until(VERSION, 1)
    await bench.clock.until_sleeping()
    await bench.move(TAIL)
    await bench.until(REFITS, 1)
    await bench.refitting.stop()
    bench.refitting.take({}, {}, source, bench.state)
    assert np.isnan(bench.value(VERSION))
    with pytest.raises(LookupError, match="none, since no query is scored"):
        bench.refitting.refit("q")


async def test_what_was_to_be_taken_back_before_a_reload_is_unless_it_is_another_query(
    benches: Make, source: Verdicts
) -> None:
    bench = benches(source)
    await versions(bench)
    assert bench.refitting.roll_back("q", None) == 1
    good = bench.query
    bench.query = good.model_copy(update={"expr": "down"})
    bench.runner = bench.new_runner()
    bench.evaluate()
    bench.take()
    bench.start()
    await bench.until(VERSION, 3)
    assert bench.value('model_rollbacks_total{query="q",reason="command"}') == 0
    with pytest.raises(ValueError, match=r"has no version before 3 .* kept: none"):
        bench.refitting.roll_back("q", None)


async def versions(bench: Bench) -> None:
    """Leave version 2 in force, and version 1."""
    await begun(bench)
    bench.refitting.refit("q")
    await bench.until(VERSION, 2)
    await bench.refitting.stop()


async def test_a_crash_after_a_promotion_goes_on_with_it(benches: Make, source: Verdicts) -> None:
    bench = benches(source)
    bench.evaluate()
    old = bench.runner.copy()
    await versions(bench)
    fingerprint = bench.runner.fingerprint
    for saved in (Saved(), Saved({"q": (fingerprint, old)})):
        recovered = bench.refitting.recover(bench.state, {"q": bench.query}, saved)
        assert recovered.queries["q"][0] == fingerprint
        assert recovered.queries["q"][1].model == 2
    assert bench.value('model_rollbacks_total{query="q",reason="damaged"}') == 0
    same = Saved({"q": (fingerprint, bench.runner.state)})
    assert bench.refitting.recover(bench.state, {"q": bench.query}, same) == same
    assert bench.refitting.recover(None, {"q": bench.query}, same) == same


async def test_damage_is_counted_and_another_version_taken(benches: Make, source: Verdicts) -> None:
    bench = benches(source)
    await versions(bench)
    damaged = Saved(is_damaged=True)
    counter = 'model_rollbacks_total{query="q",reason="damaged"}'
    recovered = bench.refitting.recover(bench.state, {"q": bench.query}, damaged)
    assert recovered.queries["q"][1].model == 2
    assert bench.value(counter) == 1
    folder = bench.folder
    assert folder is not None
    folder.file(2).write_bytes(b"nonsense" * 100)
    recovered = bench.refitting.recover(bench.state, {"q": bench.query}, Saved())
    assert recovered.queries["q"][1].model == 1
    assert bench.value(counter) == 2
    assert folder.life().champion == 1
    other = bench.query.model_copy(update={"expr": "down"})
    assert bench.refitting.recover(bench.state, {"q": other}, Saved()) == Saved()
    sealed(folder.path / "life.npz", {"version": 99})
    assert bench.refitting.recover(bench.state, {"q": bench.query}, Saved()) == Saved()
