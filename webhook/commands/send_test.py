"""Does a channel work, and what does a message of it look like? `anomaly-webhook send-test`."""

import argparse
import asyncio
import sys
from typing import Final

from promkit.clock import Clock, SystemClock
from promkit.log import setup_logging
from webhook.channels.base import Channel, Receipt, attempt
from webhook.channels.present import present
from webhook.channels.samples import SAMPLES, sample
from webhook.config import WebhookConfig
from webhook.core.message import Message
from webhook.errors import ChannelError, FailureReason

_DESCRIPTION = (
    "Send one message, marked as a test, through a channel, and say how it went and what went out "
    "(exit code 1: it was not delivered). Uses neither the store nor a running daemon."
)
_ADVICE: Final[dict[FailureReason, str]] = {
    "secret": "check the file that the message names, and that this user can read it.",
    "redirected": "correct the channel's url or secret; `run` would not try this one again.",
    "rejected": "correct the channel's url or secret; `run` would not try this one again.",
    "tls": "check the certificate of the other side, and its host name in the url.",
}
_OTHERWISE = "check that the other side runs and can be reached; `run` would try again."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its flags."""
    parser.description = _DESCRIPTION
    parser.add_argument(
        "--channel", metavar="NAME", help="the channel's name; may be left out if there is one"
    )
    parser.add_argument(
        "--sample",
        choices=SAMPLES,
        default=SAMPLES[0],
        help="which kind of message (default: %(default)s)",
    )


def run(options: argparse.Namespace, config: WebhookConfig, prog: str) -> int:
    """Send and print; return the exit code."""
    channels = {channel.name: channel for channel in config.channels}
    name = options.channel
    if name is None and len(channels) == 1:
        (name,) = channels
    if name not in channels:
        found = "no --channel" if name is None else f"--channel {name}"
        print(f"{prog}: found {found}; allowed: {', '.join(channels)}", file=sys.stderr)
        return 2
    setup_logging("info", "logfmt")
    clock = SystemClock()
    message = sample(options.sample, name, config.external_url, clock.now())
    try:
        receipt = asyncio.run(_send(channels[name], clock, message))
    except ChannelError as error:
        print(f"{name}: not delivered: {error}", file=sys.stderr)
        print(f"Next: {_ADVICE.get(error.reason, _OTHERWISE)}", file=sys.stderr)
        return 1
    print(f"{name}: delivered ({receipt.detail}). Look for it at the other side. It says:")
    for line in present(message, clock.now()).text().splitlines():
        print(f"  {line}")
    return 0


async def _send(channel: Channel, clock: Clock, message: Message) -> Receipt:
    async with channel.connect(clock) as send:
        return await attempt(send, message)
