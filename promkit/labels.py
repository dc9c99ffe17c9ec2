"""Does a label set match? Alertmanager's matchers: ``{severity="critical", instance=~"db.*"}``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

Operator = Literal["=", "!=", "=~", "!~"]

_NAME_OR_VALUE = r"\"(?:[^\"\\\n]|\\.)*\"|[^\s{}!=~,\\\"'`]+"
_TOKEN = re.compile(rf"\s*(?:(?P<op>=~|!~|!=|=)|(?P<mark>[{{}},])|(?P<text>{_NAME_OR_VALUE}))")
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))"
)
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
}
# Go knows these names within brackets; Python would read them as the letters of the name.
_POSIX = "[[:"
_FORM = 'write matchers as name="value", with one of = != =~ !~ and commas between them'


@dataclass(frozen=True)
class Matcher:
    """One condition on a label; a label that is not there counts as empty.

    Parameters
    ----------
    name : label name
    op : equal, not equal, matches or does not match a regular expression (anchored at both ends)
    value : text or regular expression

    Raises
    ------
    ValueError
        If the name is empty or the expression cannot be compiled.
    """

    name: str
    op: Operator
    value: str
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"found a matcher without a label name; {_FORM}")
        expression = self.value if self.op in ("=~", "!~") else re.escape(self.value)
        if _POSIX in expression and self.op in ("=~", "!~"):
            raise ValueError(f"found {self.value!r}; write a-z instead of [:lower:], and so on")
        try:
            # As Go has it: \d and \w are ASCII, which must not keep É from being é.
            pattern = re.compile(expression, 0 if "(?i" in expression else re.ASCII)
        except re.error as error:
            message = f"found {self.value!r}, which is no regular expression: {error}"
            raise ValueError(message) from None
        object.__setattr__(self, "_pattern", pattern)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the condition holds for a label set."""
        found = self._pattern.fullmatch(labels.get(self.name, "")) is not None
        return found == (self.op in ("=", "=~"))


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Read matchers in Alertmanager's syntax: braces and quotes optional, UTF-8 names quoted.

    Raises
    ------
    ValueError
        If the text is not of that form; the message quotes it and says where it goes wrong.
    """
    tokens = _tokens(text)
    if tokens and tokens[0][1] == "{":
        if tokens[-1][1] != "}":
            raise ValueError(f"found {text!r}, whose {{ is never closed; {_FORM}")
        tokens = tokens[1:-1]
    matchers: list[Matcher] = []
    while tokens:
        kinds = [kind for kind, _ in tokens[:4]]
        if kinds[:3] != ["text", "op", "text"] or (len(kinds) == 4 and tokens[3][1] != ","):
            seen = " ".join(token for _, token in tokens[:4])
            raise ValueError(f"found {text!r}, which goes wrong at {seen!r}; {_FORM}")
        name, op, value = (token for _, token in tokens[:3])
        matchers.append(Matcher(_unquoted(name), cast(Operator, op), _unquoted(value)))
        tokens = tokens[4:]
    return tuple(matchers)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    text = text.rstrip()
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"found {text!r}, which goes wrong at {text[position:]!r}; {_FORM}")
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind]))
        position = match.end()
    return tokens


def _unquoted(token: str) -> str:
    if not token.startswith('"'):
        return token
    return _ESCAPE.sub(_unescaped, token[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    simple, *codes, other = match.groups()
    if simple:
        return _ESCAPES[simple]
    digits = "".join(code or "" for code in codes)
    if other is not None or int(digits, 16) > 0x10FFFF:
        raise ValueError(f'found the escape {match[0]!r}; allowed: \\n \\t \\\\ \\" \\u and such')
    return chr(int(digits, 16))
