import io
import json
import logging
from collections.abc import Iterator

import pytest

from promkit.log import setup_logging, trace_id

log = logging.getLogger("part")


@pytest.fixture(autouse=True)
def _former_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(fmt: str, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    setup_logging(level, fmt, stream)
    return stream


def without_time(line: str) -> str:
    name, _, rest = line.partition(" ")
    assert name.startswith("time=20")
    assert name.endswith("+00:00")
    return rest


def test_fields_become_key_value_pairs() -> None:
    stream = lines("logfmt")
    log.info("query done", extra={"query": "cpu", "series": 12, "expr": 'up{a="b"}', "none": ""})
    assert without_time(stream.getvalue()) == (
        r'level=info logger=part msg="query done" query=cpu series=12 expr="up{a=\"b\"}" none=""'
        "\n"
    )


def test_json_carries_the_same_fields() -> None:
    stream = lines("json")
    token = trace_id.set("abc")
    log.warning("odd %s", "thing", extra={"query": "cpu", "path": io})
    trace_id.reset(token)
    entry = json.loads(stream.getvalue())
    assert entry.pop("time").endswith("+00:00")
    assert entry.pop("path").startswith("<module")
    assert entry == {
        "level": "warning",
        "logger": "part",
        "msg": "odd thing",
        "query": "cpu",
        "trace_id": "abc",
    }


@pytest.mark.parametrize("fmt", ["logfmt", "json"])
def test_no_value_can_forge_a_line_or_reach_the_terminal(fmt: str) -> None:
    stream = lines(fmt)
    hostile = "a\r\nlevel=error\x1b[2J\u2028\u202e\x00é\\"
    log.info(hostile, extra={"label": hostile})
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()
    if fmt == "logfmt":
        escaped = r"a\r\nlevel=error\x1b[2J\u2028\u202e\x00é\\"
        assert f'label="{escaped}"' in line


def test_a_traceback_is_indented_in_logfmt_and_one_line_in_json() -> None:
    def fail() -> None:
        raise ValueError("bad\nlevel=error \x1b")

    for fmt in ("logfmt", "json"):
        stream = lines(fmt)
        try:
            fail()
        except ValueError:
            log.exception("failed")
        first, *others = stream.getvalue().splitlines()
        if fmt == "json":
            assert not others
            assert "ValueError: bad\nlevel=error" in json.loads(first)["traceback"]
        else:
            assert others[-1] == r"    level=error \x1b"
            assert all(line.startswith("    ") for line in others)


def test_levels_cut_off_and_a_second_setup_replaces_the_first() -> None:
    first = lines("logfmt")
    second = lines("logfmt", "error")
    log.warning("unheard")
    log.error("heard")
    assert first.getvalue() == ""
    assert "unheard" not in second.getvalue()
    assert second.getvalue().count("heard") == 1


def test_the_http_client_does_not_log_secret_paths() -> None:
    stream = lines("logfmt", "debug")
    logging.getLogger("urllib3.connectionpool").warning("Retrying: /services/T0/canary")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("level", "fmt"), [("loud", "json"), ("info", "xml")])
def test_unknown_levels_and_formats_are_refused(level: str, fmt: str) -> None:
    with pytest.raises(ValueError, match="allowed: "):
        setup_logging(level, fmt)
