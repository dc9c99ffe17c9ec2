"""Which of several replicas does what only one of them is to do?

The one that began goes on to; another takes over when nothing was heard of it for some time.
"""

from sqlalchemy import Connection

from webhook.adapters.factstore import get_fact, put_fact


def take_turn(
    connection: Connection, name: str, instance: str, now: float, seconds: float
) -> float:
    """Let this process be the one for so many seconds from now, unless another one is.

    Parameters
    ----------
    name : of the fact by which replicas know of each other
    instance : what this process is called
    now : unix seconds

    Returns
    -------
    Until when it is this one, unix seconds; 0.0 when it is another.
    """
    held = get_fact(connection, name) or {}
    other_until = 0.0 if held.get("instance") == instance else float(held.get("until", 0.0))
    # Further ahead is nothing that a replica wrote, unless its clock was wrong.
    if now < other_until <= now + 2 * seconds:
        return 0.0
    until = now + seconds
    put_fact(connection, name, {"instance": instance, "until": until}, now)
    return until
