"""Which addresses take verdicts, and which of them need no password?"""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from promkit.guard import OPEN_HANDLERS
from webhook.web import feedback, slack_interactions, verdictapi
from webhook.web.feedback import FEEDBACK, Feedback


def add_feedback(app: web.Application, parts: Feedback) -> None:
    """Add the routes to an application that has not started yet."""
    app[FEEDBACK] = parts
    app[slack_interactions.ANSWERS] = slack_interactions.Answers()
    # A signed link, or Slack's signature, is what lets these in: a phone has no password.
    app[OPEN_HANDLERS] = app.get(OPEN_HANDLERS, frozenset()) | {
        feedback.form,
        feedback.take,
        feedback.signed_chart,
        slack_interactions.take_interaction,
    }
    app.router.add_get("/feedback/{token:[^/]{1,200}}", feedback.form)
    app.router.add_post("/feedback/{token:[^/]{1,200}}", feedback.take)
    app.router.add_get("/charts/{token:[^/]{1,200}}.png", feedback.signed_chart)
    app.router.add_get("/incidents/{id:[0-9]{1,18}}/chart.png", feedback.chart)
    app.router.add_get("/api/v1/feedback", verdictapi.list_feedback)
    app.router.add_post("/api/v1/feedback", verdictapi.take_json)
    app.router.add_post("/slack/interactions", slack_interactions.take_interaction)
    app.cleanup_ctx.append(_answers)


async def _answers(app: web.Application) -> AsyncIterator[None]:
    """Wait for the answers that are on their way; each is bounded in time."""
    yield
    if tasks := app[slack_interactions.ANSWERS].under_way:
        await asyncio.wait(set(tasks))
