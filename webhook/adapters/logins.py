"""Who logged in, and who tried to? Kept in the audit."""

from typing import Literal

from sqlalchemy import Connection, insert

from webhook.adapters.schema import audit

Login = Literal["login", "login_failed", "logout"]


def note_login(connection: Connection, action: Login, user: str, address: str, now: float) -> None:
    """Write down what somebody did.

    Parameters
    ----------
    user : "" where nobody is called so: what was typed there may be a password
    address : where the request came from
    now : unix seconds
    """
    connection.execute(
        insert(audit).values(
            at=now, actor=user, action=action, subject=user, detail=f"from {address}"
        )
    )
