"""What does a YAML text say, and on which line does it say it?

Scalars follow YAML 1.2's core schema, not PyYAML's 1.1: only ``true`` and ``false`` are booleans
(``on`` and ``no`` are text), ``1e3`` is a number, and ``22:30`` or ``0123`` are text.
"""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

Yaml: TypeAlias = "bool | int | float | str | list[Yaml] | dict[str, Yaml] | None"
Path: TypeAlias = tuple[str | int, ...]

# Aliases let a short text stand for a huge tree; no real configuration comes near this.
MAX_NODES = 100_000
MAX_DEPTH = 100

_PREFIX = "tag:yaml.org,2002:"
_KINDS = {yaml.ScalarNode: "str", yaml.SequenceNode: "seq", yaml.MappingNode: "map"}
_MERGE = "<<"
# At most 18 digits: more are no setting, and Python refuses to read very long ones.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_INFINITE = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


class _PlainLoader(yaml.SafeLoader):
    """Composes nodes only; which scalar is which is decided here and not by YAML 1.1."""


_PlainLoader.yaml_implicit_resolvers = {}


@dataclass(frozen=True)
class Document:
    """A parsed text.

    Attributes
    ----------
    value : plain Python values; mapping keys are always text
    lines : line (from 1) on which each path starts
    raw : each scalar as it was written
    problems : (line, path, message) of everything that is wrong with it as YAML
    """

    value: Yaml
    lines: dict[Path, int]
    raw: dict[Path, str]
    problems: list[tuple[int, Path, str]]

    def line(self, path: Path) -> int:
        """Return the line of a path, or of its nearest ancestor that stands in the text."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def holds(self, path: Path) -> bool:
        """Tell whether the text says something at that path."""
        return path in self.lines


def read_yaml(text: str) -> Document:
    """Parse one YAML document; an empty one reads as an empty mapping."""
    reader = _Reader()
    try:
        root = yaml.compose(text, Loader=_PlainLoader)
        value = {} if root is None else reader.read(root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = ", ".join(part for part in (error.context, error.problem) if part)
        return Document({}, {}, {}, [(line, (), f"found YAML that cannot be read: {what}")])
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"found the control character {error.character!r}; remove it"
        return Document({}, {}, {}, [(line, (), what)])
    except RecursionError:
        return Document({}, {}, {}, [(1, (), "found YAML that is nested too deeply")])
    except _TooMuch as error:
        return Document({}, {}, {}, [(error.line, (), str(error))])
    return Document(value, reader.lines, reader.raw, reader.problems)


class _TooMuch(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class _Reader:
    lines: dict[Path, int] = field(default_factory=lambda: {(): 1})
    raw: dict[Path, str] = field(default_factory=dict)
    problems: list[tuple[int, Path, str]] = field(default_factory=list)
    count: int = 0

    def read(self, node: yaml.Node, path: Path) -> Yaml:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self.count += 1
        if len(path) > MAX_DEPTH:
            raise _TooMuch(line, f"found more than {MAX_DEPTH} levels, or an alias inside itself")
        if self.count > MAX_NODES:
            raise _TooMuch(line, f"found more than {MAX_NODES} values once aliases are filled in")
        tag = node.tag.removeprefix(_PREFIX)
        if tag != _KINDS[type(node)]:
            self._problem(node, path, f"found the tag {node.tag!r}; tags are not supported here")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode), "compose() makes three kinds of nodes"
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Yaml]:
        result: dict[str, Yaml] = {}
        for key, item in self._pairs(node, path):
            here = (*path, key.value)
            line = key.start_mark.line + 1
            if key.value in result:
                first = self.lines[here]
                message = f"found this key twice, first on line {first}; keep one of them"
                self.problems.append((line, here, message))
                continue
            self.lines[here] = line
            result[key.value] = self.read(item, here)
        return result

    def _pairs(self, node: yaml.MappingNode, path: Path) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        own: list[tuple[yaml.ScalarNode, yaml.Node]] = []
        merged: list[yaml.Node] = []
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                message = "found a list or mapping as key; a key is text"
                self.problems.append((key.start_mark.line + 1, path, message))
            elif key.value == _MERGE and key.style is None:
                merged.extend(item.value if isinstance(item, yaml.SequenceNode) else [item])
            else:
                own.append((key, item))
        names = {key.value for key, _ in own}
        for source in merged:
            if not isinstance(source, yaml.MappingNode):
                message = "found something else than a mapping to merge by <<"
                self.problems.append((source.start_mark.line + 1, path, message))
                continue
            self.count += 1
            if self.count > MAX_NODES:
                raise _TooMuch(source.start_mark.line + 1, f"found more than {MAX_NODES} values")
            for key, item in self._pairs(source, path):
                if key.value not in names:
                    names.add(key.value)
                    own.append((key, item))
        return own

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Yaml:
        text: str = node.value
        if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
            self._problem(node, path, "found half of a UTF-16 pair; write the character itself")
            return ""
        if node.style is not None:  # quoted, or a block
            return text
        self.raw[path] = text
        return plain_scalar(text)

    def _problem(self, node: yaml.Node, path: Path, message: str) -> None:
        self.problems.append((node.start_mark.line + 1, path, message))


def plain_scalar(text: str) -> bool | int | float | str | None:
    """Return what an unquoted scalar means by YAML 1.2's core schema."""
    lower = text.lower()
    if lower in _WORDS:
        return _WORDS[lower]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if lower in _INFINITE:
        return float(_INFINITE[lower])
    return text
