"""What may a string from outside contain before it is stored?"""

import re

REPLACEMENT = "\ufffd"
MAX_CHARACTERS = 16_384

# A lone surrogate cannot be encoded as UTF-8 and PostgreSQL refuses U+0000 in text and jsonb, so
# either one would turn a stored alert into an error at every retry of its sender.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Return `text` as every database and encoder accepts it, cut to MAX_CHARACTERS."""
    if len(text) > MAX_CHARACTERS:
        text = text[: MAX_CHARACTERS - 1] + "…"
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub(REPLACEMENT, text)


# Control characters, and those that turn the direction of text or hide within it.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


def one_line(text: str, longest: int = 1_000) -> str:
    """Return foreign text as one line that shows nothing but itself, cut to `longest`."""
    return shortened(" ".join(_INVISIBLE.sub(" ", storable(text)).split()), longest)


def shortened(text: str, longest: int) -> str:
    """Return `text`, or its start and an ellipsis, in at most `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
