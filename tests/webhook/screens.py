"""Pictures of every kind of message for docs/images: python -m tests.webhook.screens docs/images.

Mail as a browser shows it, and Slack's blocks in about the way that Slack does; both are what the
channels send. Needs chromium, matplotlib and a font with emoji.
"""

import base64
import html
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from webhook.adapters.chart import Subject, draw
from webhook.channels.emailtext import html as mail_page
from webhook.channels.present import present
from webhook.channels.samples import SAMPLES, Sample, sample
from webhook.channels.slackblocks import laid_out
from webhook.core.facts import Links
from webhook.core.message import Message

NOW = 1_795_258_405.0  # 21 November 2026, 10:53:25 UTC
_BASE = "https://alerts.example.org"
_LINKS = Links(
    incident=f"{_BASE}/incidents/7",
    graph="https://prometheus.example.org/graph",
    panel="https://grafana.example.org/d/anomalies",
    runbook="https://runbooks.example.org/latency",
    silence="https://alertmanager.example.org/#/silences/new",
    confirm=f"{_BASE}/feedback/token?verdict=confirmed",
    false_alarm=f"{_BASE}/feedback/token?verdict=false_alarm",
)
_WIDTH = 700


def messages() -> dict[Sample, Message]:
    """Return one message of each kind, as if they were no tests."""
    made = {kind: sample(kind, "ops", _BASE, NOW) for kind in SAMPLES}
    return {
        kind: replace(message, is_test=False, links=_LINKS, key=kind)
        for kind, message in made.items()
    }


def mail(message: Message) -> str:
    """Return the page of a mail, with its picture inside."""
    picture = ""
    if message.course is not None and message.reading is not None:
        subject = Subject(
            f"{message.query} of {message.labels['service']}",
            message.reading.unit,
            message.zone,
            message.starts_at,
            message.ends_at,
        )
        png = draw(message.course, subject)
        picture = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return mail_page(present(message, NOW), picture)


def slack(message: Message) -> str:
    """Return a page that shows a message's blocks."""
    fields: Any = laid_out(present(message, NOW), is_interactive=True).fields
    (attachment,) = fields["attachments"]
    inner = "".join(map(_block, attachment["blocks"]))
    head = "".join(map(_block, fields["blocks"]))
    return (
        "<body style='margin:0;padding:14px 20px;font:15px/1.45 Lato,DejaVu Sans,sans-serif;"
        "color:#1d1c1d;background:#fff'><b>Anomaly alerts</b> "
        "<small style='background:#eee;padding:1px 3px;color:#616061'>APP</small>"
        f"{head}<div style='border-left:4px solid {attachment['color']};padding-left:12px'>"
        f"{inner}</div></body>"
    )


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            text = html.escape(block["text"]["text"])
            return f"<div style='font-size:18px;font-weight:700;padding:4px 0 8px'>{text}</div>"
        case "section":
            return f"<div style='padding:4px 0'>{_markup(block['text']['text'])}</div>"
        case "context":
            text = _markup(block["elements"][0]["text"])
            return f"<div style='font-size:12px;color:#616061;padding:4px 0'>{text}</div>"
    return f"<div style='padding:4px 0'>{''.join(map(_button, block['elements']))}</div>"


def _button(button: dict[str, Any]) -> str:
    colour = {"primary": "#007a5a", "danger": "#e01e5a"}.get(button.get("style", ""), "#1d1c1d")
    return (
        f"<span style='display:inline-block;border:1px solid {colour}66;border-radius:4px;"
        f"padding:4px 12px;margin:0 8px 6px 0;font-weight:700;font-size:13px;color:{colour}'>"
        f"{html.escape(button['text']['text'])}</span>"
    )


def _markup(text: str) -> str:
    """Return Slack's markup as HTML: it is escaped already, and only *bold* is used."""
    return re.sub(r"^\*(\w+)\*", r"<b>\1</b>", text, flags=re.M).replace("\n", "<br>")


def shoot(page: str, target: Path, height: int, *, is_dark: bool = False) -> None:
    """Write a picture of a page."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        dark = ["--blink-settings=preferredColorScheme=0"] if is_dark else []
        subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *dark,
                f"--user-data-dir={folder}/profile",
                f"--window-size={_WIDTH},{height}",
                f"--screenshot={target}",
                file.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
    # A quarter of the bytes, and no difference to the eye.
    Image.open(target).quantize(200).save(target, optimize=True)


_MAIL_HEIGHTS = {"firing": 680, "warning": 695, "resolved": 680, "digest": 330, "forecast": 400}
_SLACK_HEIGHTS = {"firing": 370, "warning": 370, "resolved": 370, "digest": 310, "forecast": 350}


def main(folder: Path) -> None:
    """Write a picture per kind of message, for mail and Slack."""
    for kind, message in messages().items():
        shoot(mail(message), folder / f"mail-{kind}.png", _MAIL_HEIGHTS[kind])
        shoot(slack(message), folder / f"slack-{kind}.png", _SLACK_HEIGHTS[kind])
    dark = messages()["firing"]
    shoot(mail(dark), folder / "mail-dark.png", _MAIL_HEIGHTS["firing"], is_dark=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
