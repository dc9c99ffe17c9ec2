"""What does a pydantic error mean to the person who wrote the file?"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from promkit.errors import FieldProblem
from promkit.yamlnodes import Document, Path

_UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
_MISSING = {"missing", "missing_argument", "missing_keyword_only_argument"}
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "path_type": "a path",
    "none_required": "nothing",
}
_BOUNDS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
    "multiple_of": ("multiple_of", "a multiple of {}"),
    "too_short": ("min_length", "at least {} of them"),
    "too_long": ("max_length", "at most {} of them"),
    "string_too_short": ("min_length", "at least {} characters"),
    "string_too_long": ("max_length", "at most {} characters"),
    "string_pattern_mismatch": ("pattern", "text of the form {}"),
    "finite_number": (None, "a finite number"),
    "literal_error": ("expected", "{}"),
    "enum": ("expected", "{}"),
}
_YAML_1_1 = {"on": "true", "yes": "true", "y": "true", "off": "false", "no": "false", "n": "false"}
_LONGEST_SHOWN = 60


def describe(
    error: ValidationError, document: Document, model: type[BaseModel]
) -> list[tuple[int, Path, str]]:
    """Return (line, path, message) for each thing that is wrong, one per path."""
    messages: dict[Path, list[str]] = {}
    off_branch: list[tuple[Path, str]] = []
    for detail in error.errors(include_url=False):
        if _counts_only_the_good(detail):
            continue
        place = _locate(detail, document, model)
        path, message = _explain(detail, place, document)
        if place.is_branch and detail["type"] in _WANTED:
            off_branch.append((path, message))
        elif message not in messages.setdefault(path, []):
            messages[path].append(message)
    for path, message in off_branch:
        # "text is wanted" helps nobody whose mapping nearly fits another branch of the union.
        if not any(other[: len(path)] == path and other != path for other in messages):
            messages.setdefault(path, []).append(message)
    return [(document.line(path), path, _joined(texts)) for path, texts in messages.items()]


def _counts_only_the_good(detail: ErrorDetails) -> bool:
    # pydantic finds a list too short when too few of its items are valid; those are reported.
    return (
        detail["type"] == "too_short"
        and detail["ctx"]["actual_length"] < len(detail["input"])
        and len(detail["input"]) >= detail["ctx"]["min_length"]
    )


def _joined(texts: list[str]) -> str:
    first, *others = texts
    found = first.partition("; ")[0] + "; "
    return first + "".join(f", or: {text.removeprefix(found)}" for text in others)


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where an error is: in the text, and in the model."""

    path: Path
    parents: list[Any]  # what may stand around it
    here: list[Any]  # what may stand there
    is_branch: bool  # whether it is about one branch of a union among others


def _locate(detail: ErrorDetails, document: Document, model: type[BaseModel]) -> _Place:
    """Follow a loc through the model, dropping the parts that name a branch of a union."""
    path: Path = ()
    parents: list[Any] = []
    here: list[Any] = [model]
    last = len(detail["loc"]) - 1
    about_a_key = detail["type"] in _UNKNOWN_KEY | _MISSING
    is_branch = False
    for number, part in enumerate(detail["loc"]):
        branches, discriminator = _unwrap(here)
        if discriminator is not None:
            here = [leaf for leaf in branches if part in _tags(leaf, discriminator)]
        elif document.holds((*path, part)) or (number == last and about_a_key):
            path = (*path, part)
            is_branch = False
            parents, here = branches, [inner for leaf in branches for inner in _inside(leaf, part)]
        else:
            is_branch = True
    return _Place(path, parents, _unwrap(here)[0], is_branch)


def _explain(detail: ErrorDetails, place: _Place, document: Document) -> tuple[Path, str]:
    kind, path = detail["type"], place.path
    context = detail.get("ctx", {})
    if kind in _UNKNOWN_KEY:
        allowed = sorted({name for leaf in place.parents for name in _fields(leaf)})
        return path, f"found an unknown key{_nearest(path[-1], allowed)}; {_allowed(allowed)}"
    if kind in _MISSING:
        return path, "found nothing; this key is required"
    if kind.startswith("union_tag"):
        key = context["discriminator"].strip("'")
        tags = [tag for leaf in place.here for tag in _tags(leaf, key)]
        found = "nothing; this key is required"
        if "tag" in context:
            found = f"{context['tag']!r}{_nearest(context['tag'], tags)}"
        return (*path, key), f"found {found}; {_allowed(tags)}"
    cause = context.get("error")
    if isinstance(cause, FieldProblem):
        return (*path, *cause.path), str(cause)
    if isinstance(cause, ValueError):  # a validator's own words
        return path, str(cause)
    return path, _about_value(detail, place, document)


def _about_value(detail: ErrorDetails, place: _Place, document: Document) -> str:
    kind = detail["type"]
    about_its_key = detail["loc"][-1:] == ("[key]",)
    hidden = not about_its_key and any(leaf in (SecretStr, SecretBytes) for leaf in place.here)
    found = "a secret, not shown" if hidden else _found(detail["input"], place.path, document)
    if kind in _WANTED:
        hint = _hint(kind, detail["input"], place.path, document)
        return f"found {found}; {_WANTED[kind]} is wanted{hint}"
    if kind in _BOUNDS:
        name, form = _BOUNDS[kind]
        return f"found {found}; allowed: {form.format(detail['ctx'][name] if name else '')}"
    return f"found {found}; {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _found(value: object, path: Path, document: Document) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        if "://" in value:  # may carry a password or a token
            return "a URL"
        short = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…"
        return f"the text {short!r}"
    what = "the truth value" if isinstance(value, bool) else "the number"
    return f"{what} {document.raw.get(path, value)}"


def _hint(kind: str, value: object, path: Path, document: Document) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return ", put it in quotes"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _YAML_1_1:
        return f", write {_YAML_1_1[value.lower()]}"
    if kind in ("int_type", "float_type") and isinstance(value, str):
        if path not in document.raw:
            return ", without quotes"
        if value.strip("+-").isdigit():
            return ", without leading zeros"
    if _WANTED[kind] == "a list" and isinstance(value, str):
        return ", such as [one, two]"
    return ""


def _nearest(name: object, allowed: list[str]) -> str:
    close = difflib.get_close_matches(str(name), allowed, n=1)
    return f", did you mean {close[0]}" if close else ""


def _allowed(names: list[str]) -> str:
    return f"allowed: {', '.join(names)}" if names else "no keys are allowed here"


def _unwrap(annotations: list[Any]) -> tuple[list[Any], str | None]:
    """Flatten Annotated and unions to their members; name the discriminator if there is one."""
    leaves: list[Any] = []
    discriminator: str | None = None
    for annotation in annotations:
        origin = get_origin(annotation)
        if origin is Annotated:
            inner, *metadata = get_args(annotation)
            for item in metadata:
                name = getattr(item, "discriminator", None)
                discriminator = name if isinstance(name, str) else discriminator
            members = [inner]
        elif origin in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not type(None)]
        else:
            leaves.append(annotation)
            continue
        below, name = _unwrap(members)
        leaves.extend(below)
        discriminator = name or discriminator
    return leaves, discriminator


def _fields(leaf: Any) -> dict[str, Any]:
    if isinstance(leaf, type) and issubclass(leaf, BaseModel):
        return {field.alias or name: _whole(field) for name, field in leaf.model_fields.items()}
    if isinstance(leaf, type) and dataclasses.is_dataclass(leaf):
        hints = typing.get_type_hints(leaf, include_extras=True)
        return {field.name: hints[field.name] for field in dataclasses.fields(leaf) if field.init}
    return {}


def _whole(field: FieldInfo) -> Any:
    # pydantic takes the metadata apart; the discriminator has to come back to its union.
    if isinstance(field.discriminator, str):
        return Annotated[field.annotation, field]
    return field.annotation


def _inside(leaf: Any, part: str | int) -> Iterator[Any]:
    if part in (fields := _fields(leaf)):
        yield fields[str(part)]
    arguments = get_args(leaf)
    origin = get_origin(leaf)
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        yield arguments[1]
    elif isinstance(part, int) and arguments and Ellipsis not in arguments and origin is tuple:
        yield from arguments[part : part + 1]
    elif isinstance(part, int) and arguments:
        yield arguments[0]


def _tags(leaf: Any, discriminator: str) -> tuple[str, ...]:
    annotation = _fields(leaf).get(discriminator)
    return get_args(annotation) if get_origin(annotation) is Literal else ()
