"""Where do samples come from, and where does what was learned of them stay?"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from promkit.durations import PositiveDuration
from promkit.httpconfig import HttpConfig
from promkit.strictyaml import ConfigPath, StrictModel


class PrometheusConfig(HttpConfig):
    """Where the samples come from; the keys beside these are Prometheus' own `http_config`."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] = "http://localhost:9090"
    """Base URL of Prometheus, or of anything that speaks its HTTP API."""
    scrape_interval: PositiveDuration = 15.0
    """How often the queried series get a sample; `$__rate_interval` is four of it."""


class StateConfig(StrictModel):
    """Where the exporter remembers what it learned, so that a restart is warm."""

    path: ConfigPath | None = Path("exporter.state")
    """The state file; null keeps nothing."""
    interval: PositiveDuration = 600.0
    """How often it is written; what happened since is asked of Prometheus again."""
