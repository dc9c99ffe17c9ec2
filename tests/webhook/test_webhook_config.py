"""What the configuration file may say, and what a wrong one is told."""

from pathlib import Path

import pytest

from promkit.errors import ConfigProblems
from webhook.adapters.sqlite import SqliteFile
from webhook.channels.log import LogChannel
from webhook.channels.webhook import WebhookChannel
from webhook.config import load_config

DAY = 86_400.0


def test_an_empty_file_logs_everything() -> None:
    config = load_config("", "webhook.yml")

    assert config.channels == (LogChannel(),)
    assert config.store.database == SqliteFile(Path("data/webhook.db"))
    assert config.store.retention == 90 * DAY
    assert config.external_url == "http://localhost:9854"
    assert config.routing.route({"severity": "info"}, {}).channels == ("log",)


def test_every_key(tmp_path: Path) -> None:
    config = load_config(
        """
        store: {url: sqlite:////var/lib/webhook.db, retention: 30d, archive: archive}
        external_url: https://alerts.example.org/anomalies/
        channels:
          - {kind: log, name: journal, severities: [info, none]}
          - kind: webhook
            url_file: secrets/url
            signing_secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
        routes:
          - {matchers: ['team="db"', severity!="info"], channels: [webhook]}
        """,
        str(tmp_path / "webhook.yml"),
    )

    assert config.store.database == SqliteFile(Path("/var/lib/webhook.db"))
    assert (config.store.retention, config.store.archive) == (30 * DAY, tmp_path / "archive")
    assert config.external_url == "https://alerts.example.org/anomalies"
    journal, hook = config.channels
    assert journal.severities == frozenset({"info", "none"})
    assert isinstance(hook, WebhookChannel)
    assert (hook.name, hook.url_file) == ("webhook", tmp_path / "secrets" / "url")
    database = {"team": "db", "severity": "warning"}
    assert config.routing.route(database, {}).channels == ("webhook",)
    assert config.routing.route({}, {}).channels == ("journal", "webhook")


_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("throtle: {}", ["1: throtle: found an unknown key", "did you mean throttle"]),
        ("promethius: {url: x}", ["1: promethius: found an unknown key"]),
        ("chanels: []", ["did you mean channels"]),
        (
            "channels: [{kind: pigeon}]",
            ["1: channels[0].kind: found 'pigeon'; allowed: log, webhook"],
        ),
        ("channels: []", ["channels: found an empty list"]),
        ("channels: [{kind: log}, {kind: log}]", ["a second channel called 'log'"]),
        ("channels: [{kind: log, name: 'a b'}]", ["channels[0].name: found"]),
        ("channels: [{kind: log, severities: [Warning]}]", ["channels[0].severities[0]: found"]),
        ("channels: [{kind: webhook}]", ["channels[0].url: found neither url nor url_file"]),
        ("channels: [{kind: webhook, url: 'ftp://s3cr3t/'}]", ["allowed: http://"]),
        ("channels: [{kind: webhook, url: 'http://[s3cr3t/'}]", ["allowed: http://"]),
        ("channels: [{kind: webhook, url: 'http://a/', url_file: b}]", ["found both url and"]),
        (
            "channels: [{kind: webhook, url: 'http://a/', signing_secret: 's3cr3t!'}]",
            ["channels[0].signing_secret: found a secret that is not base64; allowed: whsec_"],
        ),
        (
            "channels: [{kind: webhook, url: 'http://a/', signing_secret: whsec_czNjcjN0}]",
            ["found a secret of 6 bytes"],
        ),
        ("routes: [{matchers: [], channels: [log]}]", ["routes[0].matchers: found an empty list"]),
        ("routes: [{matchers: ['{}'], channels: []}]", ["matchers[0]: found no matcher"]),
        ("routes: [{matchers: ['a=~\"(\"'], channels: []}]", ["no regular expression"]),
        ("routes: [{matchers: [a=b], channels: [ops]}]", ["found the channel 'ops'; allowed: log"]),
        ("store: {url: 'mysql://s/db'}", ["store.url: found", "allowed: sqlite:///"]),
        (
            "store: {url: 'postgresql://me:s3cr3t@s/db'}",
            ["store.url: found 'postgresql://me:***@s/db'; it holds a password; write it into"],
        ),
        ("store: {url: 'postgresql://s/db?password=s3cr3t'}", ["store.url", "holds a password"]),
        ("store: {url: 'postgresql://me:s3cr3t@s:x/db'}", ["found 'postgresql://me:***@s:x/db'"]),
        ("store: {url: 'postgresql+asyncpg://s/db'}", ["allowed: postgresql://user@host"]),
        ("store: {url: 'postgresql://s'}", ["it names no database; write postgresql://"]),
        ("store: {password_file: pw}", ["store.password_file: found a password for an SQLite"]),
        ("store: {url: 'nonsense'}", ["store.url: found 'nonsense'"]),
        ("store: {url: 'sqlite://'}", ["it names no file"]),
        ("store: {url: 'sqlite:///:memory:'}", ["it names no file"]),
        ("store: {retention: 5m}", ["store.retention: found 5m; allowed: 1d or more"]),
        ("external_url: alerts.example.org", ["external_url: found"]),
        ("external_url: 'http://[x'", ["external_url: found"]),
        ("external_url: 'http://user@host/?a=b'", ["external_url: found"]),
        (
            "store: {retention: 5m}\nexternal_url: x\nchannels: [{kind: log, sverities: []}]",
            ["1: store.retention", "2: external_url", "3: channels[0].sverities"],
        ),
    ],
)
def test_a_wrong_file_is_told_what_was_found_and_what_is_allowed(
    text: str, problems: list[str]
) -> None:
    with pytest.raises(ConfigProblems) as caught:
        load_config(text, "webhook.yml")

    found = str(caught.value)
    for problem in problems:
        assert problem in found
    assert len(caught.value.problems) == (3 if "\n" in text else 1), found
    assert "s3cr3t" not in found


def test_a_good_signing_secret_needs_no_prefix() -> None:
    text = f"channels: [{{kind: webhook, url: 'http://a/', signing_secret: {_KEY[6:]}}}]"

    assert load_config(text, "webhook.yml").channels[0].name == "webhook"
