"""Where do we look things up? Prometheus and Alertmanager, as configured."""

from typing import Annotated

from pydantic import Field

from promkit.httpconfig import HttpConfig


class SourceConfig(HttpConfig):
    """A Prometheus or an Alertmanager; the keys beside `url` are Prometheus' own `http_config`.

    Parameters
    ----------
    url : base URL, with the path prefix if there is one
    """

    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
