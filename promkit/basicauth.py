"""Is this the user's password? bcrypt hashes, checked without giving away who exists."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping

import bcrypt

# A hash of nothing anyone knows: an unknown user costs as much time as a known one.
_NOBODY = "Z12lnYQ6is2nfT8hMLwVduhXu1/3aXf5FzZFOoSkoAhV8v/AMhIDy"
_LONGEST_PASSWORD = 72  # bytes; bcrypt cannot tell longer ones apart


def credentials(header: str) -> tuple[str, str]:
    """Split a Basic Authorization header into user and password; two empty texts if it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # of base64 and of UTF-8 alike
        return "", ""
    return user, password


class Passwords:
    """Checks passwords, one at a time in a thread, and remembers those that were right."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._known: dict[str, bytes] = {}

    async def is_valid(self, hashes: Mapping[str, str], user: str, password: str) -> bool:
        """Tell whether the password is the one that the user's hash was made of."""
        if len(password.encode()) > _LONGEST_PASSWORD:
            return False
        known_user = user in hashes
        hashed = hashes[user] if known_user else _nobody(hashes)
        key = _fingerprint(user, hashed, password)
        if self._known.get(user) == key:
            return True
        async with self._one_at_a_time:
            if self._known.get(user) == key:
                return True
            matches = await asyncio.to_thread(bcrypt.checkpw, password.encode(), hashed.encode())
        if matches and known_user:
            self._known[user] = key
        return matches and known_user


def _nobody(hashes: Mapping[str, str]) -> str:
    cost = max((hashed.split("$")[2] for hashed in hashes.values()), default="10")
    return f"$2b${cost}${_NOBODY}"


def _fingerprint(*parts: str) -> bytes:
    # The quotes of `repr` cannot be forged inside a part.
    return hashlib.sha256(repr(parts).encode()).digest()
