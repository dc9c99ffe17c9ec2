"""The command line flags that every Prometheus-style daemon has."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from promkit.durations import parse_duration
from promkit.log import FORMATS, LEVELS
from promkit.logfiles import RETENTION
from promkit.rotating import DAY
from promkit.web import parse_listen_address

DISTRIBUTION = "anomaly-exporter"


class _ReplaceDefault(argparse.Action):
    """Append, but let the first use replace the default instead of joining it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        current = getattr(namespace, self.dest)
        kept = () if current is self.default else current
        setattr(namespace, self.dest, (*kept, values))


def _listen_address(text: str) -> str:
    try:
        parse_listen_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _retention(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if seconds < DAY:
        raise argparse.ArgumentTypeError(f"found {text}; allowed: 1d or more")
    return seconds


def add_common_flags(
    parser: argparse.ArgumentParser, default_listen: str, default_config: str = "config.yml"
) -> None:
    """Add the flags of a command that serves; parsed names are the flags' with underscores.

    Those of `add_config_flags`, ``web_listen_address`` (tuple of str), ``web_config_file`` and
    ``log_directory`` (Path or None) and ``log_retention`` (seconds).
    """
    add_config_flags(parser, default_config)
    parser.add_argument(
        "--web.listen-address",
        dest="web_listen_address",
        action=_ReplaceDefault,
        type=_listen_address,
        default=(default_listen,),
        metavar="HOST:PORT",
        help=f"address to serve HTTP on, may be repeated (default: {default_listen})",
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        default=None,
        metavar="PATH",
        help="file with TLS and basic auth settings, as exporter-toolkit reads it",
    )
    parser.add_argument(
        "--log.directory",
        dest="log_directory",
        type=Path,
        default=None,
        metavar="PATH",
        help="folder for log files, beside standard error: all lines, and errors once more in a "
        "file of their own; rotated by day and size and compressed (default: no files)",
    )
    parser.add_argument(
        "--log.retention",
        dest="log_retention",
        type=_retention,
        default=RETENTION,
        metavar="DURATION",
        help="how long rotated log files are kept, 1d or more (default: 30d)",
    )


def add_config_flags(parser: argparse.ArgumentParser, default_config: str = "config.yml") -> None:
    """Add the flags of any command: ``config_file`` (Path), ``log_level``, ``log_format``."""
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        default=Path(default_config),
        metavar="PATH",
        help="configuration file (default: %(default)s)",
    )
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=LEVELS,
        default="info",
        help="least severe level to log (default: %(default)s)",
    )
    parser.add_argument(
        "--log.format",
        dest="log_format",
        choices=FORMATS,
        default="logfmt",
        help="one line per entry as key=value or as JSON (default: %(default)s)",
    )
    add_version_flag(parser)


def add_version_flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag that prints which version this is."""
    parser.add_argument(
        "--version", action="version", version=f"{parser.prog} {version(DISTRIBUTION)}"
    )
