"""Silences as text: what is written is read as the same, and what is published is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promkit.labels import parse_matchers
from webhook.core.silences import (
    KEPT_SECONDS,
    MOST,
    MOST_CHARACTERS,
    Operator,
    Silence,
    matchers_text,
    operator_of,
    publishable,
)

NOW = 1_800_000_000.0
VALUES = st.text(st.characters(codec="utf-8"))
NAMES = st.text(st.characters(codec="utf-8"), min_size=1)


@given(st.lists(st.tuples(NAMES, st.sampled_from(("=", "!=")), VALUES)))
def test_what_is_written_is_read_as_the_same(matchers: list[tuple[str, Operator, str]]) -> None:
    read = parse_matchers(matchers_text(matchers))
    assert [(each.name, each.op, each.value) for each in read] == sorted(matchers)


def test_the_text_of_a_silence() -> None:
    text = matchers_text([("job", "!~", 'a"\\b\n'), ("a b", "=", "x")])
    assert text == r'{"a b"="x",job!~"a\"\\b\n"}'
    assert matchers_text([]) == "{}"


@pytest.mark.parametrize(
    ("is_regex", "is_equal", "operator"),
    [(False, True, "="), (False, False, "!="), (True, True, "=~"), (True, False, "!~")],
)
def test_operators(*, is_regex: bool, is_equal: bool, operator: str) -> None:
    assert operator_of(is_regex=is_regex, is_equal=is_equal) == operator


def silence(start: float, end: float, name: str = "a", matchers: str = '{a="b"}') -> Silence:
    return Silence(name, matchers, NOW + start, NOW + end)


def test_what_holds_or_held_is_published() -> None:
    good = [silence(-60, 60), silence(-KEPT_SECONDS - 60, 1 - KEPT_SECONDS)]
    other = [
        silence(60, 120),  # not begun
        silence(-60, -60),  # taken back before it began
        silence(-KEPT_SECONDS - 60, -KEPT_SECONDS),
    ]
    assert publishable([*other, *good], NOW) == (good, 0)


def test_what_is_too_long_or_too_much_is_counted() -> None:
    many = [silence(-60, 60 + i, f"{i}") for i in range(MOST + 2)]
    long = silence(-60, 9e9, "long", "x" * (MOST_CHARACTERS + 1))
    kept, left_out = publishable([*many, long], NOW)
    assert [each.id for each in kept] == [f"{i}" for i in range(MOST + 1, 1, -1)]
    assert left_out == 3
