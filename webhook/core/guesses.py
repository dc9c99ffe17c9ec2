"""May somebody try one more password? Counted for each user, each address, and both together.

An attempt counts before its password is looked at, so that many at once are no way around; one that
was right is forgotten. What is counted says nothing of which users there are.
"""

import hashlib
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

SECONDS = 300.0
# A person who mistypes gets further; who knows no password does not, from one address or from many.
OF_BOTH = 5
OF_USER = 50
OF_ADDRESS = 100
_MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class _Limit:
    key: bytes
    count: int


class Guesses:
    """Remembers attempts of the last minutes."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[bytes, list[float]] = OrderedDict()

    def attempt(self, user: str, address: str, now: float) -> float:
        """Count an attempt, and return for how many seconds none is allowed; 0 allows this one.

        Parameters
        ----------
        now : seconds of a clock that never goes back
        """
        limits = _limits(user, address)
        wait = max(self._wait(limit, now) for limit in limits)
        if wait == 0:
            for limit in limits:
                self._attempts.setdefault(limit.key, []).append(now)
                self._attempts.move_to_end(limit.key)
            while len(self._attempts) > _MOST_KEPT:
                self._attempts.popitem(last=False)
        return wait

    def was_right(self, user: str, address: str) -> None:
        """Forget the newest attempt, and what the user mistyped at that address before it."""
        both, *others = _limits(user, address)
        self._attempts.pop(both.key, None)
        for limit in others:
            if attempts := self._attempts.get(limit.key):
                attempts.pop()

    def _wait(self, limit: _Limit, now: float) -> float:
        attempts = [at for at in self._attempts.get(limit.key, ()) if at > now - SECONDS]
        if not attempts:
            self._attempts.pop(limit.key, None)
            return 0.0
        self._attempts[limit.key] = attempts
        return 0.0 if len(attempts) < limit.count else attempts[-limit.count] + SECONDS - now


def _limits(user: str, address: str) -> tuple[_Limit, ...]:
    place = _place(address)
    return (
        _Limit(_key("both", user, place), OF_BOTH),
        _Limit(_key("user", user), OF_USER),
        _Limit(_key("address", place), OF_ADDRESS),
    )


def _place(address: str) -> str:
    """Return an address; of IPv6 the network, since each customer of a provider gets all of one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((int(found), 64), strict=False))


def _key(*parts: str) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()
