"""Instants as people write them on the command line."""

import pytest

from promkit.instants import instant, with_joined_instants

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-1h30m", NOW - 5400),
        ("-0s", NOW),
        ("1700000000.5", 1_700_000_000.5),
        ("2026-01-31T10:00:00Z", 1_769_853_600.0),
        ("2026-01-31T11:00:00+01:00", 1_769_853_600.0),
    ],
)
def test_an_instant(text: str, wanted: float) -> None:
    assert instant(text, NOW) == wanted


@pytest.mark.parametrize("text", ["", "yesterday", "-1.5h", "--1h", "1.2.3", "²", "9999999-01-01"])
def test_what_is_none_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: RFC 3339") as refused:
        instant(text, NOW)
    assert repr(text) in str(refused.value)


def test_an_instant_back_from_now_is_no_flag() -> None:
    given = ["add", "q", "--start", "-2h", "--end=-1h", "--reason", "--start", "--end", "-0s"]
    assert with_joined_instants(given) == [
        *("add", "q", "--start=-2h", "--end=-1h", "--reason", "--start", "--end=-0s"),
    ]
