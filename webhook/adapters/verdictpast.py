"""What did people say of the past of a series, or of a query? What thresholds are moved by."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from webhook.adapters.schema import feedback, incidents
from webhook.adapters.thresholds import Labels, audited, key_of
from webhook.core.links import series_labels
from webhook.core.thresholds import Tally

# What a scrape of the exporter adds to a series, and a scrape of ours would add again.
SCRAPED = ("job", "anomaly-exporter")
_RATED = ("confirmed", "false_alarm")


def series_of(labels: Labels, external: Collection[str]) -> dict[str, str]:
    """Return which series of its query an alert is about; `external` names labels of no series."""
    return {
        name: value
        for name, value in series_labels(labels).items()
        if name != "query" and name not in external and (name, value) != SCRAPED
    }


@dataclass(frozen=True, slots=True)
class SeriesTally:
    """What people said of one series.

    Parameters
    ----------
    series : its labels, as its alerts have them
    labels : as the exporter has them, where an earlier change found that out
    tally : the incidents
    """

    query: str
    series: Labels
    labels: Labels | None
    tally: Tally


def tallies(
    connection: Connection,
    alertnames: Collection[str],
    external: Collection[str],
    query: str | None = None,
) -> dict[tuple[str, str], SeriesTally]:
    """Return what people said of each series that they spoke of, by query and `key_of`."""
    table = incidents.c
    statement = (
        select(table.id, table.query, table.labels, feedback.c.verdict)
        .join(feedback, feedback.c.incident_id == table.id)
        .where(table.alertname.in_(alertnames), table.query != "")
    )
    if query is not None:
        statement = statement.where(table.query == query)
    found: dict[tuple[str, str], tuple[Labels, set[int], set[int]]] = {}
    for row in connection.execute(statement):
        series = series_of(row.labels, external)
        place = found.setdefault((row.query, key_of(series)), (series, set(), set()))
        (place[1] if row.verdict == "false_alarm" else place[2]).add(row.id)
    spent: defaultdict[str, set[int]] = defaultdict(set)
    known: dict[tuple[str, str], Labels] = {}
    for row in connection.execute(audited(query)):
        spent[row.subject].update(row.after["incidents"])
        if row.after["is_resolved"]:
            known[row.subject, key_of(row.after["series"])] = row.after["labels"]
    return {
        (of, key): SeriesTally(
            of,
            series,
            known.get((of, key)),
            Tally(frozenset(wrong), frozenset(otherwise), frozenset(spent[of])),
        )
        for (of, key), (series, wrong, otherwise) in found.items()
    }


@dataclass(frozen=True, slots=True)
class Past:
    """An incident that alerted; times in unix seconds, `verdict` None where nobody gave one."""

    id: int
    labels: Labels
    opened_at: float
    starts_at: float
    ends_at: float | None
    verdict: str | None = None


def past_of(
    connection: Connection, query: str, alertnames: Collection[str], since: float
) -> list[Past]:
    """Return a query's incidents since an instant, the newest first."""
    table = incidents.c
    statement = (
        select(incidents, feedback.c.verdict)
        .outerjoin(feedback, feedback.c.incident_id == table.id)
        .where(table.query == query, table.alertname.in_(alertnames), table.opened_at >= since)
        .order_by(table.id.desc())
    )
    return [
        Past(row.id, row.labels, row.opened_at, row.starts_at, row.ends_at, row.verdict)
        for row in connection.execute(statement)
    ]


def rated_queries(connection: Connection, alertnames: Collection[str], since: float) -> list[str]:
    """Return the queries with incidents since an instant that were confirmed or false alarms."""
    table = incidents.c
    statement = (
        select(table.query)
        .join(feedback, feedback.c.incident_id == table.id)
        .where(
            table.alertname.in_(alertnames),
            table.opened_at >= since,
            table.query != "",
            feedback.c.verdict.in_(_RATED),
        )
        .distinct()
    )
    return sorted(connection.execute(statement).scalars())
