"""The whole daemon in front of a chat, a pager and mailboxes: what people see of one incident."""

import json
from pathlib import Path

from tests.webhook.standins.mail import mail_server
from tests.webhook.standins.pagerduty import ROUTING_KEY, pagerduty
from tests.webhook.standins.slack import TOKEN, slack
from tests.webhook.test_webhook_service import running


async def test_an_incident_is_one_message_one_alert_and_one_thread(tmp_path: Path) -> None:
    async with slack() as chat, pagerduty() as pager, mail_server() as mailbox:
        channels = [
            {"kind": "slack", "bot_token": TOKEN, "channel": "#ops", "api_url": chat.api_url},
            {"kind": "pagerduty", "routing_key": ROUTING_KEY, "url": pager.url},
            {
                **{"kind": "email", "host": "127.0.0.1", "port": mailbox.port, "tls": "none"},
                **{"sender": "alerts@example.org", "recipients": ["ops@example.org"]},
            },
        ]
        config = tmp_path / "webhook.yml"
        config.write_text(
            f"store: {{url: 'sqlite:///{tmp_path}/webhook.db'}}\n"
            "external_url: https://alerts.example.org\n"
            f"channels: {json.dumps(channels)}\n"
        )
        async with running(config) as site:
            assert await site.fires("a") == 200
            heard = [await side.heard.get() for side in (chat, pager, mailbox)]
            assert heard[:2] == ["posted", "trigger"]
            assert len(pager.open) == 1
            assert await site.resolves("a") == 200
            assert [await chat.heard.get(), await chat.heard.get()] == ["updated", "posted"]
            assert await pager.heard.get() == "resolve"
            await mailbox.heard.get()

    assert pager.open == set()
    assert len(pager.pages) == 1
    original, answer = chat.messages.items()
    assert original[1]["blocks"][0]["text"]["text"].startswith("✅ RESOLVED")
    assert answer[1]["thread_ts"] == original[0]
    first, last = mailbox.mails
    assert last["In-Reply-To"] == first["Message-ID"]
    assert last["Subject"] == first["Subject"]
