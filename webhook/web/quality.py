"""How good are alerts, as JSON for programs?"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from aiohttp import web

from webhook.core.degradation import DEGREES, Degradation
from webhook.core.quality import WINDOWS, DetectorQuality, Quality, Share
from webhook.web.parameters import BadParameter, one_of, parameters
from webhook.web.parts import error_response


@dataclass(frozen=True, slots=True)
class Grades:
    """What was computed last.

    Parameters
    ----------
    latest : returns quality by query and window
    degradations : returns degradation by query
    """

    latest: Callable[[], Mapping[tuple[str, str], Quality]]
    degradations: Callable[[], Mapping[str, Degradation]]


GRADES = web.AppKey("grades", Grades)


def add_quality(app: web.Application, grades: Grades) -> None:
    """Add the route to an application that has not started yet."""
    app[GRADES] = grades
    app.router.add_get("/api/v1/quality", list_quality)


async def list_quality(request: web.Request) -> web.Response:
    """Return what people's verdicts say of each query, with how sure that is."""
    grades = request.app[GRADES]
    try:
        given = parameters(request, ("query", "window"))
        window = one_of(given, "window", tuple(WINDOWS))
    except BadParameter as error:
        return error_response(400, str(error))
    query = given.get("query")
    return web.json_response(
        {
            "quality": [
                _quality(each)
                for (of, within), each in grades.latest().items()
                if query in (None, of) and window in (None, within)
            ],
            "degradation": [
                {"query": of, **asdict(each), "degree": DEGREES[each.severity]}
                for of, each in grades.degradations().items()
                if query in (None, of)
            ],
        }
    )


def _quality(quality: Quality) -> dict[str, object]:
    return {
        "query": quality.query,
        "window": quality.window,
        "judged": quality.judged,
        "unjudged": quality.unjudged,
        "confirmed": quality.confirmed,
        "false_alarms": quality.false_alarms,
        "missed": quality.missed,
        "neither": quality.neither,
        "days": quality.days,
        "precision": _share(quality.precision),
        "recall": _share(quality.recall),
        "f1": quality.f1,
        "roc_auc": quality.roc_auc,
        "false_alarms_per_day": quality.false_alarms_per_day,
        "time_to_detect_seconds": quality.time_to_detect,
        "detectors": {name: _detector(each) for name, each in quality.detectors.items()},
    }


def _detector(quality: DetectorQuality) -> dict[str, object]:
    return {
        "precision": _share(quality.precision),
        "recall": _share(quality.recall),
        "roc_auc": quality.roc_auc,
    }


def _share(share: Share) -> dict[str, object]:
    return {"value": share.value, "cases": share.whole, "interval": share.interval}
