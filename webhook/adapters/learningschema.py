"""Which tables keep what was learned from people, beside their verdicts? See `schema`."""

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, String, Table, UniqueConstraint

from webhook.adapters.schemabase import Id, metadata

# By what factor the weight of a detector is raised or lowered in a query's ensemble.
weights = Table(
    "weights",
    metadata,
    Column("id", Id, primary_key=True),
    Column("query", String, nullable=False),
    Column("detector", String, nullable=False),
    Column("ratio", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    UniqueConstraint("query", "detector"),
)

# What Prometheus knew of an incident, kept for longer than Prometheus keeps it.
observations = Table(
    "observations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("incident_id", Id, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("observed_at", Float, nullable=False),
    # The first sample out of its band of those that led to the alert.
    Column("began_at", Float),
    Column("peak_score", Float),
    Column("threshold", Float),
    # Detector -> its highest score meanwhile.
    Column("detectors", JSON, nullable=False),
    # Of the series, without what was added to the alert on its way; NULL where it is not known.
    Column("series", JSON(none_as_null=True)),
    # {"start", "step", "values", "expected", "lower", "upper", "scores"}; NULL where it is unknown.
    Column("course", JSON(none_as_null=True)),
    UniqueConstraint("incident_id"),
)

# Where a person says that an alert should have come and did not.
missed = Table(
    "missed",
    metadata,
    Column("id", Id, primary_key=True),
    Column("query", String, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("labels_key", String, nullable=False),
    Column("starts_at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    Column("reason", String, nullable=False),
    Column("author", String, nullable=False),
    Column("via", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    # A mark that was taken back counts for nothing, and stays on record.
    Column("withdrawn_at", Float),
    # What the scores were at most; NULL until that was looked up, or where nobody knows.
    Column("observed_at", Float),
    Column("peak_score", Float),
    Column("threshold", Float),
    Column("detectors", JSON(none_as_null=True)),
    # Never given twice, even after retention deleted the newest: the exporter, and whoever counts
    # the marks that were taken, know them by their number.
    sqlite_autoincrement=True,
)
Index("ix_missed_query_starts_at", missed.c.query, missed.c.starts_at)
Index("ix_missed_ends_at", missed.c.ends_at)

# Courses that people called harmless often enough: at this hour they get no message.
patterns = Table(
    "patterns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("query", String, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("labels_key", String, nullable=False),
    # Local minute of the day at which it begins, and whose clock that is.
    Column("minute", Float, nullable=False),
    Column("timezone", String, nullable=False),
    Column("step", Float, nullable=False),
    # The envelope of the courses it was made of, one value for each step.
    Column("lower", JSON, nullable=False),
    Column("upper", JSON, nullable=False),
    Column("incidents", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    # When somebody ended it before that.
    Column("forgotten_at", Float),
    Column("last_seen_at", Float),
    # Never given twice: incidents and the audit speak of patterns that retention has deleted.
    sqlite_autoincrement=True,
)
Index("ix_patterns_query_labels_key", patterns.c.query, patterns.c.labels_key)
