"""What do the pages of an incident, with a login and by a signed link, work with?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlalchemy import Row

from webhook.adapters.chart import Subject
from webhook.adapters.store import Store
from webhook.core.digest import told_apart
from webhook.core.facts import Course, Reading
from webhook.core.message import Message
from webhook.core.observation import Observation
from webhook.web.charting import Drawn, drawn, reading_of
from webhook.web.said import Said
from webhook.web.svgchart import STYLE as CHART_STYLE


@dataclass(frozen=True, slots=True)
class Shown:
    """What could be found out about an incident for its page.

    Parameters
    ----------
    message : what a message about it would say now
    course : from before it began to its end, or to now; None where Prometheus cannot tell
    problem : why there is no course, in words
    """

    message: Message
    course: Course | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class IncidentPages:
    """What the handlers work with.

    Parameters
    ----------
    show : finds out about an incident, in the time that a reader waits
    zone : returns whose clock times show
    """

    store: Store
    show: Callable[[Row[Any]], Awaitable[Shown]]
    zone: Callable[[], str]
    said: Said


INCIDENT_PAGES = web.AppKey("incident_pages", IncidentPages)


def best_reading(message: Message, observation: Observation | None) -> Reading | None:
    """Return the sample that was judged, as Prometheus, the alert or the store knows it."""
    if message.reading is not None and message.reading.value is not None:
        return message.reading
    stored = None if observation is None else reading_of(observation)
    return stored or message.reading


def charted(
    parts: IncidentPages,
    row: Row[Any],
    shown: Shown,
    observation: Observation | None,
    reading: Reading | None,
) -> Drawn:
    """Return the chart of an incident, or why there is none."""
    subject = Subject(
        title=f"{row.query or row.alertname} {told_apart(row.labels)}".strip(),
        unit="" if reading is None else reading.unit,
        zone=parts.zone(),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )
    return drawn(shown.course, shown.problem, observation, subject)


STYLE = CHART_STYLE + (
    ".state{margin:.25rem 0}.state+p{margin:.25rem 0}"
    ".numbers{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:.25rem 0}"
    ".numbers div{display:flex;flex-direction:column-reverse}"
    ".numbers dt{color:var(--soft);font-size:.875rem}"
    ".numbers dd{margin:0;font-size:1.15rem;font-weight:600;font-variant-numeric:tabular-nums}"
    ".verdicts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.5rem;"
    "margin:.5rem 0}"
    ".verdicts button{padding:.5rem;text-align:left;background:var(--panel);"
    "color:var(--text);border-color:var(--soft);min-height:3.5rem}"
    ".verdicts button:hover{border-color:var(--press)}"
    ".verdicts button strong,.verdicts button small{display:block}"
    ".verdicts button.chosen{border:2px solid var(--press)}"
    ".verdicts button small{color:var(--soft)}"
    ".fields{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.5rem 1rem}"
    ".fields label{display:block}.fields input,.fields textarea,.fields select{width:100%}"
    "figure{margin:.5rem 0}figcaption{color:var(--soft);font-size:.875rem}"
    ".timeline,.plain{list-style:none;padding:0;margin:.25rem 0}"
    ".timeline li{padding:.25rem 0;border-bottom:1px solid var(--line)}"
    ".timeline time{color:var(--soft);font-size:.875rem;margin-right:.5rem;white-space:nowrap}"
    ".plain li{padding:.15rem 0}.links{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;"
    "list-style:none}"
    "details{border-top:1px solid var(--line);padding:.5rem 0}summary{cursor:pointer;"
    "font-weight:600}"
)
"""What the pages with verdicts and charts have beyond the frame."""
