"""What a log line looks like: one entry per line as logfmt or JSON, safe to read in a terminal.

Library code uses ``logging.getLogger(__name__)`` and hands values over as fields, never inside
the message: ``log.info("query failed", extra={"query": name, "reason": reason})``.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol, TextIO

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("logfmt", "json")

trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""Set per request or evaluation; stands on every line logged meanwhile."""

_OF_A_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_BARE = re.compile(r"[^\s\"=\\]+")


class Sink(Protocol):
    """Where lines go besides the stream."""

    @property
    def lost(self) -> int:
        """How many lines did not get there."""
        ...

    def put(self, line: str, level: int) -> None:
        """Take a line without its end, and never wait; ``level`` is one of `logging`."""
        ...


class Logs:
    """What was logged since a setup.

    Attributes
    ----------
    lines : entries by level, for all `LEVELS`
    """

    def __init__(self, sink: Sink | None) -> None:
        self.lines = dict.fromkeys(LEVELS, 0)
        self._sink = sink

    @property
    def lost(self) -> int:
        """How many entries are missing in a file that they belong to."""
        return 0 if self._sink is None else self._sink.lost


def setup_logging(
    level: str, fmt: str, stream: TextIO = sys.stderr, sink: Sink | None = None
) -> Logs:
    """Send everything from ``level`` up to ``stream`` and ``sink``, in place of a former setup.

    Raises
    ------
    ValueError
        If the level or format is none of `LEVELS` and `FORMATS`.
    """
    if level not in LEVELS:
        raise ValueError(f"found the log level {level!r}; allowed: {', '.join(LEVELS)}")
    if fmt not in FORMATS:
        raise ValueError(f"found the log format {fmt!r}; allowed: {', '.join(FORMATS)}")
    logs = Logs(sink)
    handler = _Handler(stream, logs, sink)
    handler.setFormatter(_Json() if fmt == "json" else _Logfmt())
    root = logging.getLogger()
    for former in [former for former in root.handlers if isinstance(former, _Handler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    # It logs the paths of URLs, and some of those are secrets.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    # It tells at the first start that it looked for fonts.
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    return logs


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that a second setup replaces it and leaves other people's handlers alone."""

    def __init__(self, stream: TextIO, logs: Logs, sink: Sink | None) -> None:
        super().__init__(stream)
        self._logs = logs
        self._sink = sink

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, counted and given to the files: each is formatted once."""
        # Called by the library's `emit`, which lets no failure reach whoever logs.
        line = super().format(record)
        self._logs.lines[_level(record.levelno)] += 1
        if self._sink is not None:
            self._sink.put(line, record.levelno)
        return line


def _level(number: int) -> str:
    """Return the highest of `LEVELS` that a record reaches."""
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


def _fields(record: logging.LogRecord) -> Iterable[tuple[str, object]]:
    yield "time", datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    yield "level", record.levelname.lower()
    yield "logger", record.name
    yield "msg", record.getMessage()
    for name, value in vars(record).items():
        if name not in _OF_A_RECORD:
            yield name, value
    if (trace := trace_id.get()) is not None and "trace_id" not in vars(record):
        yield "trace_id", trace


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = dict(_fields(record))
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        # ASCII only: escapes control characters, line separators and direction overrides alike.
        return json.dumps(fields, ensure_ascii=True, default=str)


class _Logfmt(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = " ".join(f"{name}={_logfmt_value(value)}" for name, value in _fields(record))
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            # Indented, so that text inside a traceback cannot pose as an entry of its own.
            line += "".join(f"\n    {_escape(part)}" for part in trace.splitlines())
        return line


def _logfmt_value(value: object) -> str:
    text = _escape(str(value))
    if _BARE.fullmatch(text):
        return text
    # The escapes made above keep their backslash; a quote of the text gets one.
    return '"' + text.replace('"', '\\"') + '"'


def _escape(text: str) -> str:
    """Escape what a terminal or a line reader would act on, as Go's %q does."""
    text = text.replace("\\", "\\\\")
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
