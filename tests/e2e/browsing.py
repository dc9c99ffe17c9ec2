"""How does a page look and work for people? In Chromium, on a desk and on a phone."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Page

Scheme = Literal["light", "dark"]

SCREENS = {"desktop": (1280, 900), "phone": (360, 740)}
SCHEMES: tuple[Scheme, Scheme] = ("light", "dark")

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()

# Where pictures of pages go when somebody wants them anew: docs/images.
_PICTURES = os.environ.get("SCREENSHOTS", "")


def context_of(
    browser: Browser, screen: str, scheme: Scheme, cookies: list[Any] | None = None
) -> BrowserContext:
    """Return a browser window of its own, logged in where cookies of another one are given."""
    width, height = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        is_mobile=screen == "phone",
        has_touch=screen == "phone",
    )
    context.add_cookies(cookies or [])
    return context


def violations(page: Page) -> list[str]:
    """Return what axe says is in the way of people, with the elements that it is about."""
    page.evaluate(_AXE)
    found = page.evaluate("axe.run().then(said => said.violations)")
    return [
        f"{page.url}: {one['id']} ({one['help']}): {node['html'][:200]}"
        for one in found
        for node in one["nodes"]
    ]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the screen."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def picture(page: Page, name: str) -> None:
    """Take a picture of the page for the docs, if somebody asked for them."""
    if _PICTURES:
        page.screenshot(path=Path(_PICTURES) / f"{name}.png", full_page=True)
