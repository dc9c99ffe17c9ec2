"""Whom do we ask what series did? The Prometheus of the configuration in force."""

from collections.abc import Callable

from webhook.adapters.prometheus import Prometheus
from webhook.config import WebhookConfig
from webhook.settings.sources import SourceConfig


class Asking:
    """Keeps one client, and makes a new one after a reload that names another Prometheus.

    Parameters
    ----------
    config : returns what is in force
    """

    def __init__(self, config: Callable[[], WebhookConfig]) -> None:
        self._config = config
        self._made: tuple[SourceConfig, Prometheus] | None = None

    def prometheus(self) -> Prometheus | None:
        """Return whom to ask; None where the configuration names nobody."""
        wanted, old = self._config().prometheus, self._made
        if old is not None and old[0] != wanted:
            old[1].close()
            self._made = None
        if wanted is not None and self._made is None:
            self._made = (wanted, Prometheus(wanted.url, wanted))
        return None if self._made is None else self._made[1]

    def close(self) -> None:
        """Let go of the threads."""
        if self._made is not None:
            self._made[1].close()
