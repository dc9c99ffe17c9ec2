"""What do the handlers work with, and how does an error look?"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from promkit.clock import Clock
from webhook.adapters.exposition import Metrics
from webhook.adapters.store import Store
from webhook.core.alerts import Delivery
from webhook.core.routing import Routing


@dataclass(frozen=True, slots=True)
class Settings:
    """What a reload may change under a running application.

    Parameters
    ----------
    routing : who hears about what
    external_url : what links start with, without a slash at the end
    channels : names, in configured order
    """

    routing: Routing
    external_url: str
    channels: tuple[str, ...]


async def _everything(delivery: Delivery, now: float) -> Delivery:
    return delivery


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers work with.

    Parameters
    ----------
    settings : returns those in force
    notified : called after something was put into the outbox
    ready : None, or why the daemon cannot take alerts now
    reload : takes the configuration file into use
    take : keeps back what is no alert of a delivery, and returns the rest
    opened : told of new incidents, by alertname and query
    """

    store: Store
    clock: Clock
    metrics: Metrics
    settings: Callable[[], Settings]
    notified: Callable[[], None]
    ready: Callable[[], str | None]
    reload: Callable[[], Awaitable[None]]
    take: Callable[[Delivery, float], Awaitable[Delivery]] = _everything
    opened: Callable[[Mapping[tuple[str, str], int]], None] = lambda counts: None


PARTS = web.AppKey("parts", Parts)


def error_response(status: int, message: str) -> web.Response:
    """Return the JSON of an error: what was found, what is allowed."""
    return web.json_response({"error": message}, status=status)


def incident_url(settings: Settings, incident_id: int) -> str:
    """Return the address of an incident's page."""
    return f"{settings.external_url}/incidents/{incident_id}"
