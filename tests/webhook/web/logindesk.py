"""A page with one button behind a login, and somebody who sits before it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from promkit.clock import ManualClock
from promkit.errors import SecretUnavailable
from promkit.webconfig import WebConfigFile
from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW
from webhook.adapters.schema import audit
from webhook.adapters.store import Store
from webhook.core.tokens import Key
from webhook.web.login import Logins, add_login
from webhook.web.session import checked_form, csrf_field, may_write, person
from webhook.web.shell import page
from webhook.web.visit import Console, InForce, add_console

HTML = {"Accept": "text/html,application/xhtml+xml"}
OPS = {"Authorization": aiohttp.encode_basic_auth("ops", "right")}


def hashed(password: bytes) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()


HASH = hashed(b"right")


@dataclass
class Desk:
    """A page with one button, behind a login."""

    client: Any
    clock: ManualClock
    store: Store
    file: Path
    settings: InForce
    has_keys: bool = True
    pressed: int = 0

    async def get(self, path: str = "/", **more: Any) -> aiohttp.ClientResponse:
        options = {"headers": HTML, "allow_redirects": False} | more
        answer: aiohttp.ClientResponse = await self.client.get(path, **options)
        return answer

    async def press(self, path: str | URL, token: str | None = None, **fields: str) -> Any:
        data = fields | ({} if token is None else {"form_token": token})
        return await self.client.post(path, data=data, headers=HTML, allow_redirects=False)

    async def token(self, path: str) -> str:
        found = re.findall(
            r'name="form_token" value="([^"]+)"', await (await self.get(path)).text()
        )
        return str(found[-1])

    async def log_in(self, password: str = "right", user: str = "ops", to: str = "") -> Any:
        path = f"/login?to={to}" if to else "/login"
        return await self.press(path, await self.token(path), user=user, password=password)

    def users(self, text_of_users: str) -> None:
        self.file.write_text(f"basic_auth_users: {{{text_of_users}}}\n")

    async def audited(self) -> list[tuple[str, str, str]]:
        found = await rows(self.store, audit)
        return [(row.action, row.actor, row.detail) for row in found]


@asynccontextmanager
async def serving(store: Store, folder: Path, has_users: bool = True) -> AsyncIterator[Desk]:
    desk: Desk

    async def keys() -> tuple[Key, ...]:
        if not desk.has_keys:
            raise SecretUnavailable(Path("secret"), "is empty")
        return (Key(b"signs what browsers carry"),)

    async def show(request: web.Request) -> web.Response:
        words = f"{person(request) or 'nobody'} {'writes' if may_write(request) else 'reads'}"
        return page(request, "A page", words + csrf_field(request), refreshes=True)

    async def press(request: web.Request) -> web.Response:
        await checked_form(request)
        desk.pressed += 1
        return web.Response(text="done")

    async def data(request: web.Request) -> web.Response:
        return web.json_response({"person": person(request)})

    app = web.Application()
    clock = ManualClock(NOW)
    add_console(app, Console(clock, keys, lambda: desk.settings))
    add_login(app, Logins(store))
    app.router.add_get("/", show)
    app.router.add_get("/deep/page", show)
    app.router.add_post("/", press)
    for path in ("/api/v1/data", "/metrics", "/-/healthy"):
        app.router.add_route("*", path, data)
    file = folder / "web.yml"
    file.write_text(f"basic_auth_users: {{ops: '{HASH}'}}\n" if has_users else "")
    WebConfigFile(file).protect(app)
    # Cookies of an address without a name are what a browser would send, too.
    jar = aiohttp.CookieJar(unsafe=True)
    async with TestClient(TestServer(app), cookie_jar=jar) as client:
        desk = Desk(client, clock, store, file, InForce("https://a.example.org", "UTC"))
        yield desk
