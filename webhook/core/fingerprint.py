"""By which fingerprint does Alertmanager know an alert of these labels?"""

from collections.abc import Mapping

# FNV-1a with 64 bits (Fowler, Noll, Vo; http://www.isthe.com/chongo/tech/comp/fnv).
_OFFSET = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = 0xFFFFFFFFFFFFFFFF
# No UTF-8 text has it, so no two label sets run together.
_SEPARATOR = b"\xff"


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the 16 hex digits that Prometheus' common library computes; empty values count not.

    The names in order, each followed by its value and both by a separator, hashed with FNV-1a.
    """
    value = _OFFSET
    for name in sorted(labels, key=str.encode):
        if labels[name]:
            for byte in _SEPARATOR.join((name.encode(), labels[name].encode(), b"")):
                value = (value ^ byte) * _PRIME & _MASK
    return f"{value:016x}"
