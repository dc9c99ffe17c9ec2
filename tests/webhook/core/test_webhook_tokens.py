"""A token is good for one purpose and incident, until it expires; nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core.tokens import Key, TokenRefused, incident_of, sign

OLD, NEW, OTHER = Key(b"old secret"), Key(b"new secret"), Key(b"another secret")
NOW = 1_795_258_405.0
GOOD = sign(NEW, "feedback", 1234, NOW + 60)


def refusal(token: str, *keys: Key, now: float = NOW) -> str:
    with pytest.raises(TokenRefused) as raised:
        incident_of(token, keys or (NEW, OLD), "feedback", now)
    return raised.value.reason


def test_a_token_is_of_a_length_that_a_mail_does_not_break() -> None:
    assert len(GOOD) == 76
    # The form is a contract: links that were sent stay good over upgrades.
    assert sign(Key(b"k" * 32), "feedback", 7, 1_800_000_000) == (
        "v1.d39b.feedback.7.1800000000.0KzrK1idsh0h93V7AIPSlmFrFwZGOCyLZFLZw1NluYM"
    )


def test_both_keys_are_good_while_one_replaces_the_other() -> None:
    assert incident_of(GOOD, (NEW, OLD), "feedback", NOW) == 1234
    assert incident_of(sign(OLD, "feedback", 5, NOW + 1), (NEW, OLD), "feedback", NOW) == 5
    assert refusal(GOOD, OTHER) == "forged"


def test_it_ends_at_its_end() -> None:
    assert incident_of(GOOD, (NEW,), "feedback", NOW + 59) == 1234
    assert refusal(GOOD, NEW, now=NOW + 60) == "expired"


def test_it_is_for_its_purpose_alone() -> None:
    assert refusal(sign(NEW, "chart", 1234, NOW + 60)) == "forged"


@pytest.mark.parametrize(
    "token",
    ["", "v1", GOOD[:-1], GOOD + "A", GOOD.replace("v1", "v2"), GOOD.replace(".1234.", ".01234."),
     GOOD.replace(".1234.", ".-1."), GOOD.replace("v1.", "v1.."), GOOD + "\n", f" {GOOD}",
     GOOD.replace(".1234.", ".١٢٣٤."), "v1." + "9" * 100_000, "\ud800"],
)  # fmt: skip
def test_what_has_not_the_form_is_malformed(token: str) -> None:
    assert refusal(token) == "malformed"


@given(st.integers(0, len(GOOD) - 1), st.sampled_from("0aZ_-.7"))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    changed = GOOD[:place] + character + GOOD[place + 1 :]
    try:
        is_good = incident_of(changed, (NEW, OLD), "feedback", NOW) == 1234
    except TokenRefused:
        is_good = False
    assert is_good == (changed == GOOD)


def test_a_key_does_not_show_its_secret() -> None:
    assert "secret" not in repr(NEW)
    assert len(NEW.name) == 4
