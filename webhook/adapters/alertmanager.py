"""What does Alertmanager know now? Its API, version 2."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from webhook.adapters.jsonget import JsonSource
from webhook.core.alerts import Alert
from webhook.core.amroutes import AmRoute, parse_route
from webhook.core.fingerprint import fingerprint
from webhook.core.reconcile import Listed
from webhook.core.silences import Silence, matchers_text, operator_of
from webhook.core.text import storable
from webhook.errors import LookupFailed


@dataclass(frozen=True, slots=True)
class AmStatus:
    """About the program itself.

    Parameters
    ----------
    started_at : unix seconds
    route : its routing tree
    """

    started_at: float
    route: AmRoute


class Alertmanager:
    """One Alertmanager; of a cluster any member will do. Its methods block."""

    def __init__(self, source: JsonSource) -> None:
        self._source = source

    def listed(self) -> dict[str, tuple[Listed, frozenset[str]]]:
        """Return every alert that has not ended, by fingerprint, each with its receivers.

        Asked by group, since only groups tell whether a time interval mutes them (from 0.28 on).

        Raises
        ------
        LookupFailed
            If it cannot be asked, or answers something else.
        """
        found: dict[str, tuple[Listed, frozenset[str]]] = {}
        groups = self._source.get("/api/v2/alerts/groups")
        try:
            for receiver, item in _alerts(groups):
                listed = _listed(item)
                known = found.get(listed.alert.fingerprint)
                receivers = frozenset((receiver,)) if listed.is_active else frozenset[str]()
                found[listed.alert.fingerprint] = (
                    listed if known is None or listed.is_active else known[0],
                    receivers if known is None else known[1] | receivers,
                )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._odd("list of alerts", error) from None
        return found

    def status(self) -> AmStatus:
        """Return when it started and how it routes.

        Raises
        ------
        LookupFailed
            If it cannot be asked, or answers something else.
        """
        answer = self._source.get("/api/v2/status")
        try:
            config = yaml.safe_load(answer["config"]["original"])
            return AmStatus(_instant(answer["uptime"]), parse_route(config["route"]))
        except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
            raise self._odd("status", error) from None

    def silences(self) -> list[Silence]:
        """Return every silence that it knows, past and coming ones included.

        Raises
        ------
        LookupFailed
            If it cannot be asked, or answers something else.
        """
        answer = self._source.get("/api/v2/silences")
        try:
            return [_silence(item) for item in answer]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._odd("list of silences", error) from None

    def _odd(self, what: str, error: Exception) -> LookupFailed:
        return LookupFailed(
            "bad_answer",
            f"{self._source.address} answers with a {what} that is not Alertmanager's "
            f"({type(error).__name__}); is alertmanager.url right?",
        )


def _alerts(groups: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group in groups:
        for item in group["alerts"]:
            yield group["receiver"]["name"], item


def _listed(item: Mapping[str, Any]) -> Listed:
    labels = {storable(name): storable(value) for name, value in item["labels"].items()}
    status = item["status"]
    alert = Alert(
        fingerprint=item.get("fingerprint") or fingerprint(item["labels"]),
        status="firing",
        labels=labels,
        annotations={storable(k): storable(v) for k, v in item.get("annotations", {}).items()},
        starts_at=_instant(item["startsAt"]),
        ends_at=None,
        generator_url=storable(item.get("generatorURL") or ""),
    )
    return Listed(
        alert,
        updated_at=_instant(item["updatedAt"]),
        is_active=status["state"] == "active" and not status.get("mutedBy"),
    )


def _silence(item: Mapping[str, Any]) -> Silence:
    matchers = (
        (
            storable(each["name"]),
            # Older ones than 0.22 know no negative matchers.
            operator_of(is_regex=each["isRegex"], is_equal=each.get("isEqual", True)),
            storable(each["value"]),
        )
        for each in item["matchers"]
    )
    return Silence(
        storable(item["id"]),
        matchers_text(matchers),
        _instant(item["startsAt"]),
        _instant(item["endsAt"]),
    )


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
