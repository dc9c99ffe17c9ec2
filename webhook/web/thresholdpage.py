"""What did people's verdicts change, and how does a person look at that, undo it or make it?

One page for thresholds, weights of detectors and harmless patterns. Its buttons carry what every
form of ours carries, so no other site can press them.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import quote

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import Connection

from promkit.clock import Clock
from webhook.adapters.changes import (
    PROPOSED,
    UNDOABLE,
    change_of,
    changed_queries,
    is_open,
    list_changes,
    make,
    undone_changes,
)
from webhook.adapters.inforce import Place
from webhook.adapters.patterns import PatternRefused, list_patterns, state_of
from webhook.adapters.store import Store
from webhook.adapters.thresholds import ChangeRefused, Written, list_thresholds
from webhook.adapters.verdictpast import tallies
from webhook.adapters.weights import list_weights
from webhook.core.text import one_line
from webhook.core.thresholds import BATCH, HIGHEST, LOWEST
from webhook.web.parameters import whole_number
from webhook.web.patterns import PATTERNS
from webhook.web.said import Said
from webhook.web.session import checked_form
from webhook.web.shell import page as shell_page
from webhook.web.shell import render
from webhook.web.thresholds import THRESHOLDS
from webhook.web.undoing import who
from webhook.web.weights import WEIGHTS

_HISTORY = 50
_RATIOS = 100
_PROGRESS = 50

InForce = Mapping[int, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Tuning:
    """Which verdicts count: see `webhook.settings.tuning`."""

    is_enabled: bool
    alertnames: Collection[str]
    external_labels: Collection[str]


@dataclass(frozen=True, slots=True)
class ThresholdPages:
    """What the handlers work with.

    Parameters
    ----------
    tuning : returns which verdicts count
    in_force : finds out the lowest and highest threshold of each place, and why it could not
    said : keeps what buttons did
    """

    store: Store
    clock: Clock
    tuning: Callable[[], Tuning]
    in_force: Callable[[Sequence[Place]], Awaitable[tuple[InForce, str]]]
    said: Said


THRESHOLD_PAGES = web.AppKey("threshold_pages", ThresholdPages)


def add_threshold_pages(app: web.Application, parts: ThresholdPages) -> None:
    """Add the routes to an application that has not started yet."""
    app[THRESHOLD_PAGES] = parts
    app.router.add_get("/thresholds", page)
    app.router.add_post("/thresholds", take)


async def page(request: web.Request) -> web.Response:
    """Return the page; a GET changes nothing."""
    parts = request.app[THRESHOLD_PAGES]
    query = request.query.get("query") or None
    before = whole_number(request.query.get("before", ""))
    tuning = parts.tuning()
    found = await parts.store.read(
        lambda connection: _read(connection, query, before, tuning, parts.clock.now())
    )
    places = [(row.query, row.labels) for row in found["thresholds"]]
    in_force, problem = await parts.in_force(places)
    body = render(
        request,
        "thresholds.html",
        **found,
        in_force=in_force,
        problem=problem,
        query=query,
        tuning=tuning,
        said=parts.said.get(request.query.get("said", "")),
        lowest=LOWEST,
        highest=HIGHEST,
        batch=BATCH,
        undoable=UNDOABLE,
        proposed=PROPOSED,
        series_of=series_words,
    )
    return shell_page(request, "Thresholds", body, section="thresholds", more_style=_STYLE)


def _read(
    connection: Connection, query: str | None, before: int | None, tuning: Tuning, now: float
) -> dict[str, Any]:
    history, older = list_changes(connection, _HISTORY, query=query, before=before)
    thresholds = [row for row in list_thresholds(connection) if query in (None, row.query)]
    weights = [row for row in list_weights(connection) if query in (None, row.query)]
    series = tallies(connection, tuning.alertnames, tuning.external_labels, query).values()
    progress = sorted(
        (each for each in series if each.tally.count), key=lambda each: -each.tally.count
    )
    return {
        "thresholds": thresholds[:_RATIOS],
        "thresholds_left": max(0, len(thresholds) - _RATIOS),
        "weights": [(of, list(rows)) for of, rows in groupby(weights, key=lambda row: row.query)],
        "progress": progress[:_PROGRESS],
        "patterns": [
            (row, state)
            for row in list_patterns(connection)
            if query in (None, row.query) and (state := state_of(row, now)) == "active"
        ],
        "history": history,
        "before": older,
        "undone": undone_changes(connection),
        "open_proposals": {
            row.id for row in history if row.action in PROPOSED and is_open(connection, row)
        },
        "queries": changed_queries(connection),
    }


async def take(request: web.Request) -> web.Response:
    """Do what the button says, and lead back to the page, which says what that did."""
    parts = request.app[THRESHOLD_PAGES]
    fields = await checked_form(request)
    actor, why = who(request) or "page", one_line(fields.get("reason", ""))
    acts = {"undo": _undo, "make": _make, "forget": _forget}
    button = next((name for name in acts if name in fields), "")
    number = whole_number(fields.get(button, ""))
    if number is None:
        return _refused(request, 400, "Press one of the buttons of the page.")
    try:
        words, query = await acts[button](request, number, actor, why)
    except (ChangeRefused, PatternRefused) as error:
        return _refused(request, 409, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    key = parts.said.put(words)
    of_query = f"query={quote(query, safe='')}&" if fields.get("query") else ""
    raise web.HTTPSeeOther(f"thresholds?{of_query}said={key}")


async def _undo(request: web.Request, number: int, actor: str, why: str) -> tuple[str, str]:
    parts = request.app[THRESHOLD_PAGES]
    row = await parts.store.read(lambda connection: change_of(connection, number))
    is_weight = row is not None and row.action.startswith("weight_")
    written = await request.app[WEIGHTS if is_weight else THRESHOLDS].undo(number, actor, why)
    return written.words, written.query


async def _make(request: web.Request, number: int, actor: str, why: str) -> tuple[str, str]:
    parts = request.app[THRESHOLD_PAGES]
    now = parts.clock.now()
    written = await parts.store.write(lambda connection: make(connection, number, actor, why, now))
    if isinstance(written, Written):
        request.app[THRESHOLDS].changed(written)
    else:
        request.app[WEIGHTS].changed(written)
    return written.words, written.query


async def _forget(request: web.Request, number: int, actor: str, why: str) -> tuple[str, str]:
    row = await request.app[PATTERNS].forget(number, actor, why)
    return f"pattern {number} is forgotten; what it silenced goes out as new", row.query


def series_words(labels: Mapping[str, str]) -> str:
    """Return labels as people read them; "all series" where there are none."""
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "all series"


def _refused(request: web.Request, status: int, text: str) -> web.Response:
    body = Markup('<p>{}</p><p><a href="thresholds">All thresholds</a></p>').format(text)
    return shell_page(request, "Nothing was changed", body, section="thresholds", status=status)


_STYLE = (
    ".filter{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin:.75rem 0}"
    ".filter label{display:block;font-size:.875rem;color:var(--soft)}"
    ".changes{list-style:none;padding:0;margin:.5rem 0}"
    ".changes>li{border-top:1px solid var(--line);padding:.6rem 0}"
    ".changes p{margin:.15rem 0}.changes form{display:flex;flex-wrap:wrap;gap:.5rem;"
    "align-items:end;margin:.35rem 0}.changes input{padding:.2rem .5rem}"
    ".changes form label{font-size:.875rem;color:var(--soft)}.changes form label input"
    "{display:block;color:var(--text);min-width:12rem}"
    "progress{width:8rem;height:.8rem;accent-color:var(--press);vertical-align:middle}"
)
