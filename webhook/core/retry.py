"""When is a failed notification tried again, and when is it given up?"""

from collections.abc import Callable

FIRST_DELAY = 2.0
LONGEST_DELAY = 300.0
GIVE_UP_AFTER = 86_400.0


def next_attempt(
    created_at: float,
    attempts: int,
    now: float,
    retry_after: float,
    uniform: Callable[[float, float], float],
) -> float | None:
    """Return when to try again (unix seconds), or None to give up.

    Full jitter: a random wait up to a ceiling that doubles from 2 s to 5 min, so that many failures
    of one moment do not come back as one burst.

    Parameters
    ----------
    created_at : when the notification was put into the outbox, unix seconds
    attempts : how often it was tried, this failure included (>= 1)
    now : unix seconds
    retry_after : seconds that the other side asked for; never undercut
    uniform : draws from a range, as `random.uniform`
    """
    give_up_at = created_at + GIVE_UP_AFTER
    if now >= give_up_at:
        return None
    ceiling = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempts - 1, 10))
    # One last try stands at the deadline itself, however long the other side wants us to wait.
    return min(now + max(retry_after, uniform(0.0, ceiling)), give_up_at)
