"""Let notifications be held back and counted over replicas, and keep what people say."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEW = sa.text("state = 'new'")
_HELD = sa.text("state = 'held'")


def upgrade() -> None:
    _groups()
    _notifications()
    _attempts()
    _verdicts()
    op.create_table(
        "channel_states",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_channel_states"),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
    _statistics()


def _groups() -> None:
    op.create_table(
        "incident_groups",
        sa.Column("id", _ID, nullable=False),
        sa.Column("opened_at", sa.Float(), nullable=False),
        sa.Column("closed_at", sa.Float()),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("first_incident_id", _ID),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incident_groups"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incident_groups_closed_at", "incident_groups", ["closed_at"])
    # Plain ALTER TABLE: copying the table would drop the rows that refer to it.
    op.add_column(
        "incidents", sa.Column("extras", sa.JSON(), nullable=False, server_default=sa.text("'{}'"))
    )
    op.add_column(
        "incidents",
        sa.Column("origin", sa.String(16), nullable=False, server_default="alertmanager"),
    )
    op.add_column(
        "incidents", sa.Column("level", sa.String(8), nullable=False, server_default="low")
    )
    op.execute("UPDATE incidents SET level = 'critical' WHERE severity = 'critical'")
    op.execute("UPDATE incidents SET level = 'medium' WHERE severity IN ('warning', 'none')")
    op.add_column("incidents", sa.Column("group_id", _ID))
    op.create_index("ix_incidents_group_id", "incidents", ["group_id"])


def _notifications() -> None:
    with op.batch_alter_table("notifications") as table:
        table.alter_column("incident_id", existing_type=_ID, nullable=True)
        table.add_column(sa.Column("leased_by", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("admitted_at", sa.Float()))
        table.add_column(sa.Column("held_reason", sa.String()))
        table.add_column(sa.Column("held_until", sa.Float()))
        table.add_column(sa.Column("digest_id", _ID))
        table.add_column(sa.Column("handle", sa.JSON()))
        table.add_column(sa.Column("content", sa.JSON()))
        table.create_foreign_key(
            "fk_notifications_digest_id_notifications",
            "notifications",
            ["digest_id"],
            ["id"],
            ondelete="SET NULL",
        )
    op.create_index("ix_notifications_digest_id", "notifications", ["digest_id"])
    op.create_index("ix_notifications_admitted_at", "notifications", ["admitted_at"])
    op.create_index(
        "ix_notifications_new",
        "notifications",
        ["incident_id"],
        sqlite_where=_NEW,
        postgresql_where=_NEW,
    )
    op.create_index(
        "ix_notifications_held",
        "notifications",
        ["held_until"],
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("notification_id", _ID, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name="fk_attempts_notification_id_notifications",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_attempts_notification_id", "attempts", ["notification_id"])


def _verdicts() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("via", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name="fk_feedback_incident_id_incidents",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("incident_id", name="uq_feedback_incident_id"),
    )
    op.create_table(
        "thresholds",
        sa.Column("id", _ID, nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("labels_key", sa.String(), nullable=False),
        sa.Column("ratio", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_thresholds"),
        sa.UniqueConstraint("query", "labels_key", name="uq_thresholds_query_labels_key"),
    )
    op.create_table(
        "audit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", sa.JSON()),
        sa.Column("after", sa.JSON()),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])


# One shape for all, so that the two views and their readers need no more: what was counted, and
# the columns that it is counted by. SQLite renames no table that a view names: a migration that
# copies one of these tables has to drop the views first and create them anew.
_STATISTICS = """
CREATE VIEW {view} AS
SELECT {opened_at} AS start, 'incidents_opened' AS measure, query, severity,
       '' AS channel, '' AS kind, '' AS state, '' AS verdict, COUNT(*) AS number
FROM incidents GROUP BY 1, 3, 4
UNION ALL
SELECT {closed_at}, 'incidents_closed', query, severity, '', '', '', '', COUNT(*)
FROM incidents WHERE closed_at IS NOT NULL GROUP BY 1, 3, 4
UNION ALL
SELECT {created_at}, 'notifications', '', '', channel, kind, state, '', COUNT(*)
FROM notifications GROUP BY 1, 5, 6, 7
UNION ALL
SELECT {changed_at}, 'verdicts', incidents.query, incidents.severity, '', '', '', verdict, COUNT(*)
FROM feedback JOIN incidents ON incidents.id = feedback.incident_id GROUP BY 1, 3, 4, 8
"""


def _statistics() -> None:
    # To an integer SQLite cuts off, and PostgreSQL rounds.
    whole = "CAST({} AS INTEGER)" if op.get_bind().dialect.name == "sqlite" else "floor({})::bigint"
    for view, seconds in (("stats_hourly", 3_600), ("stats_daily", 86_400)):
        starts = {
            name: f"{whole.format(f'{name} / {seconds}')} * {seconds}"
            for name in ("opened_at", "closed_at", "created_at", "changed_at")
        }
        op.execute(_STATISTICS.format(view=view, **starts))
