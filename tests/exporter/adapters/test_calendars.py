"""Which days are special, and what becomes of calendars that cannot be read?"""

import asyncio
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from exporter.adapters import calendars as module
from exporter.adapters.calendars import MOST_BYTES, Calendars
from exporter.adapters.icsevents import unix
from exporter.core.spans import Special
from exporter.settings.calendars import CalendarConfig
from promkit.clock import ManualClock
from promkit.strictyaml import load_model
from tests.exporter.adapters.rawserver import raw_server
from tests.exporter.adapters.test_icsevents import calendar, shown

BERLIN = ZoneInfo("Europe/Berlin")
CHRISTMAS = calendar("UID:1 DTSTART;VALUE=DATE:20261225")
NEW_YEAR = calendar("UID:1 DTSTART;VALUE=DATE:20270101")


class Watch:
    """Unix seconds and seconds that pass, both as a test says."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return 1_800_000_000.0 + self.seconds

    def monotonic(self) -> float:
        return self.seconds


class Server:
    """Answers with whatever stands in `answer`, and remembers what it was asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[bytes] = []

    def script(self, request: bytes) -> Iterator[bytes]:
        self.asked.append(request)
        yield self.answer


def config(text: str) -> CalendarConfig:
    return load_model(f"{{name: a, {text}}}", "exporter.yml", CalendarConfig)


def calendars(text: str, watch: Watch | None = None, before: Calendars | None = None) -> Calendars:
    watch = watch or Watch()
    return Calendars([config(text)], before, now=watch.now, monotonic=watch.monotonic)


def winter(asked: Calendars, start: str = "2026-12-20", end: str = "2027-01-10") -> Special:
    window = [unix(datetime.fromisoformat(text), BERLIN) for text in (start, end)]
    return asked.special(["a"], window[0], window[1], BERLIN)


def starts(found: Special) -> list[str]:
    return [span[:5] for span in shown(found.days)]


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
        len(body),
        body,
    )


def test_a_country_has_holidays_and_its_states_have_more() -> None:
    german = starts(winter(calendars("country: DE")))
    assert {"12-25", "01-01"} <= set(german)  # the next day touches and is the same span
    assert "01-06" not in german
    bavarian = winter(calendars("country: DE, subdivision: BY"))
    assert "01-06 01-07" in " ".join(span.replace("T00:00", "") for span in shown(bavarian.days))
    assert bavarian.rest == 6
    assert winter(calendars("country: SA")).rest == 5


def test_dates_are_days_on_the_wall_clock() -> None:
    found = winter(calendars("dates: [2026-12-31, 2026-12-24]"))
    assert shown(found.days) == ["12-24T00:00 12-25T00:00", "12-31T00:00 01-01T00:00"]
    assert calendars("dates: [2026-12-24]").states() == ()


def test_several_calendars_are_one() -> None:
    both = Calendars(
        [config("country: DE"), config("dates: [2026-12-31]").model_copy(update={"name": "b"})]
    )
    found = both.special(["a", "b"], 1_798_000_000_000, 1_800_000_000_000, None)
    spans = shown(found.days)
    assert "12-25T01:00 12-27T01:00" in spans  # in UTC, and two days in a row
    assert "12-31T01:00 01-02T01:00" in spans
    assert not len(both.special([], 0, 1, None).days)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file, watch = tmp_path / "a.ics", Watch()
    file.write_bytes(CHRISTMAS)
    asked = calendars(f"ics: {file}", watch)
    assert starts(winter(asked)) == []
    asked.refresh()
    assert starts(winter(asked)) == ["12-25"]
    file.write_bytes(NEW_YEAR)
    asked.refresh()
    assert starts(winter(asked)) == ["12-25"]
    watch.seconds += 60
    asked.refresh()
    assert starts(winter(asked)) == ["01-01"]
    assert asked.states()[0].last_success == watch.now()


def test_what_was_said_last_stays_in_force_and_the_failure_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, watch = tmp_path / "a.ics", Watch()
    file.write_bytes(CHRISTMAS)
    asked = calendars(f"ics: {file}", watch)
    asked.refresh()
    succeeded = asked.states()[0].last_success
    file.unlink()
    caplog.set_level(logging.INFO)
    for _ in range(3):
        watch.seconds += 60
        asked.refresh()
    assert starts(winter(asked)) == ["12-25"]
    state = asked.states()[0]
    assert (state.name, state.failures, state.last_success) == ("a", 3, succeeded)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "No such file" in vars(caplog.records[0])["why"]
    file.write_bytes(b"<html>")
    watch.seconds += 60
    asked.refresh()
    assert starts(winter(asked)) == ["12-25"]
    assert "is no iCalendar file" in vars(caplog.records[1])["why"]
    file.write_bytes(CHRISTMAS)
    watch.seconds += 60
    asked.refresh()
    assert asked.states()[0].failures == 4
    assert caplog.records[2].message == "a calendar can be read again"


def test_events_that_are_left_out_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "a.ics"
    file.write_bytes(calendar("UID:1", "UID:2 DTSTART;VALUE=DATE:20261225"))
    asked = calendars(f"ics: {file}")
    asked.refresh()
    assert starts(winter(asked)) == ["12-25"]
    assert "event 1 is left out" in vars(caplog.records[0])["why"]


def test_a_url_is_asked_again_when_it_is_due_and_sooner_after_a_failure() -> None:
    server, watch = Server(ok(CHRISTMAS)), Watch()
    with raw_server(server.script) as url:
        text = f"ics: '{url}/secret.ics', refresh: 1h, basic_auth: {{username: u, password: p}}"
        asked = calendars(text, watch)
        asked.refresh()
        assert starts(winter(asked)) == ["12-25"]
        assert b"Authorization: Basic dTpw" in server.asked[0]
        watch.seconds += 3599
        asked.refresh()
        assert len(server.asked) == 1
        server.answer = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        watch.seconds += 1
        asked.refresh()
        assert (len(server.asked), asked.states()[0].failures) == (2, 1)
        server.answer = ok(NEW_YEAR)
        watch.seconds += 300
        asked.refresh()
        assert starts(winter(asked)) == ["01-01"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", "not followed"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "answered 404; check the URL"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MOST_BYTES + 1), "more than 16777216 bytes"),
        (b"garbage\r\n\r\n", "cannot be asked: ConnectionError"),
        (ok(b"<html>"), "is no iCalendar file"),
    ],
)
def test_what_a_url_may_answer_wrongly_is_said_without_the_url(
    answer: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with raw_server(Server(answer).script) as url:
        asked = calendars(f"ics: '{url}/secret.ics?token=secret'")
        asked.refresh()
    assert asked.states()[0].failures == 1
    said = vars(caplog.records[0])["why"]
    assert why in said
    assert "secret" not in said


def test_a_server_that_drips_does_not_hold_us(caplog: pytest.LogCaptureFixture) -> None:
    def drip(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            threading.Event().wait(0.02)
            yield b"x"

    with raw_server(drip) as url:
        asked = calendars(f"ics: '{url}/', timeout: 200ms")
        asked.refresh()
    assert "cannot be asked" in vars(caplog.records[0])["why"]


def test_the_url_may_stand_in_a_file_of_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, watch = tmp_path / "url", Watch()
    asked = calendars(f"ics_url_file: {file}", watch)
    asked.refresh()
    assert "No such file" in vars(caplog.records[0])["why"]
    file.write_text("token\n")
    watch.seconds += 60
    asked.refresh()
    assert "holds no http:// or https:// URL" in vars(caplog.records[1])["why"]
    with raw_server(Server(ok(CHRISTMAS)).script) as url:
        file.write_text(f"{url}/token\n")
        watch.seconds += 60
        asked.refresh()
    assert starts(winter(asked)) == ["12-25"]
    assert "token" not in " ".join(vars(record)["why"] for record in caplog.records)


def test_files_of_certificates_and_secrets_may_be_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = tmp_path / "missing"
    for key in ("tls_config: {ca_file", "authorization: {credentials_file"):
        asked = calendars(f"ics: 'https://127.0.0.1:1/', {key}: {missing}}}")
        asked.refresh()
        assert str(missing) in vars(caplog.records[-1])["why"]


def test_too_large_a_file_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "a.ics"
    file.write_bytes(b" " * (MOST_BYTES + 1))
    asked = calendars(f"ics: {file}")
    asked.refresh()
    assert "export a shorter span" in vars(caplog.records[0])["why"]


def test_a_reload_keeps_what_was_read_of_calendars_that_did_not_change(tmp_path: Path) -> None:
    file = tmp_path / "a.ics"
    file.write_bytes(CHRISTMAS)
    first = calendars(f"ics: {file}")
    first.refresh()
    assert starts(winter(calendars(f"ics: {file}", before=first))) == ["12-25"]
    assert starts(winter(calendars(f"ics: {file}, refresh: 1h", before=first))) == []


def test_the_memory_of_windows_is_bounded() -> None:
    asked = calendars("dates: [2026-12-24]")
    for day in range(200):
        asked.special(["a"], day * 86_400_000, (day + 30) * 86_400_000, None)
    assert starts(winter(asked)) == ["12-24"]


async def test_it_refreshes_in_the_background(tmp_path: Path) -> None:
    file, clock = tmp_path / "a.ics", ManualClock()
    file.write_bytes(CHRISTMAS)
    asked = Calendars([config(f"ics: {file}")], monotonic=clock.monotonic, now=clock.now)
    task = asyncio.create_task(asked.run(clock))
    await clock.until_sleeping()
    assert starts(winter(asked)) == ["12-25"]
    file.write_bytes(NEW_YEAR)
    await clock.advance(module.LOOK)
    await clock.until_sleeping()
    assert starts(winter(asked)) == ["01-01"]
    task.cancel()
    await Calendars([config("country: DE")]).run(clock)


def test_once_stopped_no_further_calendar_is_read(tmp_path: Path) -> None:
    asked: Calendars

    def stops(_: bytes) -> Iterator[bytes]:
        asked.stop()
        yield ok(CHRISTMAS)

    (tmp_path / "b.ics").write_bytes(CHRISTMAS)
    with raw_server(stops) as url:
        second = config(f"ics: {tmp_path / 'b.ics'}").model_copy(update={"name": "b"})
        asked = Calendars([config(f"ics: '{url}/'"), second])
        asked.refresh()
        asked.refresh()
    assert [state.last_success > 0 for state in asked.states()] == [True, False]
