"""Which tables does the store have? The newest migration creates exactly these.

Times are unix seconds. In each process one thread writes (adapters/writer.py).
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from webhook.adapters.learningschema import missed, observations, patterns, weights
from webhook.adapters.schemabase import Id, metadata

__all__ = [
    "attempts",
    "audit",
    "channel_states",
    "events",
    "facts",
    "feedback",
    "incident_groups",
    "incidents",
    "metadata",
    "missed",
    "notifications",
    "observations",
    "patterns",
    "quarantine",
    "thresholds",
    "weights",
]

# Incidents of one cause: the same labels, the same minutes, series that move together.
incident_groups = Table(
    "incident_groups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("opened_at", Float, nullable=False),
    Column("closed_at", Float),
    Column("labels", JSON, nullable=False),
    # The most likely first mover; an incident of this group, or NULL once retention took it.
    Column("first_incident_id", Id),
    Column("why", String, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_incident_groups_closed_at", incident_groups.c.closed_at)

# One row per incident: an alert fingerprint from opening to closing. `ends_at` NULL means open.
incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("starts_at", Float, nullable=False),
    Column("ends_at", Float),
    Column("opened_at", Float, nullable=False),
    Column("closed_at", Float),
    Column("last_seen_at", Float, nullable=False),
    Column("alertname", String, nullable=False),
    Column("severity", String, nullable=False),
    # What the severity meant when the incident opened: critical, high, medium or low.
    Column("level", String(8), nullable=False, server_default="low"),
    Column("query", String, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("generator_url", String, nullable=False),
    # What only some senders say: Grafana's values and links.
    Column("extras", JSON, nullable=False, server_default=text("'{}'")),
    # Who told us first: alertmanager, grafana, reconcile or webhook.
    Column("origin", String(16), nullable=False, server_default="alertmanager"),
    # No foreign key: SQLite cannot add one to a table that others refer to.
    Column("group_id", Id),
    # Of the delivery that opened it; stands in every line logged and every message sent for it.
    Column("trace_id", String(32), nullable=False, server_default=""),
    # The harmless pattern that silenced it; when and why it was let through, NULL if it was not.
    Column("pattern_id", Id),
    Column("pattern_left_at", Float),
    Column("pattern_left", String(8)),
    # The id is never given twice, even after retention deleted the newest row: links stay true.
    sqlite_autoincrement=True,
)
Index("ix_incidents_fingerprint_id", incidents.c.fingerprint, incidents.c.id)
Index("ix_incidents_closed_at", incidents.c.closed_at)
Index("ix_incidents_group_id", incidents.c.group_id)
Index(
    "ix_incidents_pattern_id",
    incidents.c.pattern_id,
    sqlite_where=text("pattern_id IS NOT NULL"),
    postgresql_where=text("pattern_id IS NOT NULL"),
)
# The rule "never two open incidents of one fingerprint", kept by the database as well.
Index(
    "uq_incidents_open",
    incidents.c.fingerprint,
    unique=True,
    sqlite_where=text("ends_at IS NULL"),
    postgresql_where=text("ends_at IS NULL"),
)

# One row per alert of a delivery, whatever it changed: the record of what we were told, and when.
events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("incident_id", Id, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("received_at", Float, nullable=False),
    Column("status", String(8), nullable=False),
    Column("change", String(8), nullable=False),
    Column("starts_at", Float, nullable=False),
    Column("ends_at", Float),
    Column("annotations", JSON, nullable=False),
    Column("receiver", String, nullable=False),
    Column("source", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("trace_id", String(32), nullable=False, server_default=""),
)
Index("ix_events_incident_id", events.c.incident_id)
Index("ix_events_received_at", events.c.received_at)

# Outbox and log in one. A row is `new` until the gate has decided: `pending` is sent by its
# channel and then `sent`, `dead` or, not needed any more, `suppressed`; `held` waits for a digest
# and is then `digested`. A digest is a row without an incident.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("incident_id", Id, ForeignKey("incidents.id", ondelete="CASCADE")),
    Column("channel", String, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("leased_until", Float, nullable=False),
    Column("leased_by", String, nullable=False, server_default=""),
    Column("admitted_at", Float),
    Column("held_reason", String),
    Column("held_until", Float),
    Column("digest_id", Id, ForeignKey("notifications.id", ondelete="SET NULL")),
    Column("finished_at", Float),
    Column("detail", String, nullable=False),
    # What the other side calls the message, so that it can be edited or answered.
    Column("handle", JSON(none_as_null=True)),
    # What a message without an incident says.
    Column("content", JSON(none_as_null=True)),
    UniqueConstraint("incident_id", "channel", "kind"),
)
Index("ix_notifications_digest_id", notifications.c.digest_id)
Index("ix_notifications_admitted_at", notifications.c.admitted_at)
Index(
    "ix_notifications_new",
    notifications.c.incident_id,
    sqlite_where=text("state = 'new'"),
    postgresql_where=text("state = 'new'"),
)
Index(
    "ix_notifications_held",
    notifications.c.held_until,
    sqlite_where=text("state = 'held'"),
    postgresql_where=text("state = 'held'"),
)
Index(
    "ix_notifications_silent",
    notifications.c.held_until,
    sqlite_where=text("state = 'held' AND held_reason = 'harmless_pattern'"),
    postgresql_where=text("state = 'held' AND held_reason = 'harmless_pattern'"),
)
Index(
    "ix_notifications_pending",
    notifications.c.channel,
    notifications.c.due_at,
    sqlite_where=text("state = 'pending'"),
    postgresql_where=text("state = 'pending'"),
)

# Bodies that could not be read as alerts, so that a mistake of our parser loses nothing.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Id, primary_key=True),
    Column("received_at", Float, nullable=False),
    Column("problem", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("ix_quarantine_received_at", quarantine.c.received_at)

# Every attempt to send a notification, and what the other side answered.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "notification_id", Id, ForeignKey("notifications.id", ondelete="CASCADE"), nullable=False
    ),
    Column("at", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("is_sent", Boolean, nullable=False),
    Column("reason", String, nullable=False),
    Column("detail", String, nullable=False),
)
Index("ix_attempts_notification_id", attempts.c.notification_id)

# When a channel may be used again, whichever process asks: its pace, and pauses it was asked for.
channel_states = Table(
    "channel_states",
    metadata,
    Column("name", String, primary_key=True),
    Column("not_before", Float, nullable=False),
)

# What people say an incident was: one verdict each, the last one counts.
feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    Column("incident_id", Id, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", String, nullable=False),
    Column("author", String, nullable=False),
    Column("via", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    UniqueConstraint("incident_id"),
)

# By what factor a threshold is raised or lowered, for a query or one series of it.
thresholds = Table(
    "thresholds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("query", String, nullable=False),
    Column("labels", JSON, nullable=False),
    # The labels as canonical text, since JSON cannot be unique everywhere.
    Column("labels_key", String, nullable=False),
    Column("ratio", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    UniqueConstraint("query", "labels_key"),
)

# Who changed what: verdicts, thresholds, restores.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Float, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", String, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("detail", String, nullable=False),
)
Index("ix_audit_at", audit.c.at)

# Small facts that must survive a restart, such as when Alertmanager was last heard.
facts = Table(
    "facts",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("changed_at", Float, nullable=False),
)
