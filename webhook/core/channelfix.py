"""What can a person do about a message that a channel did not deliver?"""

from collections.abc import Mapping
from typing import Final

FIXES: Final[Mapping[str, str]] = {
    "rejected": (
        "The other side refuses such messages for good: look at its words here, and at the address "
        "and rights of the channel. Then try anomaly-webhook send-test --channel NAME."
    ),
    "redirected": "The address has moved: configure the one that it leads to.",
    "rate_limited": "Nothing: we wait for as long as the other side asks for, and send again.",
    "server_error": "Nothing for now: it is sent again for a day. The other side is in trouble.",
    "timeout": "It is sent again for a day. Is a proxy or firewall in the way, or the name wrong?",
    "unreachable": "It is sent again for a day. Look at the address, at DNS and at the firewall.",
    "tls": "Look at the certificate of the other side, and at tls_config.ca_file of the channel.",
    "secret": "The file with the secret cannot be used: look at its path, rights and content.",
    "internal": "This is a defect of ours: the log of the webhook has the details.",
}
"""By the reason of a failed attempt, as the metrics call it."""


def fix_of(reason: str) -> str:
    """Return what can be done about it; "" where nobody knows."""
    return FIXES.get(reason, "")
