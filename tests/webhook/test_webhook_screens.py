"""The pictures in docs can be drawn anew: every kind of message makes a page."""

import html

import pytest

from tests.webhook.screens import NOW, mail, messages, slack
from webhook.channels.present import present
from webhook.channels.samples import SAMPLES, Sample


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_kind_makes_a_page(kind: Sample) -> None:
    message = messages()[kind]
    title = html.escape(present(message, NOW).title)

    assert title in mail(message)
    assert title in slack(message)
