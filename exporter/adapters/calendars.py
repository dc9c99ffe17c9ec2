"""Which days do the configured calendars call special, and is what they said still fresh?

Countries and written-out days are known at once. Files and URLs are read in the background; until
the first answer they hold no days, and after a failure what they said last stays in force.
"""

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import holidays
import requests

from exporter.adapters.icsevents import Event, expand, read_events, unix
from exporter.core.spans import SUNDAY, Special, merged, united
from exporter.errors import CalendarError
from exporter.settings.calendars import CalendarConfig, is_http_url
from promkit.clock import Clock
from promkit.deadline import bound_whole_answers
from promkit.errors import SecretUnavailable
from promkit.httpconfig import requests_session
from promkit.secrets import read_secret

log = logging.getLogger(__name__)

MOST_BYTES: Final = 1 << 24
"""Of one calendar; a busy shared one of ten years is a quarter of it."""

LOOK: Final = 60.0
"""Seconds between two looks at files, and for URLs that are due."""

RETRY: Final = 300.0
"""Seconds after which a URL that failed is asked again, if `refresh` is not shorter."""

_DAY: Final = 86_400_000
_MOST_KEPT: Final = 64
_Key: TypeAlias = tuple[str, int, int, int, str]


@dataclass(frozen=True, slots=True)
class CalendarState:
    """How a calendar that has to be read is doing.

    Parameters
    ----------
    name : the label `calendar`
    failures : attempts to read it that failed, since the start
    last_success : unix seconds; 0 before the first
    """

    name: str
    failures: int
    last_success: float


class Calendars:
    """The configured calendars; may be asked from any thread.

    Parameters
    ----------
    configs : from the configuration, with distinct names
    before : those in force until now: what they read goes on to hold where nothing was changed
    now, monotonic : unix seconds; seconds that never go back
    """

    def __init__(
        self,
        configs: Iterable[CalendarConfig],
        before: "Calendars | None" = None,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._configs = {config.name: config for config in configs}
        known = {} if before is None else before._feeds
        self._feeds: dict[str, _Feed] = {
            name: known[name] if name in known and known[name].config == config else _Feed(config)
            for name, config in self._configs.items()
            if config.ics is not None or config.ics_url_file is not None
        }
        self._kept: dict[_Key, Special] = {}
        self._stopping = threading.Event()

    def states(self) -> tuple[CalendarState, ...]:
        """Return how those that have to be read are doing."""
        return tuple(
            CalendarState(name, feed.failures, feed.last_success)
            for name, feed in self._feeds.items()
        )

    def special(self, names: Iterable[str], start: int, end: int, zone: tzinfo | None) -> Special:
        """Return what some calendars together call special.

        Parameters
        ----------
        names : of the configured calendars
        start, end : unix milliseconds; more than this window may be returned
        zone : whose days whole days are; None is UTC
        """
        first, last = start // _DAY - 1, end // _DAY + 2
        parts = []
        for name in names:
            version = self._feeds[name].version if name in self._feeds else 0
            key = (name, version, first, last, str(zone))
            part = self._kept.get(key)
            if part is None:
                part = self._expanded(name, first * _DAY, last * _DAY, zone)
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = part
            parts.append(part)
        return united(parts)

    def refresh(self) -> None:
        """Read files that changed and URLs that are due, as long as that takes; never raises."""
        for feed in self._feeds.values():
            if self._stopping.is_set():
                break
            feed.read(self._now(), self._monotonic())

    def stop(self) -> None:
        """Have a refresh end after the calendar that it is at, and no other begin."""
        self._stopping.set()

    async def run(self, clock: Clock) -> None:
        """Refresh for ever, in a thread; returns at once where there is nothing to read."""
        while self._feeds:
            await asyncio.to_thread(self.refresh)
            await clock.sleep(LOOK)

    def _expanded(self, name: str, start: int, end: int, zone: tzinfo | None) -> Special:
        config = self._configs[name]
        if name in self._feeds:
            return expand(self._feeds[name].events, start, end, zone)
        years = [datetime.fromtimestamp(at / 1000, UTC).year for at in (start, end)]
        if config.country is not None:
            return _country(config.country, config.subdivision, range(years[0], years[1] + 1), zone)
        return _whole_days(config.dates, zone)


class _Feed:
    """One calendar in iCalendar form, and what became of reading it."""

    def __init__(self, config: CalendarConfig) -> None:
        self.config = config
        self.events: tuple[Event, ...] = ()
        self.version = 0
        self.failures = 0
        self.last_success = 0.0
        self._due = -1.0
        self._digest = b""
        self._said = ""

    def read(self, now: float, monotonic: float) -> None:
        """Read it if it is time to."""
        if monotonic < self._due:
            return
        self._due = monotonic + LOOK
        try:
            content = self._content(monotonic)
            digest = hashlib.sha256(content).digest()
            if digest != self._digest:
                self.events, problems = read_events(content)
                self.version += 1
                self._digest = digest
                for problem in problems[:3]:
                    log.warning("calendar", extra={"calendar": self.config.name, "why": problem})
        except CalendarError as error:
            self.failures += 1
            if str(error) != self._said:
                log.error(
                    "a calendar cannot be read; what it said last stays in force, further failures "
                    "like this one are only counted",
                    extra={"calendar": self.config.name, "why": str(error)},
                )
            self._said = str(error)
            return
        if self._said:
            log.info("a calendar can be read again", extra={"calendar": self.config.name})
        self._said = ""
        self.last_success = now

    def _content(self, monotonic: float) -> bytes:
        """Return the file or the answer, and set when a URL is asked again."""
        config = self.config
        try:
            place = read_secret(config.ics, config.ics_url_file) or ""
        except SecretUnavailable as error:
            raise CalendarError(str(error)) from error
        if config.ics is not None and not is_http_url(place):
            return _read_file(Path(place))
        if not is_http_url(place):
            message = f"{config.ics_url_file} holds no http:// or https:// URL; write one into it"
            raise CalendarError(message)
        self._due = monotonic + min(config.refresh, RETRY)
        content = fetch(place, config)
        self._due = monotonic + config.refresh
        return content


def fetch(url: str, config: CalendarConfig) -> bytes:
    """Return what a URL answers, redirects not followed.

    Raises
    ------
    CalendarError
        No, late, too large or another answer than 200; names the host alone, since the rest of
        the URL may be a secret.
    """
    host = urlsplit(url).hostname
    with requests_session(config) as session:
        bound_whole_answers(session)
        try:
            with session.get(
                url,
                headers={"Accept": "text/calendar", "Accept-Encoding": "identity"},
                timeout=config.timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code != requests.codes.ok:
                    raise CalendarError(_refused(host, response.status_code))
                content = b""
                for piece in response.iter_content(1 << 16):
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise CalendarError(_too_large(str(host)))
                return content
        except requests.RequestException as error:
            # Only the kind: the texts of the layers below can carry the whole URL.
            why = f"{host} cannot be asked: {type(error).__name__}; check URL, proxy and network"
            raise CalendarError(why) from error
        except (OSError, SecretUnavailable) as error:  # a certificate's or a secret's file
            raise CalendarError(f"{host} cannot be asked: {error}") from error


def _refused(host: str | None, status: int) -> str:
    hint = "check the URL and the credentials"
    if 300 <= status < 400:
        hint = "redirects are not followed, set the URL to where the calendar really is"
    return f"{host} answered {status}; {hint}"


def _too_large(what: str) -> str:
    return f"{what} holds more than {MOST_BYTES} bytes; export a shorter span of time"


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CalendarError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise CalendarError(_too_large(str(path)))
    return content


def _whole_days(dates: Iterable[date], zone: tzinfo | None, rest: int = SUNDAY) -> Special:
    """Return days as the wall clock of a zone has them."""
    days = []
    for day in dates:
        start = datetime(day.year, day.month, day.day)
        end = start + timedelta(days=1)
        days.append((unix(start, zone or UTC), unix(end, zone or UTC)))
    return Special(merged(days), rest=rest)


def _country(
    country: str, subdivision: str | None, years: Iterable[int], zone: tzinfo | None
) -> Special:
    days = holidays.country_holidays(country, subdiv=subdivision, years=years)
    weekend = sorted(days.weekend)
    rest = SUNDAY if SUNDAY in weekend or not weekend else weekend[-1]
    return _whole_days(days, zone, rest)
