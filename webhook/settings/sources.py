"""Where do we look things up? Prometheus and Alertmanager, as configured."""

from typing import Annotated

from pydantic import Field

from promkit.httpconfig import HttpConfig
from webhook.settings.weburl import WebUrl


class SourceConfig(HttpConfig):
    """A Prometheus or an Alertmanager; the keys beside `url` are Prometheus' own `http_config`.

    Parameters
    ----------
    url : base URL, with the path prefix if there is one
    external_url : what links for people start with; by default `url` for Prometheus, and for
        Alertmanager the address that it gives of itself in its deliveries
    """

    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
    external_url: WebUrl | None = None
