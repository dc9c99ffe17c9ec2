"""What may a user's template do, and how is what it does counted?

Its syntax is checked against a list of what is harmless: no calls, no assignments, no attributes of
Python. What is left could still loop for long or make long texts; so turns of loops are counted,
and filters that lengthen a text say how long it becomes before they make it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

from jinja2 import StrictUndefined, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from webhook.core.present import amount, moment, span

MAX_STEPS: Final = 2_000
"""Turns of all loops of one rendering together."""

_MAX_TEXT = 100_000  # characters of anything that a filter returns
_MAX_NESTING = 3

_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.For,
    nodes.If,
    nodes.CondExpr,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.Not,
    nodes.And,
    nodes.Or,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.Neg,
    nodes.Tuple,  # of the names that a loop gives to label and value
    nodes.Keyword,
)
_GROWING: tuple[type[nodes.Expr], ...] = (nodes.Concat, nodes.Add, nodes.Tuple)
_LOOP = ("index", "index0", "first", "last", "length")
_BUILTIN_FILTERS = [
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "int",
    "items",
    "last",
    "length",
    "lower",
    "sort",
    "string",
    "title",
    "trim",
    "upper",
    "urlencode",
]
_TESTS = [
    "defined",
    "undefined",
    "none",
    "boolean",
    "number",
    "string",
    "eq",
    "==",
    "ne",
    "!=",
    "lt",
    "<",
    "le",
    "<=",
    "gt",
    ">",
    "ge",
    ">=",
    "in",
    "divisibleby",
]


FILTERS: Final = (
    *_BUILTIN_FILTERS,
    "amount",
    "join",
    "moment",
    "replace",
    "round",
    "span",
    "truncate",
)
"""The filters that a template may use."""


class TemplateProblem(ValueError):
    """A template that cannot be used, or did too much; the text says at which line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")


class Environment(ImmutableSandboxedEnvironment):
    """A sandbox with few filters, no functions, and no way from a value to Python."""

    intercepted_binops = frozenset("*")

    def __init__(self, finalize: Callable[[object], str] | None = None) -> None:
        super().__init__(autoescape=False, undefined=StrictUndefined, finalize=finalize)
        self.steps = 0
        self.globals.clear()
        builtin = dict(self.filters)
        self.filters.clear()
        for name in _BUILTIN_FILTERS:
            self.filters[name] = builtin[name]
        self.filters["join"] = _join
        self.filters["replace"] = _replace
        self.filters["round"] = _round
        self.filters["truncate"] = _truncate
        self.filters["amount"] = lambda number, unit="": amount(float(number), str(unit))
        self.filters["span"] = lambda seconds: span(float(seconds))
        self.filters["moment"] = lambda at, zone="UTC": moment(float(at), str(zone))
        self.filters["_turns"] = self._turns
        known = dict(self.tests)
        self.tests.clear()
        self.tests.update({name: known[name] for name in _TESTS})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return the field of a mapping, or what a loop tells of itself."""
        # Python's attributes are nobody's business, and a label may be called "items".
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item; undefined, an error once it is used, where there is none."""
        try:
            return obj[argument]
        except (LookupError, TypeError, AttributeError):
            return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply numbers, and not a text by a billion."""
        for side in (left, right):
            if isinstance(side, bool) or not isinstance(side, int | float):
                raise TypeError(f"* multiplies numbers, found {type(side).__name__}")
        return left * right

    def _turns(self, items: Iterable[object]) -> Iterator[object]:
        for item in items:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise ValueError(f"its loops take more than {MAX_STEPS} turns")
            yield item


def _join(items: Iterable[object], separator: object = "") -> str:
    texts = [str(item) for item in items]
    middle = str(separator)
    return _bounded(sum(map(len, texts)) + len(middle) * len(texts), lambda: middle.join(texts))


def _replace(text: object, old: object, new: object) -> str:
    whole, part, instead = str(text), str(old), str(new)
    size = len(whole) + whole.count(part) * len(instead)
    return _bounded(size, lambda: whole.replace(part, instead))


def _round(number: object, digits: object = 0) -> float:
    places = int(str(digits))
    if abs(places) > 15:  # round(2, -1000000000) would compute for minutes
        raise ValueError(f"round to {places} digits; allowed: -15 to 15")
    return round(float(str(number)), places)


def _truncate(text: object, length: object = 255) -> str:
    whole, size = str(text), max(1, int(str(length)))
    return whole if len(whole) <= size else f"{whole[: size - 1]}…"


def _bounded(size: int, make: Callable[[], str]) -> str:
    if size > _MAX_TEXT:
        raise ValueError(f"a filter would return {size} characters; allowed: {_MAX_TEXT}")
    return make()


def check(tree: nodes.Template, names: Collection[str]) -> None:
    """Refuse a template that does what none may, or uses other names than these."""
    _check_nodes(tree)
    _check_loops(tree, 0)
    loop_names = {
        name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")
    } | {"loop"}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in names and name.name not in loop_names:
            allowed = ", ".join(names)
            raise TemplateProblem(name.lineno, f"found the name {name.name!r}; allowed: {allowed}")


def _check_nodes(node: nodes.Node) -> None:
    if not isinstance(node, _NODES):
        what = type(node).__name__.lower()
        raise TemplateProblem(
            node.lineno,
            f"found {what}; a template may use if, for, filters and comparisons, and nothing "
            "that calls, assigns or includes",
        )
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        allowed = ", ".join(sorted(FILTERS))
        raise TemplateProblem(node.lineno, f"found the filter {node.name!r}; allowed: {allowed}")
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        allowed = ", ".join(sorted(_TESTS))
        raise TemplateProblem(node.lineno, f"found the test {node.name!r}; allowed: {allowed}")
    for child in node.iter_child_nodes():
        _check_nodes(child)


def _check_loops(node: nodes.Node, depth: int) -> None:
    for child in node.iter_child_nodes():
        inside = depth
        if isinstance(child, nodes.For):
            inside += 1
            if inside > _MAX_NESTING:
                message = f"found loops {inside} deep; allowed: {_MAX_NESTING}"
                raise TemplateProblem(child.lineno, message)
            # Otherwise each loop could double what the one around it made.
            inner = any(child.iter.find(kind) for kind in _GROWING)
            if child.recursive or inner or isinstance(child.iter, _GROWING):
                message = "a loop goes over what the message has, and is not recursive"
                raise TemplateProblem(child.lineno, message)
        _check_loops(child, inside)


def count_turns(tree: nodes.Template, environment: Environment) -> None:
    """Have the turns of every loop counted when it is rendered."""
    for loop in list(tree.find_all(nodes.For)):
        counted = nodes.Filter(loop.iter, "_turns", [], [], None, None, lineno=loop.lineno)
        counted.set_environment(environment)
        loop.iter = counted
