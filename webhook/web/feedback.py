"""How do people say what an incident was? By a signed link.

Mail scanners and chat services follow links, some send HEAD and OPTIONS: none of these writes
anything. The page has buttons without scripts, and only their POST is a verdict.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import Connection, Row

from promkit.clock import Clock
from promkit.errors import SecretUnavailable
from webhook.adapters.feedback import judge, with_verdict
from webhook.adapters.neighbours import changes_of
from webhook.adapters.observations import observation_of
from webhook.adapters.store import Store
from webhook.adapters.thresholds import undone_among
from webhook.core.digest import told_apart
from webhook.core.observation import Observation
from webhook.core.present import VERDICTS as WORDS
from webhook.core.tokens import Key, TokenRefused, incident_of
from webhook.core.verdicts import Judgement, judgement_of
from webhook.web.incidentparts import INCIDENT_PAGES, STYLE, best_reading, charted
from webhook.web.origin import form_fields, is_foreign
from webhook.web.session import may_write
from webhook.web.shell import page, render

_ELSEWHERE = "The page of the incident takes verdicts, too."


@dataclass(frozen=True, slots=True)
class InForce:
    """What a reload may change.

    Parameters
    ----------
    external_url : what links start with
    slack_secret_file : signs Slack's requests; None refuses them
    slack_hosts : where answers to Slack may go
    """

    external_url: str
    slack_secret_file: Path | None
    slack_hosts: tuple[str, ...]


async def _untold(incident: Row[Any]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the handlers work with.

    Parameters
    ----------
    keys : returns those that sign links, the newest first
    picture : draws an incident's series; None where it cannot
    judged : told of the query and verdict of each that is new or has changed
    settings : returns what is in force
    told : does to thresholds what a verdict asks for, and says in words what that was
    """

    store: Store
    clock: Clock
    keys: Callable[[], Awaitable[tuple[Key, ...]]]
    picture: Callable[[Row[Any]], Awaitable[bytes | None]]
    judged: Callable[[str, str], None]
    settings: Callable[[], InForce]
    told: Callable[[Row[Any]], Awaitable[str]] = _untold

    async def give(self, incident_id: int, judgement: Judgement) -> Row[Any] | None:
        """Store a verdict; return its incident, None when there is no such incident.

        Raises
        ------
        StoreUnavailable
            If it cannot be stored now.
        """
        now = self.clock.now()
        given = await self.store.write(
            lambda connection: judge(connection, incident_id, judgement, now)
        )
        if given is None:
            return None
        if given.before != judgement.verdict:
            self.judged(given.incident.query, judgement.verdict)
        return given.incident


FEEDBACK = web.AppKey("feedback", Feedback)


async def form(request: web.Request) -> web.Response:
    """Return the page with the buttons; a GET or HEAD changes nothing."""
    feedback = request.app[FEEDBACK]
    incident_id = await _granted(request, feedback)
    if isinstance(incident_id, web.Response):
        return incident_id
    pages = request.app[INCIDENT_PAGES]

    def read(
        connection: Connection,
    ) -> tuple[Row[Any], Row[Any] | None, Observation | None] | None:
        found = with_verdict(connection, incident_id)
        return None if found is None else (*found, observation_of(connection, incident_id))

    found = await pages.store.read(read)
    if found is None:
        return _gone(request, incident_id)
    row, given, observation = found
    shown = await pages.show(row)
    reading = best_reading(shown.message, observation)
    chosen = request.query.get("verdict", "")
    body = render(
        request,
        "feedback.html",
        incident=row,
        given=given,
        message=shown.message,
        reading=reading,
        chart=charted(pages, row, shown, observation, reading),
        chosen=chosen if chosen in WORDS else "",
        what=told_apart(row.labels),
    )
    return _sealed(_page(request, f"What was incident {incident_id}?", body))


async def take(request: web.Request) -> web.Response:
    """Store the verdict of a button, and say what that did."""
    feedback = request.app[FEEDBACK]
    settings = feedback.settings()
    if is_foreign(request, settings.external_url):
        return _refused(request, 403, "This form was sent by another site.")
    incident_id = await _granted(request, feedback)
    if isinstance(incident_id, web.Response):
        return incident_id
    fields = await form_fields(request)
    verdict, reason, author = (fields.get(name, "") for name in ("verdict", "reason", "author"))
    try:
        judgement = judgement_of(verdict, reason, author, "link")
    except ValueError as error:
        return _refused(request, 400, f"Choose one of the buttons: {error}.")
    incident = await feedback.give(incident_id, judgement)
    if incident is None:
        return _gone(request, incident_id)
    said = await feedback.told(incident)
    changes, undone = await feedback.store.read(
        lambda connection: (changes_of(connection, incident), undone_among(connection))
    )
    body = render(
        request,
        "feedback_done.html",
        said=said,
        incident=incident,
        judgement=judgement,
        changes=changes,
        undone=undone,
    )
    return _sealed(_page(request, "Thank you", body))


async def signed_chart(request: web.Request) -> web.Response:
    """Return the picture of an incident to whoever has a signed link to it."""
    feedback = request.app[FEEDBACK]
    try:
        keys = await feedback.keys()
        now = feedback.clock.now()
        incident_id = incident_of(request.match_info["token"], keys, "chart", now)
    except (TokenRefused, SecretUnavailable):
        return web.Response(status=404, text="No such picture.\n")
    return await _chart(feedback, incident_id)


async def chart(request: web.Request) -> web.Response:
    """Return the picture of an incident to whoever may see its page."""
    return await _chart(request.app[FEEDBACK], int(request.match_info["id"]))


async def _chart(feedback: Feedback, incident_id: int) -> web.Response:
    found = await feedback.store.read(lambda connection: with_verdict(connection, incident_id))
    picture = None if found is None else await feedback.picture(found[0])
    if picture is None:
        return web.Response(status=404, text="No such picture.\n")
    return web.Response(
        body=picture,
        content_type="image/png",
        headers={"Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"},
    )


async def _granted(request: web.Request, feedback: Feedback) -> int | web.Response:
    """Return the incident that the link is for, or why it is for none."""
    try:
        keys = await feedback.keys()
        now = feedback.clock.now()
        return incident_of(request.match_info["token"], keys, "feedback", now)
    except SecretUnavailable:
        return _refused(
            request, 503, "Links cannot be checked now; the log of the webhook says why."
        )
    except TokenRefused as error:
        match error.reason:
            case "malformed":
                return _refused(
                    request, 404, "This is no complete link; copy all of it from the message."
                )
            case "expired":
                return _refused(request, 410, f"This link is too old to be used. {_ELSEWHERE}")
            case "forged":
                text = "This link is not one of ours, or its key is out of use."
                return _refused(request, 403, f"{text} {_ELSEWHERE}")


def _gone(request: web.Request, incident_id: int) -> web.Response:
    return _refused(request, 404, f"Incident {incident_id} is older than what the store keeps.")


def _refused(request: web.Request, status: int, text: str) -> web.Response:
    body = Markup("<p>{}</p>").format(text)
    return _sealed(_page(request, "Nothing was changed", body, status))


def _page(request: web.Request, title: str, body: Markup, status: int = 200) -> web.Response:
    """Return a page that leads nowhere, unless its reader has logged in or need not."""
    leads_on = may_write(request)
    return page(request, title, body, status=status, navigates=leads_on, more_style=STYLE)


def _sealed(response: web.Response) -> web.Response:
    """Keep a page whose address is a secret out of search engines."""
    response.headers["X-Robots-Tag"] = "noindex"
    return response
