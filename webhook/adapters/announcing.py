"""What is put into the outbox when an incident opens, ends, or was missed altogether?"""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, literal, select

from webhook.adapters.schema import notifications


def firing_row(incident_id: int | None, channel: str, now: float) -> dict[str, object]:
    """Return the notification that the gate will decide on."""
    return {
        "incident_id": incident_id,
        "channel": channel,
        "kind": "firing",
        "state": "new",
        "attempts": 0,
        "created_at": now,
        "due_at": now,
        "leased_until": 0.0,
        "detail": "",
    }


def missed_row(incident_id: int | None, channel: str, now: float) -> dict[str, object]:
    """Return what the next digest says of an incident that nobody delivered and that is over."""
    held = {"state": "held", "held_reason": "missed", "held_until": now}
    return firing_row(incident_id, channel, now) | held


def announce_end(connection: Connection, incident_ids: Sequence[int | None], now: float) -> None:
    """Put a resolved notification beside each firing one that was not given up."""
    columns = notifications.c
    values = select(
        columns.incident_id,
        columns.channel,
        literal("resolved"),
        literal("new"),
        literal(0),
        literal(now),
        literal(now),
        literal(0.0),
        literal(""),
    ).where(
        columns.incident_id.in_(incident_ids),
        columns.kind == "firing",
        columns.state.in_(("new", "held", "digested", "pending", "sent")),
    )
    names = "incident_id channel kind state attempts created_at due_at leased_until detail"
    connection.execute(insert(notifications).from_select(names.split(), values))
