"""A server that misbehaves in every way that R12 names, whatever it is asked, in HTTP or SMTP."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Literal

Fault = Literal["answer", "hang", "reset", "drip", "flood", "junk"]
_CHUNK = b"x" * 65_536
_GIGABYTE = 1_000_000_000


@dataclass
class Faulty:
    """How to answer, and what came of it."""

    fault: Fault = "answer"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    greets: bytes = b""
    """What is said before anything is asked, as SMTP does."""
    port: int = 0
    requests: int = 0
    sent: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            try:
                if not self.greets:
                    await self._request(reader)
                await self._respond(reader, writer)
            finally:
                writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.partition(b":")[2]))

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match self.fault:
            case "hang":
                await self.closing.wait()
            case "reset":
                # Closing with data pending and no linger is a RST.
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
                writer.transport.abort()
            case "junk":
                writer.write(b"\x00\xff" * 50 + b"\r\n\r\n")
                await writer.drain()
            case "drip":
                await self._stream(writer, self._head(_GIGABYTE), b"2", pause=0.02)
            case "flood":
                await self._stream(writer, self._head(_GIGABYTE), _CHUNK, pause=0.0)
            case "answer":
                writer.write(self._head(len(self.body)) + self.body)
                await writer.drain()

    def _head(self, length: int) -> bytes:
        if self.greets:
            return self.greets
        lines = [f"HTTP/1.1 {self.status} Told", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode()

    async def _stream(
        self, writer: asyncio.StreamWriter, head: bytes, chunk: bytes, pause: float
    ) -> None:
        writer.write(head)
        while self.sent < _GIGABYTE and not self.closing.is_set():
            writer.write(chunk)
            await writer.drain()
            self.sent += len(chunk)
            if pause:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self.closing.wait()


@asynccontextmanager
async def faulty(context: ssl.SSLContext | None = None) -> AsyncIterator[Faulty]:
    standin = Faulty()
    server = await asyncio.start_server(standin.serve, "127.0.0.1", 0, ssl=context)
    standin.port = server.sockets[0].getsockname()[1]
    async with server:
        try:
            yield standin
        finally:
            standin.closing.set()
