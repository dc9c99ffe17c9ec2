"""What does a chart show, for those who do not see it?"""

import math
from collections.abc import Sequence

from webhook.adapters.chart import Subject, outside_of
from webhook.core.facts import Course
from webhook.core.present import amount, moment, span

# One sample of so many is not worth a word.
_SMALLEST_GAP = 50


def in_words(course: Course, subject: Subject) -> str:
    """Return in some sentences what a chart of the course shows."""
    finite = [value for value in course.values if math.isfinite(value)]
    start = moment(course.times[0], subject.zone)
    end = moment(course.times[-1], subject.zone, near=course.times[0])
    text = f"From {start} to {end}"
    if not finite:
        return f"{text}: no sample."
    low, high = amount(min(finite), subject.unit), amount(max(finite), subject.unit)
    text += f" the value is between {low} and {high}" if low != high else f" the value is {low}"
    outside = outside_of(course)
    if not (is_any_known(course.lower) and is_any_known(course.upper)):
        text += "; its normal band is not known"
    elif outside:
        first = moment(course.times[outside[0]], subject.zone, near=course.times[0])
        many = "sample is" if len(outside) == 1 else "samples are"
        text += f"; {len(outside)} {many} outside of the normal band, the first at {first}"
    else:
        text += ", always within its normal band"
    missing = sum(map(math.isnan, course.values))
    # The last moments are not scraped yet; that is no gap.
    if missing * _SMALLEST_GAP > len(course.times):
        step = (course.times[-1] - course.times[0]) / (len(course.times) - 1)
        text += f"; samples of {span(missing * step)} are missing"
    known = [score for score in course.scores if math.isfinite(score)]
    if known:
        text += f". The score reaches {max(known):.2g}"
        limits = [each for each in course.thresholds if math.isfinite(each)]
        text += f"; the threshold is {limits[-1]:.2g}" if limits else ""
    began = moment(subject.starts_at, subject.zone, near=course.times[0])
    text += f". The alert began at {began}"
    if subject.ends_at is None:
        return f"{text} and is still firing."
    return f"{text} and ended at {moment(subject.ends_at, subject.zone, near=course.times[0])}."


def is_any_known(values: Sequence[float]) -> bool:
    """Tell whether there is any sample; NaN is none."""
    return any(not math.isnan(value) for value in values)
