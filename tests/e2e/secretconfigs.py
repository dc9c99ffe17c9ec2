"""Configurations of the webhook with every secret that it can have."""

import base64
import json
from pathlib import Path

from tests.e2e.canaries import Words
from tests.e2e.echo import CERTS, Echo, Mode


class Secrets:
    """Files that each hold a secret, and the configuration of a webhook that has every kind."""

    def __init__(self, folder: Path, outside: Path, echo: Echo, refused: int) -> None:
        self.words = Words()
        self.password = self.words.new("web_password")
        self._folder, self._outside, self._echo, self._refused = folder, outside, echo, refused
        key = (CERTS / "client.key").read_text()
        self.words.made["tls_key"] = key.splitlines()[1]
        self.tls = (
            f"{{ca_file: {CERTS}/ca.crt, cert_file: {CERTS}/client.crt, "
            f"key_file: {self.file('key', key)}}}"
        )
        self._signing = base64.b64encode(self.words.new("signing", 32).encode()).decode()
        self.words.made["signing_key"] = self._signing
        self._links = self.file("link_secret", self.words.new("link_secret", 40))
        self._slack = self.file("slack_signing")

    def file(self, name: str, text: str = "") -> Path:
        path = self._folder / name
        path.write_text(text or self.words.new(name))
        return path

    def webhook(self, mode: Mode) -> str:
        """Return the configuration, with everybody else behaving in a mode from now on."""
        self._echo.behave(mode)
        words, base = self.words, self._echo.address(self._refused)
        scheme, host = base.split("://")
        basic = f"basic_auth: {{username: u, password: {words.new('source_password')}}}"
        bearer = f"authorization: {{credentials_file: {self.file('source_bearer')}}}"
        header = f"headers: {{X-Token: {words.new('source_header')}}}"
        source = f"{scheme}://u:{words.new('source_userinfo')}@{host}/prefix"
        return (
            f"store: {{url: 'sqlite:///{self._outside}/webhook.db'}}\n"
            f"channels: {json.dumps(self._channels(mode, base))}\n"
            f"prometheus: {{url: '{source}', tls_config: {self.tls}, {basic}, {header}}}\n"
            f"alertmanager: {{url: '{base}', tls_config: {self.tls}, {bearer}}}\n"
            f"feedback: {{secret_file: {self._links}, slack_signing_secret_file: {self._slack}}}\n"
            "throttle: {per_metric_and_severity: null, total: null, flapping: null}\n"
            "correlation: null\nreconcile: {receiver: webhook}\n"
        )

    def _channels(self, mode: Mode, base: str) -> list[dict[str, object]]:
        words = self.words
        scheme, host = base.split("://")
        place = (
            f"u:{words.new('userinfo')}@{host}/{words.new('url_token')}?key={words.new('query')}"
        )
        hook = f"{base}/services/{words.new('slack_webhook')}"
        bot = {"bot_token": words.new("slack_token"), "channel": "#a", "api_url": f"{base}/api/"}
        mail: dict[str, object] = {"host": "127.0.0.1", "tls": "implicit"}
        mail |= {"port": self._echo.mail_port(self._refused), "ca_file": f"{CERTS}/ca.crt"}
        mail |= {"username": "mailer", "password_file": str(self.file("smtp_password"))}
        mail |= {"sender": "a@example.org", "recipients": ["b@example.org"]}
        channels: dict[str, dict[str, object]] = {
            "log": {},
            "words": {"kind": "log", "style": "words"},
            "webhook": {"url": f"{scheme}://{place}", "signing_secret": f"whsec_{self._signing}"},
            "slack": {"webhook_url": hook},
            "bot": {"kind": "slack", **bot},
            "pagerduty": {"routing_key": words.new("routing_key", 32), "url": base},
            "teams": {"url": f"{base}/workflows/a?sig={words.new('teams_signature')}"},
            "email": mail,
            "apprise": {"urls": [f"json://u:{words.new('apprise')}@{host}/"]},
        }
        return [
            {"kind": name, **channel, "name": f"{name}_{mode}"}
            for name, channel in channels.items()
        ]
