"""Guesses at passwords: counted before they are looked at, by user and by place."""

from webhook.core.guesses import _MOST_KEPT, OF_ADDRESS, OF_BOTH, OF_USER, SECONDS, Guesses


def test_a_user_at_an_address_has_some_tries_within_some_minutes() -> None:
    guesses = Guesses()
    assert [guesses.attempt("ana", "10.0.0.1", float(i)) for i in range(OF_BOTH)] == [0] * OF_BOTH
    assert guesses.attempt("ana", "10.0.0.1", 10.0) == SECONDS - 10
    assert guesses.attempt("ana", "10.0.0.2", 10.0) == 0, "she herself is elsewhere"
    assert guesses.attempt("ben", "10.0.0.1", 10.0) == 0
    assert guesses.attempt("ana", "10.0.0.1", SECONDS + 0.5) == 0, "the first is forgotten"
    assert guesses.attempt("ana", "10.0.0.1", SECONDS + 0.5) == 0.5


def test_who_knows_the_password_starts_anew() -> None:
    guesses = Guesses()
    for _ in range(20 * OF_BOTH):
        assert guesses.attempt("ana", "10.0.0.1", 0.0) == 0
        guesses.was_right("ana", "10.0.0.1")


def test_many_addresses_are_no_way_around_and_neither_are_many_names() -> None:
    guesses = Guesses()
    waits = [guesses.attempt("ana", f"10.0.{i}.1", 0.0) for i in range(OF_USER + 1)]
    assert [wait > 0 for wait in waits] == [False] * OF_USER + [True]
    waits = [guesses.attempt(f"name{i}", "10.9.9.9", 0.0) for i in range(OF_ADDRESS + 1)]
    assert [wait > 0 for wait in waits] == [False] * OF_ADDRESS + [True]


def test_a_network_of_ipv6_is_one_place() -> None:
    guesses = Guesses()
    waits = [guesses.attempt("ana", f"2001:db8::{i:x}", 0.0) for i in range(OF_BOTH + 1)]
    assert [wait > 0 for wait in waits] == [False] * OF_BOTH + [True]
    assert guesses.attempt("ana", "2001:db8:0:1::1", 0.0) == 0
    assert guesses.attempt("ana", "a socket without an address", 0.0) == 0


def test_memory_is_bounded() -> None:
    guesses = Guesses()
    for i in range(_MOST_KEPT):
        guesses.attempt(f"name{i}", f"address{i}", 0.0)
    assert len(guesses._attempts) == _MOST_KEPT
