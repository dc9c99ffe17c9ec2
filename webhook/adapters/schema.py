"""Which tables does the store have? The newest migration creates exactly these.

Times are unix seconds. Rows are written by one thread only (adapters/writer.py).
"""

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row per incident: an alert fingerprint from opening to closing. `ends_at` NULL means open.
incidents = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("starts_at", Float, nullable=False),
    Column("ends_at", Float),
    Column("opened_at", Float, nullable=False),
    Column("closed_at", Float),
    Column("last_seen_at", Float, nullable=False),
    Column("alertname", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("query", String, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("generator_url", String, nullable=False),
    # The id is never given twice, even after retention deleted the newest row: links stay true.
    sqlite_autoincrement=True,
)
Index("ix_incidents_fingerprint_id", incidents.c.fingerprint, incidents.c.id)
Index("ix_incidents_closed_at", incidents.c.closed_at)
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
    Column("id", Integer, primary_key=True),
    Column("incident_id", Integer, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("received_at", Float, nullable=False),
    Column("status", String(8), nullable=False),
    Column("change", String(8), nullable=False),
    Column("starts_at", Float, nullable=False),
    Column("ends_at", Float),
    Column("annotations", JSON, nullable=False),
    Column("receiver", String, nullable=False),
    Column("source", String, nullable=False),
    Column("cause", String, nullable=False),
)
Index("ix_events_incident_id", events.c.incident_id)
Index("ix_events_received_at", events.c.received_at)

# Outbox and log in one: a row is pending until it is sent, dead or suppressed, and then a record.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Integer, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("channel", String, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("leased_until", Float, nullable=False),
    Column("finished_at", Float),
    Column("detail", String, nullable=False),
    UniqueConstraint("incident_id", "channel", "kind"),
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
    Column("id", Integer, primary_key=True),
    Column("received_at", Float, nullable=False),
    Column("problem", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("ix_quarantine_received_at", quarantine.c.received_at)
