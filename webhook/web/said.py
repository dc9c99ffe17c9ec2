"""What did a button do? Said on the page that comes after it, which may be loaded again."""

import secrets
from collections import OrderedDict

_KEPT = 1_000
_LONGEST_KEY = 32


class Said:
    """Keeps what was said for those who pressed a button last, under a key that only they have.

    In memory: behind several replicas the page may lack these words, and shows what is stored.
    """

    def __init__(self) -> None:
        self._words: OrderedDict[str, str] = OrderedDict()

    def put(self, words: str) -> str:
        """Keep some words; return their key."""
        key = secrets.token_urlsafe(9)
        self._words[key] = words
        if len(self._words) > _KEPT:
            self._words.popitem(last=False)
        return key

    def get(self, key: str) -> str:
        """Return the words of a key; "" where they are not known any more."""
        return self._words.get(key[:_LONGEST_KEY], "")
