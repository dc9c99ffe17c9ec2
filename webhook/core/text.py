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
