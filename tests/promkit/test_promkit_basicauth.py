import asyncio
import base64

import bcrypt
import pytest

from promkit.basicauth import Passwords, credentials


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


HASHES = {"ann": hashed("right"), "bob": hashed("pässword"), "cy": hashed("x" * 72)}
# As Apache's htpasswd writes them.
HASHES["dee"] = HASHES["ann"].replace("$2b$", "$2y$", 1)


@pytest.mark.parametrize(
    ("user", "password", "valid"),
    [
        ("ann", "right", True),
        ("bob", "pässword", True),
        ("cy", "x" * 72, True),
        ("dee", "right", True),
        ("ann", "wrong", False),
        ("ann", "", False),
        ("eve", "right", False),
        ("", "", False),
        ("cy", "x" * 73, False),  # bcrypt would raise
        ("ann", "right\x00", False),
    ],
)
async def test_passwords(user: str, password: str, valid: bool) -> None:
    passwords = Passwords()
    for _ in range(2):  # the second answer may come from the cache
        assert await passwords.is_valid(HASHES, user, password) is valid


async def test_a_remembered_password_ends_with_its_hash() -> None:
    passwords = Passwords()
    assert await passwords.is_valid({"ann": hashed("old")}, "ann", "old")
    assert not await passwords.is_valid({"ann": hashed("new")}, "ann", "old")
    assert not await passwords.is_valid({}, "ann", "old")


async def test_many_at_once_share_one_check() -> None:
    passwords = Passwords()
    answers = await asyncio.gather(*(passwords.is_valid(HASHES, "ann", "right") for _ in range(50)))
    assert all(answers)


def header(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (header("ann:right"), ("ann", "right")),
        (header("ann:a:b"), ("ann", "a:b")),
        (header("bob:pässword").replace("Basic", "basic"), ("bob", "pässword")),
        (header("ann"), ("ann", "")),
        ("", ("", "")),
        ("Bearer abc", ("", "")),
        ("Basic !!!", ("", "")),
        ("Basic é", ("", "")),
        ("Basic " + base64.b64encode(b"\xff:x").decode(), ("", "")),
    ],
)
def test_credentials(value: str, parts: tuple[str, str]) -> None:
    assert credentials(value) == parts
