"""Email through a real SMTP server: threads, refusals, TLS, and headers that nobody can add to."""

import base64
import re
from dataclasses import replace
from email.message import EmailMessage
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from tests.webhook.channels.kit import CERTIFICATES, HOSTILE, LINKS, channel, failure, sent
from tests.webhook.deliveries import NOW
from tests.webhook.standins.mail import PASSWORD, USER, MailServer, mail_server
from webhook.channels.base import Channel
from webhook.channels.samples import SAMPLES, Sample, sample
from webhook.core.message import Message

KEY = "94c27a3d91e3ef01-1795258733762"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TO = ["ops@example.org", "db@example.org"]
# The server's own: what it thinks of logins without STARTTLS, and of itself.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
    pytest.mark.filterwarnings("ignore:auth_required == True:UserWarning"),
    pytest.mark.filterwarnings("ignore:Session.login_data:DeprecationWarning"),
]


def message(kind: Sample = "firing", **changes: Any) -> Message:
    made = sample(kind, "email", "https://alerts.example.org", NOW)
    key = f"{KEY}-{made.status}-email" if made.digest is None else "digest-5-email"
    return replace(made, **{"is_test": False, "links": LINKS, "key": key, **changes})


def through(server: MailServer, **settings: object) -> Channel:
    return channel(
        kind="email",
        host=settings.pop("host", "127.0.0.1"),
        port=server.port,
        sender="alerts@example.org",
        recipients=TO,
        **{"tls": "none", **settings},
    )


def part(mail: EmailMessage, kind: str) -> Any:
    return next(part for part in mail.walk() if part.get_content_type() == kind).get_content()


@pytest.mark.parametrize("kind", SAMPLES)
async def test_every_kind_of_message_arrives(kind: Sample) -> None:
    async with mail_server() as server:
        receipt = await sent(through(server), message(kind))

    (mail,) = server.mails
    assert receipt.detail == "250 2.0.0 queued as 4F2A"
    assert server.envelopes[0].rcpt_tos == TO
    assert mail["To"] == "ops@example.org, db@example.org"
    assert mail["From"] == "Anomaly alerts <alerts@example.org>"
    assert mail["Date"] == "Fri, 15 Jan 2027 08:00:00 -0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    assert all(ord(character) < 128 for character in mail.as_string()), "every server takes 7 bits"


async def test_text_and_html_say_the_same() -> None:
    async with mail_server() as server:
        await sent(through(server), message(picture=PNG, picture_alt="far above its band"))

    (mail,) = server.mails
    text, page = part(mail, "text/plain"), part(mail, "text/html")
    for fact in ("1.84 s, expected 0.21 s to 0.47 s", "pod-4, pod-7, pod-9", "confirmed by"):
        assert fact in text
        assert fact in page
    for url in (LINKS.graph, LINKS.false_alarm):
        assert url in text
        assert url.replace("&", "&amp;") in page
    assert "cid:series@example.org" in page
    assert 'alt="far above its band"' in page
    picture = next(part for part in mail.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<series@example.org>"
    assert picture.get_content() == PNG


async def test_an_incident_is_one_thread_of_one_subject() -> None:
    async with mail_server() as server:
        made = through(server)
        firing = await sent(made, message())
        again = await sent(made, message())
        # The level may have changed since; the subject must not.
        over = message("resolved", severity="warning", level="medium", handle=firing.handle)
        await sent(made, over)

    first, second, last = server.mails
    assert first["Message-ID"] == second["Message-ID"] == f"<{KEY}-firing-email@example.org>"
    assert again == firing
    assert (last["In-Reply-To"], last["References"]) == (first["Message-ID"], first["Message-ID"])
    assert last["Message-ID"] == f"<{KEY}-resolved-email@example.org>"
    assert last["Subject"] == first["Subject"]
    assert "RESOLVED" not in first["Subject"]
    assert "RESOLVED checkout" in part(last, "text/html").split("</div>")[0], "the preview says it"
    assert first["Importance"] == "high"
    assert last["Importance"] is None


async def test_a_resolved_without_a_handle_still_finds_its_thread() -> None:
    async with mail_server() as server:
        await sent(through(server), message("resolved"))

    assert server.mails[0]["In-Reply-To"] == f"<{KEY}-firing-email@example.org>"


async def test_hostile_labels_add_no_header_and_no_markup() -> None:
    labels = {"service": HOSTILE, "a\r\nBcc": HOSTILE}
    hostile = message(
        labels=labels, query=HOSTILE, alertname=HOSTILE, why=HOSTILE,
        annotations={"summary": HOSTILE}, key=f"{HOSTILE}-firing-email",
        handle={"message_id": "<a>\r\nBcc: b@example.org", "subject": "a\r\nBcc: c@example.org"},
    )  # fmt: skip
    async with mail_server() as server:
        await sent(through(server, sender_name='A "b" <c>'), hostile)
        await sent(through(server), replace(hostile, status="resolved", text=(HOSTILE, HOSTILE)))

    for mail in server.mails:
        assert mail["Bcc"] is None
        page = part(mail, "text/html")
        assert "<script>" not in page
        assert "&lt;!channel&gt;" in page
        assert "{{7*7}}" in page, "a label is no template"
        assert re.fullmatch(r"<[0-9a-f]{40}@example.org>", mail["Message-ID"])
    assert [len(envelope.rcpt_tos) for envelope in server.envelopes] == [2, 2]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_tls_and_login(tls: Literal["starttls", "implicit"]) -> None:
    secure: dict[str, object] = {"tls": tls, "username": USER, "password": PASSWORD}
    async with mail_server(tls, needs_login=True) as server:
        ca = str(CERTIFICATES / "ca.crt")
        await sent(through(server, **secure, ca_file=ca), message())
        wrong = await failure(through(server, **{**secure, "password": "s3cr3t"}, ca_file=ca))
        unknown = await failure(through(server, **secure))
        other = await failure(through(server, **secure, ca_file=ca, host="ip6-localhost"))
        nothing = await failure(through(server, **secure, ca_file="/nowhere/ca.crt"))

    assert len(server.mails) == 1
    assert set(server.logins) == {USER}
    assert (wrong.reason, wrong.is_permanent) == ("rejected", True)
    assert (unknown.reason, unknown.is_permanent) == ("tls", False)
    assert other.reason in ("tls", "unreachable"), "that name does not stand in the certificate"
    assert (nothing.reason, nothing.is_permanent) == ("tls", False)
    assert "/nowhere/ca.crt: No such file" in str(nothing)


async def test_without_the_tls_that_is_configured_nothing_is_said() -> None:
    async with mail_server("none") as server:
        error = await failure(
            through(server, tls="starttls", username=USER, password=PASSWORD), message()
        )

    assert (error.reason, error.is_permanent) == ("tls", False)
    assert (server.mails, server.logins) == ([], [])


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "is_permanent"),
    [
        ("451 4.3.2 too busy", False),
        ("450 4.2.0 greylisted", False),
        ("452 4.2.2 over quota", False),
        ("550 5.1.1 no such user", True),
        ("554 5.7.1 spam", True),
    ],
)
async def test_what_each_reply_means(
    step: Literal["MAIL", "RCPT", "DATA"], reply: str, is_permanent: bool
) -> None:
    async with mail_server() as server:
        server.replies[step] = reply
        error = await failure(through(server), message())

    assert error.is_permanent is is_permanent
    assert error.reason == ("rejected" if is_permanent else "server_error")
    assert reply[:3] in str(error)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_up_is_tried_again(step: Literal["MAIL", "RCPT", "DATA"]) -> None:
    async with mail_server() as server:
        server.replies[step] = "421 4.3.2 shutting down"
        error = await failure(through(server), message())

    assert not error.is_permanent


@pytest.mark.parametrize(
    "repeated",
    [
        PASSWORD,
        base64.b64encode(PASSWORD.encode()),
        base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()),
    ],
)
async def test_a_reply_that_repeats_the_password_does_not_spread_it(repeated: str | bytes) -> None:
    said = repeated if isinstance(repeated, str) else repeated.decode()
    async with mail_server("implicit", needs_login=True) as server:
        server.replies["MAIL"] = f"450 who is {said}?"
        ca = str(CERTIFICATES / "ca.crt")
        made = through(server, tls="implicit", username=USER, password=PASSWORD, ca_file=ca)
        error = await failure(made, message())

    assert str(error) == "the server cannot take it now: 450 who is <hidden>?"


async def test_some_refused_recipients_are_told_and_the_others_get_it() -> None:
    async with mail_server() as server:
        server.refused["db@example.org"] = "550 5.1.1 no such user"
        receipt = await sent(through(server), message())

    assert server.envelopes[0].rcpt_tos == ["ops@example.org"]
    assert receipt.detail == (
        "250 2.0.0 queued as 4F2A, but refused: db@example.org (550 5.1.1 no such user)"
    )


async def test_refusals_of_all_are_final_only_if_each_is() -> None:
    async with mail_server() as server:
        server.refused = {TO[0]: "550 no such user", TO[1]: "450 greylisted"}
        mixed = await failure(through(server), message())
        server.refused[TO[1]] = "551 moved"
        final = await failure(through(server), message())

    assert (mixed.is_permanent, final.is_permanent) == (False, True)
    assert "ops@example.org" in str(final)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"recipients": []}, "found an empty list"),
        ({"recipients": ["a@b\r\nBcc: c@d"]}, "pattern"),
        ({"sender": "nobody"}, "pattern"),
        ({"sender_name": "a\nb"}, "control character"),
        ({"username": "a"}, "found username alone; it needs password"),
        ({"password": "a"}, "found password alone; it needs username"),
        ({"username": "a", "password": "b", "tls": "none"}, "found none beside a password"),
        ({"host": "a b"}, "pattern"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, object], problem: str) -> None:
    good = {"host": "smtp.example.org", "sender": "a@example.org", "recipients": TO}
    with pytest.raises(ValidationError, match=problem):
        channel(kind="email", **{**good, **settings})
