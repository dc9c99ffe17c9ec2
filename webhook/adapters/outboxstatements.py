"""Which statements run for every message that is sent?

They are built once, since building one costs more than running it.
"""

from typing import Any

from sqlalchemy import Float, Integer, and_, bindparam, insert, or_, select, update

from webhook.adapters.schema import attempts, channel_states, incidents, notifications

_other = notifications.alias("other")
_beside = and_(
    _other.c.incident_id == notifications.c.incident_id,
    _other.c.channel == notifications.c.channel,
    _other.c.kind != notifications.c.kind,
)
_now = bindparam("now", type_=Float)
DUE = (
    select(notifications, _other.c.id.label("other_id"), _other.c.state.label("other_state"))
    .outerjoin(_other, _beside)
    .where(
        notifications.c.channel == bindparam("of"),
        notifications.c.state == "pending",
        notifications.c.due_at <= _now,
        notifications.c.leased_until <= _now,
        # A firing that is being sent right now decides first what its resolved does.
        or_(_other.c.id.is_(None), _other.c.state != "pending", _other.c.leased_until <= _now),
    )
    .order_by(notifications.c.due_at, notifications.c.id)
    .limit(bindparam("most", type_=Integer))
    # PostgreSQL alone: what somebody else has locked is not waited for.
    .with_for_update(of=notifications, skip_locked=True)
)
_are_chosen = notifications.c.id.in_(bindparam("ids", expanding=True))
LEASE = (
    update(notifications)
    .where(_are_chosen)
    .values(
        leased_until=bindparam("leased_until"),
        leased_by=bindparam("leased_by"),
        attempts=notifications.c.attempts + 1,
    )
)
LEASED = (
    select(
        notifications.c.id.label("notification_id"),
        *(notifications.c[name] for name in ("kind", "attempts", "content", "created_at")),
    )
    .add_columns(_other.c.handle, incidents)
    .outerjoin(incidents, incidents.c.id == notifications.c.incident_id)
    .outerjoin(_other, _beside)
    .where(_are_chosen)
    .order_by(notifications.c.due_at, notifications.c.id)
)
NOT_BEFORE = select(channel_states.c.not_before).where(channel_states.c.name == bindparam("of"))
_is_the_one = notifications.c.id == bindparam("row_id")
HOLDER = select(notifications.c.channel, notifications.c.leased_by).where(_is_the_one)
ATTEMPT = insert(attempts)
_GIVEN_BACK: dict[str, Any] = {"leased_until": 0.0, "leased_by": "", "detail": bindparam("detail")}
AGAIN = update(notifications).where(_is_the_one).values(**_GIVEN_BACK, due_at=bindparam("due_at"))
OVER = (
    update(notifications)
    .where(_is_the_one)
    .values(
        **_GIVEN_BACK,
        **{name: bindparam(name) for name in ("state", "finished_at", "handle")},
    )
)
