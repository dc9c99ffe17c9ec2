"""What a message says with everything there, and that it is sent with everything gone."""

import asyncio
import dataclasses
import io
import os
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry
from sqlalchemy import select, text, update

from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from tests.webhook.desk import CONFIG, Desk, alert, desk
from tests.webhook.knownprometheus import DAY, KnownPrometheus
from webhook.adapters.feedback import judge
from webhook.adapters.linkkeys import LinkKeys
from webhook.adapters.outbox import Claimed
from webhook.adapters.schema import incidents
from webhook.adapters.store import Store
from webhook.composer import Composer
from webhook.config import load_config
from webhook.core.facts import Digest
from webhook.core.message import Message
from webhook.core.present import facts_of
from webhook.core.tokens import incident_of
from webhook.core.verdicts import judgement_of
from webhook.enrichment import BUDGET_SECONDS, Enrichment

GOLDEN = Path(__file__).parents[1] / "golden" / "webhook_message.txt"


async def test_a_message_says_everything_that_is_known(
    store: Store, known: KnownPrometheus
) -> None:
    async with desk(store, known.at, CONFIG.format(url=known.url)) as at_desk:
        await earlier_incident(at_desk, known.at)
        await at_desk.hears(alert(known.at), alert(known.at, pod="p-2"))
        first = select(incidents).where(incidents.c.id == 2)
        row = await store.read(lambda connection: connection.execute(first).one())
        message = await at_desk.composer.compose(Claimed(1, 2, "log", "firing", 1, 0.0, row))
        keys = await at_desk.keys.keys(None)

    assert at_desk.failures() == {}
    check_golden(golden(message))
    token = re.fullmatch(r"https://alerts.example.org/feedback/(.+)\?verdict=confirmed",
                         message.links.confirm)  # fmt: skip
    assert token is not None
    assert incident_of(token[1], keys, "feedback", known.at) == 2
    assert message.links.picture.startswith("https://alerts.example.org/charts/v1.")
    silence = unquote(message.links.silence)
    assert silence.startswith("https://alertmanager.example.org/#/silences/new?filter={")
    assert 'pod="p\\"1"' in silence
    assert message.level == "critical"
    assert message.picture is not None
    assert message.picture.startswith(b"\x89PNG")
    assert len(message.picture) <= 60_000
    assert "outside of its normal band" in message.picture_alt


def check_golden(words: str) -> None:
    """Compare with the golden file; UPDATE_GOLDEN=1 in the environment rewrites it."""
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(words, encoding="utf-8")
    assert words == GOLDEN.read_text(encoding="utf-8")


async def earlier_incident(at_desk: Desk, at: float) -> None:
    """Have an incident twelve days ago that somebody confirmed."""
    then = at - 12 * DAY
    await at_desk.hears(alert(then), at=then)
    await at_desk.hears(alert(then, ends_at=then + 600), at=then + 600)
    judgement = judgement_of("confirmed", "", "ana", "api")
    await at_desk.store.write(lambda connection: judge(connection, 1, judgement, then))


def golden(message: Message) -> str:
    """Return the message as text that is the same whenever the test runs."""
    lines = [message.title, message.annotations["summary"]]
    lines += [f"{name}: {text}" for name, text in facts_of(message)]
    lines += [f"{name}: {url}" for name, url in dataclasses.asdict(message.links).items()]
    words = "\n".join(lines) + "\n"
    # What depends on now: instants in words, the window of links, and signatures.
    words = re.sub(r"\d{1,2} [A-Z][a-z]{2}( \d\d:\d\d CES?T)?", "<then>", words)
    words = re.sub(r"\d\d:\d\d CES?T", "<then>", words)
    words = re.sub(r"v1\.[0-9a-f]{4}\.(\w+)\.(\d+)\.\d+\.[\w-]+", r"<token of \1 \2>", words)
    words = re.sub(r"from=\d+", "from=<ms>", words)
    return re.sub(r"end_input=[^\n]+", "end_input=<then>", words)


async def test_a_resolved_tells_what_is_now_and_no_reason_for_what_is_over(
    store: Store, known: KnownPrometheus
) -> None:
    async with desk(store, known.at + 600, CONFIG.format(url=known.url)) as at_desk:
        await at_desk.hears(alert(known.at), at=known.at)
        await at_desk.hears(alert(known.at, ends_at=known.at + 540))
        message = await at_desk.message("resolved")

    assert message.reading is not None
    assert message.reading.value == 0.31
    assert (message.why, message.links.silence) == ("", "")
    assert message.links.false_alarm
    assert message.ends_at == known.at + 540


async def test_all_channels_of_an_incident_share_one_look(
    store: Store, known: KnownPrometheus
) -> None:
    async with desk(store, known.at, CONFIG.format(url=known.url)) as at_desk:
        await at_desk.hears(alert(known.at))
        await asyncio.gather(*(at_desk.message() for _ in range(6)))
        looks = at_desk.registry.get_sample_value("anomaly_webhook_enrichments_total")
        await at_desk.clock.advance(601)
        await at_desk.message()
        later = at_desk.registry.get_sample_value("anomaly_webhook_enrichments_total")
    assert (looks, later) == (1, 2)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("hang", "timeout"), ("garbage", "garbage"), ("down", "unreachable"), ("500", "rejected")],
)
async def test_without_prometheus_the_message_goes_out_within_the_budget(
    store: Store, behaviour: str, reason: str
) -> None:
    now, released = NOW, asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        if behaviour == "hang":
            await released.wait()
        return web.Response(body=b"<html>", status=500 if behaviour == "500" else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        url = "http://127.0.0.1:1" if behaviour == "down" else str(server.make_url("/"))
        async with desk(store, now, f"prometheus: {{url: '{url}'}}", BUDGET_SECONDS) as at_desk:
            await at_desk.hears(
                dataclasses.replace(alert(now), annotations={"value": "0.97", "runbook_url": "x"})
            )
            began = time.monotonic()
            message = await at_desk.message()
            taken = time.monotonic() - began
        released.set()

    assert taken < BUDGET_SECONDS + 1
    assert at_desk.failures() == {reason: 1.0}
    assert (message.why, message.sparkline, message.picture) == ("", "", None)
    # What the alert says itself stays, and what the store knows.
    assert message.reading is not None
    assert message.reading.value == 0.97
    assert message.siblings is not None
    assert message.links.runbook == ""
    assert "g0.expr" in message.links.graph
    assert message.links.confirm


async def test_a_broken_store_costs_history_and_links_not_the_message(store: Store) -> None:
    async with desk(store, NOW, "{}") as at_desk:
        await at_desk.hears(alert(NOW))
        newest = select(incidents)
        row = await store.read(lambda connection: connection.execute(newest).one())
        for table in ("feedback", "facts"):
            await rename(store, table)
        message = await at_desk.composer.compose(Claimed(1, 1, "log", "firing", 1, 0.0, row))
    assert message.history is None
    assert message.links.confirm == ""
    assert at_desk.failures()["store"] >= 1
    assert message.links.incident == "http://localhost:9854/incidents/1"


async def rename(store: Store, table: str) -> None:
    statement = text(f"ALTER TABLE {table} RENAME TO gone_{table}")
    await store.write(lambda connection: connection.execute(statement))


async def test_a_message_says_what_it_was_taken_for_at_first(store: Store) -> None:
    async with desk(store, NOW, "{}") as at_desk:
        await at_desk.hears(alert(NOW))
        followed = {"pattern_id": 3, "pattern_left": "left", "pattern_left_at": NOW + 30}
        await store.write(lambda connection: connection.execute(update(incidents).values(followed)))
        first, last = await at_desk.message(), await at_desk.message("resolved")
    assert first.why == "began like harmless pattern 3, then left it"
    assert last.why == first.why, "who hears of both in one message reads it, too"


async def test_users_words_take_the_place_of_ours_for_their_channel(store: Store) -> None:
    config = """
channels:
  - {kind: log}
  - {kind: log, name: short, templates: {body: "{{ query }} on {{ labels.cluster }}"}}
templates: {title: "{{ severity|upper }}: {{ summary }}"}
"""
    async with desk(store, NOW, config) as at_desk:
        await at_desk.hears(alert(NOW))
        shared, own = await at_desk.message(), await at_desk.message(channel="short")
    title = "CRITICAL: latency is outside of what is normal for it."
    assert shared.text == (title, "")
    assert own.text == (title, "latency on eu.1")


async def test_a_template_that_fails_on_a_message_leaves_ours(store: Store) -> None:
    config = """templates: {body: "{% if labels.pod == 'bad' %}{{ 1 / 0 }}{% endif %}fine"}"""
    async with desk(store, NOW, config) as at_desk:
        await at_desk.hears(alert(NOW, pod="bad"))
        message = await at_desk.message()
    assert message.text is None
    assert at_desk.failures() == {"template": 1.0}


async def test_a_digest_says_what_its_row_holds(store: Store) -> None:
    row = {"level": "high", "what": "x", "count": 2, "is_open": True, "why_held": "limit"}
    content = {
        "since": 1.0, "until": 2.0, "held": 2, "still_open": 1, "rows": [row],
        "by_level": {"high": 2}, "url": "https://a/digests/9",
    }  # fmt: skip
    async with desk(store, NOW, "{}") as at_desk:
        claimed = Claimed(9, None, "log", "digest", 1, 0.0, None, content=content)
        message = await at_desk.composer.compose(claimed)
        empty = await at_desk.composer.compose(dataclasses.replace(claimed, content=None))
    assert message.key == "digest-9-log"
    assert message.digest is not None
    assert (message.digest.held, message.digest.rows[0].what) == (2, "x")
    assert (message.level, message.links.incident) == ("high", "https://a/digests/9")
    assert empty.digest == Digest(0.0, 0.0, 0, 0, ())


async def test_the_picture_of_a_page_goes_on_to_now(store: Store, known: KnownPrometheus) -> None:
    async with desk(store, known.at + 300, CONFIG.format(url=known.url)) as at_desk:
        await at_desk.hears(alert(known.at), at=known.at)
        row = await store.read(lambda connection: connection.execute(select(incidents)).one())
        picture = await at_desk.enrichment.picture(row)
        assert picture is not None
        assert io.BytesIO(picture).read(4) == b"\x89PNG"
    async with desk(store, known.at, "{}") as at_desk:
        assert await at_desk.enrichment.picture(row) is None
    async with desk(store, known.at, "prometheus: {url: 'http://127.0.0.1:1'}") as at_desk:
        assert await at_desk.enrichment.picture(row) is None
    assert at_desk.failures() == {"unreachable": 1.0}


async def test_without_its_secret_there_are_no_links_for_verdicts(store: Store) -> None:
    async with desk(store, NOW, "feedback: {secret_file: /nonexistent/links}") as at_desk:
        await at_desk.hears(alert(NOW))
        message = await at_desk.message()
    assert (message.links.confirm, message.links.picture) == ("", "")
    assert message.history is not None
    assert at_desk.failures() == {"secret": 1.0}


async def test_a_defect_costs_a_part_and_not_the_message(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    defect: Any = 5  # as no parser of ours would let it in
    async with desk(store, NOW, "prometheus: {url: 'http://127.0.0.1:1'}") as at_desk:
        odd = dataclasses.replace(alert(NOW), labels={"query": "q", "pod": defect})
        await at_desk.hears(odd)
        row = await store.read(lambda connection: connection.execute(select(incidents)).one())
        found = await at_desk.enrichment.enriched(row, "firing")
    assert (found.found, found.standing) == (None, None)
    assert all(found.tokens)
    assert at_desk.failures() == {"internal": 2.0}
    assert "a part of a message failed" in caplog.text


async def test_another_prometheus_is_asked_after_a_reload(
    store: Store, known: KnownPrometheus
) -> None:
    configs = [
        load_config(text, "webhook.yml")
        for text in (
            "prometheus: {url: 'http://127.0.0.1:1'}",
            f"prometheus: {{url: '{known.url}'}}",
        )
    ]
    in_force = [configs[0]]
    clock, registry = ManualClock(known.at), CollectorRegistry()
    keys = LinkKeys(store, clock)
    enrichment = Enrichment(store, clock, registry, keys, lambda: in_force[0], 30.0)
    composer = Composer(enrichment, lambda: in_force[0])
    at_desk = Desk(store, clock, composer, enrichment, registry, keys)
    await at_desk.hears(alert(known.at))
    before = await at_desk.message()
    in_force[0] = configs[1]
    enrichment.prepare()
    after = await at_desk.message()
    enrichment.close()
    assert (before.why, bool(after.why)) == ("", True)
