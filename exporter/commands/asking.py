"""How does a command ask the running exporter for something?"""

import argparse

import requests

from exporter.errors import ExporterError

TIMEOUT = 30.0
"""Seconds for the running exporter to answer."""


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says where it is."""
    parser.add_argument(
        "--exporter.url",
        dest="exporter_url",
        default="http://localhost:9853",
        metavar="URL",
        help="where it listens, with user:password@ if it asks for them (default: %(default)s)",
    )


def ask(flags: argparse.Namespace, path: str, **parameters: str) -> str:
    """Return what the running exporter says to a POST that it has accepted.

    Raises
    ------
    ExporterError
        It does not answer, or refuses; never with a password in the text.
    """
    url = flags.exporter_url.rstrip("/") + path
    shown = url.rpartition("@")[2]  # without a password
    try:
        answer = requests.post(url, params=parameters, timeout=TIMEOUT)
    except requests.RequestException as error:
        # Not its text, which may hold the password.
        raise ExporterError(
            f"{shown} does not answer ({type(error).__name__}); check that `run` is running and "
            "name its address with --exporter.url"
        ) from None
    said = answer.text.strip()
    if answer.status_code != requests.codes.accepted:
        raise ExporterError(f"{shown} refused with {answer.status_code}: {said}")
    return said
