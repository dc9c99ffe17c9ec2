"""What pages and what API does the daemon serve? Its parts, as the handlers see them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from promkit.clock import Clock
from webhook.adapters.exposition import Metrics
from webhook.adapters.linkkeys import LinkKeys
from webhook.adapters.store import Store
from webhook.adapters.verdictmetrics import VerdictMetrics
from webhook.config import WebhookConfig
from webhook.core.tokens import Key
from webhook.enrichment import Enrichment
from webhook.learning import Learning
from webhook.overseeing import Overseer
from webhook.showing import Showing
from webhook.truth import Truth
from webhook.tuner import Tuner
from webhook.web.app import make_app
from webhook.web.consoleroutes import add_overview
from webhook.web.feedback import Feedback, InForce
from webhook.web.feedbackroutes import add_feedback
from webhook.web.login import Logins, add_login
from webhook.web.missed import Marking, add_missed
from webhook.web.overview import OverviewPage
from webhook.web.parts import Parts, Settings
from webhook.web.thresholds import Thresholds, add_thresholds
from webhook.web.visit import Console, add_console
from webhook.web.visit import InForce as ConsoleInForce
from webhook.web.weights import Weights, add_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The daemon's parts.

    Parameters
    ----------
    config : returns what is in force
    notified : called after something was put into the outbox
    ready : None, or why the daemon cannot take alerts now
    reload : takes the configuration file into use
    """

    store: Store
    clock: Clock
    metrics: Metrics
    config: Callable[[], WebhookConfig]
    keys: LinkKeys
    enrichment: Enrichment
    showing: Showing
    verdicts: VerdictMetrics
    tuner: Tuner
    learning: Learning
    overseer: Overseer
    truth: Truth
    notified: Callable[[], None]
    ready: Callable[[], str | None]
    reload: Callable[[], Awaitable[None]]

    def settings(self) -> Settings:
        """Return what a reload may change for all."""
        config = self.config()
        return Settings(
            routing=config.routing,
            external_url=config.external_url,
            channels=tuple(channel.name for channel in config.channels),
        )

    def console(self) -> ConsoleInForce:
        """Return what a reload may change for the pages."""
        config = self.config()
        return ConsoleInForce(config.external_url, config.timezone, config.console.anonymous)

    async def signing(self) -> tuple[Key, ...]:
        """Return the keys that sign links and forms."""
        return await self.keys.keys(self.config().feedback.secret_file)

    def feedback(self) -> InForce:
        """Return what a reload may change for verdicts."""
        config = self.config()
        return InForce(
            external_url=config.external_url,
            slack_secret_file=config.feedback.slack_signing_secret_file,
            slack_hosts=config.feedback.slack_hosts,
        )


def application(served: Served) -> web.Application:
    """Return the application, which has not started yet."""
    app = make_app(
        Parts(
            store=served.store,
            clock=served.clock,
            metrics=served.metrics,
            settings=served.settings,
            notified=served.notified,
            ready=served.ready,
            reload=served.reload,
            take=served.truth.take,
            opened=served.truth.opened,
        )
    )
    add_console(app, Console(served.clock, served.signing, served.console))
    add_login(app, Logins(served.store))
    add_overview(app, OverviewPage(served.overseer.look, served.overseer.channels))
    add_feedback(
        app,
        Feedback(
            store=served.store,
            clock=served.clock,
            keys=served.signing,
            picture=served.enrichment.picture,
            judged=served.verdicts.judged,
            settings=served.feedback,
            told=served.tuner.told,
        ),
    )
    served.showing.add_pages(app)
    served.learning.add_routes(app)
    add_thresholds(
        app,
        Thresholds(
            store=served.store,
            clock=served.clock,
            changed=served.tuner.changed,
            external_url=lambda: served.config().external_url,
        ),
    )
    add_weights(
        app,
        Weights(
            store=served.store,
            clock=served.clock,
            changed=served.tuner.weigher.changed,
            external_url=lambda: served.config().external_url,
        ),
    )
    add_missed(
        app,
        Marking(
            store=served.store,
            clock=served.clock,
            judged=served.verdicts.judged,
            external_url=lambda: served.config().external_url,
            follows=served.tuner.follows,
        ),
    )
    return app
