"""Where does a secret stand? Each is a word that stands nowhere else."""

import base64
import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote


class Words:
    """Makes words, and finds them in whatever form they may have been written."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.made: dict[str, str] = {}

    def new(self, what: str, length: int = 0) -> str:
        word = f"canary{next(self._numbers):02}{what}".replace("_", "").ljust(length, "x")
        self.made[what] = word
        return word

    def found_in(self, text: str) -> list[str]:
        return [
            what
            for what, word in self.made.items()
            if any(form in text for form in (word, quote(word), word[::-1], *_encoded(word)))
        ]


def _encoded(word: str) -> Iterator[str]:
    # In the middle of a longer text, base64 has one of three forms.
    for shift in range(3):
        raw = base64.b64encode(b"x" * shift + word.encode()).decode()
        yield raw[4:-4]


def text_of(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("latin-1")


def written(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), text_of(path)


def check(words: Words, read: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    return {where: found for where, text in read if (found := words.found_in(text))}
