"""Stand-ins for Alertmanager's and Prometheus' HTTP APIs on the loopback, as a test fills them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from webhook.core.fingerprint import fingerprint


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Observability:
    """What both know, and how they misbehave.

    Parameters
    ----------
    alerts : as Alertmanager lists them, by receiver
    silences : as Alertmanager lists them
    started_at : of Alertmanager
    route, prometheus : their configurations
    series : PromQL -> series as Prometheus would return them, [(labels, [(time, value)])]
    status, body : what everything is answered, in place of the truth
    """

    alerts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    silences: list[dict[str, Any]] = field(default_factory=list)
    started_at: float = 0.0
    route: dict[str, Any] = field(default_factory=lambda: {"receiver": "hook"})
    prometheus: dict[str, Any] = field(default_factory=dict)
    series: dict[str, list[tuple[dict[str, str], list[tuple[float, str]]]]] = field(
        default_factory=dict
    )
    status: int = 200
    body: str | None = None
    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def fires(
        self,
        labels: dict[str, str],
        starts_at: float,
        updated_at: float,
        *,
        receiver: str = "hook",
        state: str = "active",
        muted_by: tuple[str, ...] = (),
    ) -> str:
        """List an alert; return its fingerprint."""
        name = fingerprint(labels)
        item = {
            "labels": labels,
            "annotations": {"summary": "from the list"},
            "startsAt": rfc3339(starts_at),
            "endsAt": rfc3339(updated_at + 240),
            "updatedAt": rfc3339(updated_at),
            "fingerprint": name,
            "generatorURL": "http://prometheus:9090/graph",
            "receivers": [{"name": receiver}],
            "status": {
                "state": state,
                "silencedBy": ["s"] if state == "suppressed" else [],
                "inhibitedBy": [],
                "mutedBy": list(muted_by),
            },
        }
        self.alerts.append((receiver, item))
        return name

    def fired(self, labels: dict[str, str], begin: float, end: float, step: float = 5.0) -> str:
        """Let ALERTS have a series that fired; return its fingerprint."""
        times = [begin + i * step for i in range(round((end - begin) / step))]
        metric = {"__name__": "ALERTS", "alertstate": "firing", **labels}
        samples = [(at, "1") for at in times]
        self.series.setdefault('ALERTS{alertstate="firing"}', []).append((metric, samples))
        return fingerprint(labels)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.query)))
        if self.status != web.HTTPOk.status_code or self.body is not None:
            return web.Response(status=self.status, text=self.body or "")
        match request.path:
            case "/api/v2/alerts/groups":
                groups = [
                    {"labels": {}, "receiver": {"name": name}, "alerts": [item]}
                    for name, item in self.alerts
                ]
                return web.json_response(groups)
            case "/api/v2/silences":
                return web.json_response(self.silences)
            case "/api/v2/status":
                config = yaml.safe_dump({"route": self.route})
                uptime = rfc3339(self.started_at)
                return web.json_response({"config": {"original": config}, "uptime": uptime})
            case "/api/v1/status/config":
                text = yaml.safe_dump(self.prometheus)
                return web.json_response({"status": "success", "data": {"yaml": text}})
            case _:
                return web.json_response({"status": "success", "data": self._data(request)})

    def _data(self, request: web.Request) -> dict[str, Any]:
        found = self.series.get(request.query["query"], [])
        if request.path == "/api/v1/query":
            result = [{"metric": metric, "value": list(s[-1])} for metric, s in found if s]
            return {"resultType": "vector", "result": result}
        start, end = float(request.query["start"]), float(request.query["end"])
        step = float(request.query["step"])
        if request.query["query"] == "count(up)" and not found:
            columns = int((end - start) / step) + 1
            found = [({}, [(start + i * step, "1") for i in range(columns)])]
        result = [
            {"metric": metric, "values": [[at, v] for at, v in samples if start <= at <= end]}
            for metric, samples in found
        ]
        return {"resultType": "matrix", "result": [one for one in result if one["values"]]}


@asynccontextmanager
async def observed() -> AsyncIterator[Observability]:
    known = Observability()
    app = web.Application()
    app.router.add_get("/{path:.*}", known.answer)
    async with TestServer(app) as server:
        known.url = str(server.make_url("/")).rstrip("/")
        yield known
