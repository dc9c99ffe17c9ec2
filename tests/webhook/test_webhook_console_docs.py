"""The page about the console says what holds."""

import re
from pathlib import Path

from webhook.config import load_config
from webhook.core.guesses import OF_ADDRESS, OF_BOTH, OF_USER, SECONDS
from webhook.overseeing import KEPT_SECONDS, PARTS_SECONDS
from webhook.settings.console import ConsoleConfig
from webhook.web.shell import REFRESH_SECONDS, SECTIONS
from webhook.web.timelinesvg import MOST_LANES
from webhook.web.visit import SESSION_SECONDS

PAGE = Path("docs/webhook-console.md").read_text("utf-8")
WORDS = {5: "five"}


def test_keys_and_their_example() -> None:
    for name in ConsoleConfig.model_fields:
        assert f"`console.{name}`" in PAGE
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    assert load_config(example, "webhook.yml").console.anonymous == "read"
    assert ConsoleConfig().anonymous == "none"


def test_numbers() -> None:
    text = " ".join(PAGE.split())
    assert f"{WORDS[OF_BOTH]} wrong passwords of a user from one address" in text
    assert f"{OF_USER} of a user from anywhere, or {OF_ADDRESS} from one address" in text
    assert f"within {WORDS[int(SECONDS / 60)]} minutes" in text
    assert f"A session lasts {SESSION_SECONDS / 3600:.0f} hours" in text
    assert f"every {REFRESH_SECONDS} seconds" in text
    assert f"for {PARTS_SECONDS} seconds at most" in text
    assert f"within {KEPT_SECONDS:.0f} seconds" in text
    assert f"the worst {MOST_LANES}" in text


def test_every_page_of_the_navigation() -> None:
    for _, address in SECTIONS.values():
        assert f"`/{address}`" in PAGE
