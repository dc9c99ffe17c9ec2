import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from promkit.durations import Duration, PositiveDuration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("250ms", 0.25),
        ("15s", 15),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d12h", 129_600),
        ("2w", 1_209_600),
        ("1y", 31_536_000),
        ("1y1w1d1h1m1s1ms", 31_536_000 + 604_800 + 86_400 + 3600 + 60 + 1.001),
    ],
)
def test_parse_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "1", "-1s", "1.5h", "30s5m", "1s1s", "1 s", "s", "1H", "1m\n", "٣s", "abc", "300y"]
)
def test_what_is_no_duration_is_refused_with_the_grammar(text: str) -> None:
    with pytest.raises(ValueError, match=r"no duration; allowed: 0|292 years") as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (90, "1m30s"),
        (129_600, "36h"),
        (604_800, "1w"),
        (86_400 * 8, "8d"),
        (31_536_000, "1y"),
    ],
)
def test_format_duration_writes_what_prometheus_writes(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=2**63 // 10**6))
def test_formatting_and_parsing_are_inverse(milliseconds: int) -> None:
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


def test_a_negative_duration_has_no_text() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        format_duration(-1)


class Timed(BaseModel):
    every: PositiveDuration = 15.0
    offset: Duration = 0.0


def test_a_model_reads_durations_and_writes_them_back() -> None:
    timed = Timed.model_validate_json('{"every": "1h30m", "offset": 0}')
    assert (timed.every, timed.offset) == (5400.0, 0.0)
    assert timed.model_dump_json() == '{"every":"1h30m","offset":"0s"}'


@pytest.mark.parametrize(
    ("value", "message"),
    [("15", "did you mean 15s"), ("true", "a duration is wanted"), ('"0s"', "greater than 0")],
)
def test_a_model_refuses_what_has_no_unit_or_no_length(value: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Timed.model_validate_json(f'{{"every": {value}}}')


def test_in_python_seconds_are_plain_numbers() -> None:
    assert Timed(every=60, offset=2.5) == Timed.model_validate({"every": "1m", "offset": "2s500ms"})
