"""What do several commands read from their flags?"""

import argparse
import time

from exporter.adapters.prometheus import PrometheusSource
from exporter.config import Config, parse_config
from exporter.errors import ConfigError
from promkit.durations import parse_duration
from promkit.httpconfig import requests_session
from promkit.instants import instant


def duration(text: str) -> float:
    """Return the seconds of a flag; argparse would hide what `parse_duration` has to say."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_range(parser: argparse.ArgumentParser, start: str) -> None:
    """Add `--start` and `--end`, both read as unix seconds."""
    parser.add_argument(
        "--start",
        type=_instant,
        default=start,
        metavar="TIME",
        help="RFC 3339, unix seconds, or back from now like -6h (default: %(default)s)",
    )
    parser.add_argument(
        "--end", type=_instant, default="-0s", metavar="TIME", help="likewise (default: now)"
    )


def check_range(flags: argparse.Namespace) -> None:
    """Refuse a range that ends before it starts.

    Raises
    ------
    ConfigError
        It does.
    """
    if flags.start >= flags.end:
        raise ConfigError(["--start: found an instant that is not before --end; swap the two"])


def _instant(text: str) -> float:
    try:
        return instant(text, time.time())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def read_config(flags: argparse.Namespace) -> Config:
    """Return the configuration that `--config.file` names.

    Raises
    ------
    ConfigError
        It cannot be read, or with all that is wrong with it.
    """
    try:
        text = flags.config_file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            [f"{flags.config_file}: cannot be read: {reason}; name another with --config.file"]
        ) from error
    return parse_config(text, str(flags.config_file))


def source_of(config: Config) -> PrometheusSource:
    """Return the Prometheus that a configuration names."""
    return PrometheusSource(config.prometheus.url, requests_session(config.prometheus))
