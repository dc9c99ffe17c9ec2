"""Which course of a series is shown: that of Prometheus, the stored one, or why there is none?"""

import math
from dataclasses import dataclass

from markupsafe import Markup

from webhook.adapters.chart import Subject
from webhook.core.facts import Course, Reading
from webhook.core.observation import Observation
from webhook.web.chartwords import in_words
from webhook.web.svgchart import charts, is_drawable


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart for a page.

    Parameters
    ----------
    svg : safe to show; "" where there is nothing to draw
    words : what it shows
    problem : why it is not there, or not as Prometheus has it now
    stored_at : when what it shows was looked up, unix seconds; None for now
    """

    svg: str = ""
    words: str = ""
    problem: str = ""
    stored_at: float | None = None


def drawn(
    live: Course | None, problem: str, observation: Observation | None, subject: Subject
) -> Drawn:
    """Return the chart of an incident.

    Parameters
    ----------
    live : what Prometheus says now, None where it says nothing, for `problem`
    observation : what was kept of it
    """
    if live is not None and is_drawable(live):
        return _with(live, subject)
    problem = problem or "Prometheus has no samples of this series and time"
    stored = None if observation is None else stored_course(observation)
    if observation is not None and stored is not None and is_drawable(stored):
        return _with(stored, subject, problem, observation.observed_at)
    return Drawn(problem=problem)


def _with(
    course: Course, subject: Subject, problem: str = "", stored_at: float | None = None
) -> Drawn:
    return Drawn(Markup(charts(course, subject)), in_words(course, subject), problem, stored_at)


def stored_course(observation: Observation) -> Course | None:
    """Return what was kept of an incident's series, in the form of what Prometheus says."""
    kept = observation.course
    if kept is None or not kept.values:
        return None
    limit = math.nan if observation.threshold is None else observation.threshold
    count = len(kept.values)
    return Course(
        [kept.start + kept.step * i for i in range(count)],
        kept.values,
        kept.lower,
        kept.upper,
        kept.expected,
        kept.scores,
        [limit] * count,
    )


def reading_of(observation: Observation) -> Reading | None:
    """Return the sample of a kept course that had the highest score; None where none had any."""
    kept = observation.course
    if kept is None:
        return None
    scored = [
        i
        for i, score in enumerate(kept.scores)
        if not math.isnan(score) and not math.isnan(kept.values[i])
    ]
    if not scored:
        return None
    place = max(scored, key=lambda i: kept.scores[i])
    value, expected, lower, upper, score = (
        None if math.isnan(line[place]) else line[place]
        for line in (kept.values, kept.expected, kept.lower, kept.upper, kept.scores)
    )
    return Reading(value, expected, lower, upper, score, observation.threshold)
