"""How does a user's own template become a title or a body, without being able to do harm?

A template may be wrong, and the labels that it writes come from anywhere. So it can only choose,
loop over and format what a message knows: no calls, no assignments, no attributes of Python. What
it does is counted while it does it, and what it writes is cut.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final
from urllib.parse import quote

from jinja2 import TemplateError

from webhook.core.facts import Breach, Cause, History, Reading, Siblings
from webhook.core.message import Message
from webhook.core.present import facts_of
from webhook.core.sandbox import Environment, TemplateProblem, check, count_turns

MAX_SOURCE: Final = 10_000
MAX_TITLE: Final = 300
MAX_BODY: Final = 20_000
MAX_URL: Final = 2_000

_MAX_VALUE = 2_000  # characters of a label or annotation that a template sees
_MAX_LABELS = 200
NAMES: Final = [
    "alertname",
    "annotations",
    "breach",
    "cause",
    "description",
    "digest",
    "ends_at",
    "facts",
    "history",
    "incident",
    "is_test",
    "labels",
    "level",
    "links",
    "query",
    "reading",
    "severity",
    "siblings",
    "sparkline",
    "starts_at",
    "status",
    "summary",
    "title",
    "why",
    "zone",
]
"""What a template may write about; each name is there for every message."""

# What a filter raises that gets something else than it wants.
_FAILURES = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
)


class Template:
    """A template that was checked.

    Parameters
    ----------
    source : Jinja
    is_title : whether it is to be one short line
    is_url : whether it is to be an address, so that every value is escaped for one
    more : names that it may use besides those of a message

    Raises
    ------
    TemplateProblem
        If it is no template, does what none may, or fails on one of `samples`.
    """

    def __init__(
        self,
        source: str,
        *,
        is_title: bool = False,
        is_url: bool = False,
        more: Sequence[str] = (),
        samples: Iterable[Message] = (),
    ) -> None:
        if len(source) > MAX_SOURCE:
            raise TemplateProblem(1, f"found {len(source)} characters; allowed: {MAX_SOURCE}")
        self._is_title, self._is_url = is_title, is_url
        self._environment = Environment(finalize=_escaped if is_url else None)
        try:
            tree = self._environment.parse(source)
            check(tree, [*NAMES, *more])
            count_turns(tree, self._environment)
            self._template = self._environment.from_string(tree)
        except TemplateError as error:
            line = getattr(error, "lineno", None) or 1
            raise TemplateProblem(line, error.message or type(error).__name__) from None
        except RecursionError:
            raise TemplateProblem(1, "it is nested too deeply") from None
        for sample in samples:
            self.render(sample)

    def render(self, message: Message, **more: object) -> str:
        """Return what the template says of a message, cut to what a title or a body may have.

        Raises
        ------
        TemplateProblem
            If it cannot be rendered, or would never be done.
        """
        limit = MAX_URL if self._is_url else MAX_TITLE if self._is_title else MAX_BODY
        pieces: list[str] = []
        size = 0
        self._environment.steps = 0
        try:
            for piece in self._template.generate(context_of(message) | more):
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    break
        except _FAILURES as error:
            raise TemplateProblem(_line_of(error), f"{error}") from None
        text = "".join(pieces).strip()
        if self._is_title or self._is_url:
            text = " ".join(text.split())
        if self._is_url and len(text) > limit:
            raise TemplateProblem(1, f"an address of {len(text)} characters; allowed: {limit}")
        return text if len(text) <= limit else f"{text[: limit - 1]}…"


def context_of(message: Message) -> dict[str, object]:
    """Return the names that a template may use, and what they stand for."""
    numbers = message.numbers()
    reading = message.reading or Reading()
    return {
        "title": message.title,
        "status": message.status,
        "severity": message.severity,
        "level": message.level,
        "alertname": message.alertname,
        "query": message.query,
        "incident": message.incident,
        "is_test": message.is_test,
        "summary": message.annotations.get("summary", "")[:_MAX_VALUE],
        "description": message.annotations.get("description", "")[:_MAX_VALUE],
        "labels": _Texts(message.labels),
        "annotations": _Texts(message.annotations),
        "starts_at": message.starts_at,
        "ends_at": message.ends_at,
        "zone": message.zone,
        "reading": {
            **asdict(reading),
            **{
                name: getattr(reading, name) if getattr(reading, name) is not None else number
                for name, number in (
                    ("value", numbers["value"]),
                    ("expected", numbers["expected"]),
                    ("lower", numbers["lower_bound"]),
                    ("upper", numbers["upper_bound"]),
                    ("score", numbers["score"]),
                )
            },
        },
        "why": message.why,
        "sparkline": message.sparkline,
        "siblings": _fields(message.siblings, Siblings(1, None, ())),
        "history": _fields(message.history, History(0, 30)),
        "breach": _fields(message.breach, Breach(0.0)),
        "cause": _fields(message.cause, Cause(0, 0, "", 0, False, "")),
        "digest": None if message.digest is None else asdict(message.digest),
        "facts": () if message.digest else tuple(facts_of(message)),
        "links": asdict(message.links),
    }


class _Texts(dict[str, str]):
    """Labels or annotations: one that is not there is empty, as in Prometheus' templates."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        some = sorted(texts.items())[:_MAX_LABELS]
        super().__init__((name, value[:_MAX_VALUE]) for name, value in some)

    def __missing__(self, name: str) -> str:
        return ""


def _fields(
    value: Siblings | History | Breach | Cause | None,
    shape: Siblings | History | Breach | Cause,
) -> dict[str, object]:
    """Return its fields; None for each where nothing is known, so that a template can ask."""
    return dict.fromkeys(asdict(shape)) if value is None else asdict(value)


def _escaped(value: object) -> str:
    return quote(str(value), safe="")


def _line_of(error: BaseException) -> int:
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
