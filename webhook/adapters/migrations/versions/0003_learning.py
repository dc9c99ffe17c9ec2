"""Let verdicts weigh detectors and name harmless patterns, and follow an alert by its trace."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FOLLOWS = sa.text("pattern_id IS NOT NULL")
_SILENT = sa.text("state = 'held' AND held_reason = 'harmless_pattern'")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Plain ALTER TABLE: copying the tables would drop the views and the rows that refer to them.
    for table in ("incidents", "events"):
        op.add_column(
            table, sa.Column("trace_id", sa.String(32), nullable=False, server_default="")
        )
    op.add_column("incidents", sa.Column("pattern_id", _ID))
    op.add_column("incidents", sa.Column("pattern_left_at", sa.Float()))
    op.add_column("incidents", sa.Column("pattern_left", sa.String(8)))
    op.create_index(
        "ix_incidents_pattern_id",
        "incidents",
        ["pattern_id"],
        sqlite_where=_FOLLOWS,
        postgresql_where=_FOLLOWS,
    )
    op.create_index(
        "ix_notifications_silent",
        "notifications",
        ["held_until"],
        sqlite_where=_SILENT,
        postgresql_where=_SILENT,
    )
    op.create_table(
        "weights",
        sa.Column("id", _ID, nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("ratio", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_weights"),
        sa.UniqueConstraint("query", "detector", name="uq_weights_query_detector"),
    )
    _observations()
    _missed()
    _patterns()


def _observations() -> None:
    op.create_table(
        "observations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("observed_at", sa.Float(), nullable=False),
        sa.Column("began_at", sa.Float()),
        sa.Column("peak_score", sa.Float()),
        sa.Column("threshold", sa.Float()),
        sa.Column("detectors", sa.JSON(), nullable=False),
        sa.Column("series", sa.JSON()),
        sa.Column("course", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_observations"),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name="fk_observations_incident_id_incidents",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("incident_id", name="uq_observations_incident_id"),
    )


def _missed() -> None:
    op.create_table(
        "missed",
        sa.Column("id", _ID, nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("labels_key", sa.String(), nullable=False),
        sa.Column("starts_at", sa.Float(), nullable=False),
        sa.Column("ends_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("via", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("withdrawn_at", sa.Float()),
        sa.Column("observed_at", sa.Float()),
        sa.Column("peak_score", sa.Float()),
        sa.Column("threshold", sa.Float()),
        sa.Column("detectors", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_missed"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_missed_query_starts_at", "missed", ["query", "starts_at"])
    op.create_index("ix_missed_ends_at", "missed", ["ends_at"])


def _patterns() -> None:
    op.create_table(
        "patterns",
        sa.Column("id", _ID, nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("labels_key", sa.String(), nullable=False),
        sa.Column("minute", sa.Float(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("step", sa.Float(), nullable=False),
        sa.Column("lower", sa.JSON(), nullable=False),
        sa.Column("upper", sa.JSON(), nullable=False),
        sa.Column("incidents", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("forgotten_at", sa.Float()),
        sa.Column("last_seen_at", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_patterns"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_patterns_query_labels_key", "patterns", ["query", "labels_key"])
