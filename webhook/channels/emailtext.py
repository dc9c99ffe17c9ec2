"""What does a mail say, and by which headers do mail programs know what belongs together?"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from jinja2 import Environment, PackageLoader

from webhook.channels.present import Sheet
from webhook.core.message import Message
from webhook.core.text import one_line

# Everything in 7 bits, so that no server on the way has to change anything.
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=76)
_PICTURE = "series"
_pages = Environment(
    loader=PackageLoader("webhook.channels"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it goes over the wire, and by what the next one of its thread knows it."""

    content: bytes
    handle: Mapping[str, object]


def mail(
    message: Message,
    sheet: Sheet,
    sender: str,
    sender_name: str,
    recipients: Sequence[str],
    now: float,
) -> Mail:
    """Return the mail of a message: plain text, HTML, and the picture where there is one.

    The subject never says that it is over: mail programs show as one thread what has one subject.
    """
    domain = sender.rpartition("@")[2]
    message_id = f"<{_local(message.key)}@{domain}>"
    first = _handed(message, "message_id") or _first_id(message, domain)
    subject = one_line(_handed(message, "subject") or sheet.subject, 200)
    made = EmailMessage(policy=_POLICY)
    made["From"] = Address(sender_name, addr_spec=sender)
    made["To"] = tuple(Address(addr_spec=address) for address in recipients)
    made["Subject"] = subject
    made["Date"] = formatdate(now, localtime=False)
    made["Message-ID"] = message_id
    if message.status == "resolved" and message.digest is None:
        made["In-Reply-To"] = first
        made["References"] = first
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    if sheet.state == "firing" and sheet.level in ("critical", "high") and not message.is_test:
        made["Importance"] = "high"
    made.set_content(_plain(sheet))
    shown = f"cid:{_PICTURE}@{domain}" if message.picture else ""
    made.add_alternative(html(sheet, shown, message.picture_alt), "html")
    if message.picture:
        *_, page = made.iter_parts()
        assert isinstance(page, EmailMessage)
        page.add_related(
            message.picture,
            "image",
            "png",
            cid=f"<{_PICTURE}@{domain}>",
            disposition="inline",
            filename="series.png",
        )
    return Mail(made.as_bytes(), {"message_id": message_id, "subject": subject})


def html(sheet: Sheet, picture: str, picture_alt: str = "") -> str:
    """Return a sheet as an HTML page for mail programs: tables and inline styles.

    Parameters
    ----------
    picture : address of the picture, "" for none
    picture_alt : what it shows
    """
    page = _pages.get_template("email.html")
    return page.render(sheet=sheet, picture=picture, picture_alt=picture_alt or sheet.subject)


def _plain(sheet: Sheet) -> str:
    links = "\n".join(f"{link.text}: {link.url}" for link in (*sheet.links, *sheet.verdicts))
    return f"{sheet.text()}\n\n{links}\n"


def _handed(message: Message, name: str) -> str:
    """Return what the mail about the beginning was known by."""
    found = (message.handle or {}).get(name)
    return one_line(found, 400) if isinstance(found, str) else ""


def _first_id(message: Message, domain: str) -> str:
    """Return the Message-ID of the firing, or what it would have been."""
    return f"<{_local(message.key.replace('-resolved-', '-firing-', 1))}@{domain}>"


def _local(key: str) -> str:
    """Return the key as the left side of a Message-ID: it may hold what cannot stand there."""
    if len(key) <= 120 and all(c.isascii() and (c.isalnum() or c in "-_.") for c in key):
        return key
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:40]
