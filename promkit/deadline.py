"""How is an HTTP answer bounded in time as a whole, rather than from one byte to the next?

The timeout of a socket starts anew with every byte, so a server that drips, be it in the headers
or in the body, holds a caller of requests for as long as it likes.
"""

import http.client
import io
import socket
import time
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


def bound_whole_answers(session: requests.Session) -> None:
    """Let the read timeout of every request of this session bound its whole answer."""
    pools = {"http": _PlainPool, "https": _TlsPool}
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            managers: list[urllib3.PoolManager] = [adapter.poolmanager]
            managers += [adapter.proxy_manager_for(proxy) for proxy in session.proxies.values()]
            for manager in managers:
                manager.pool_classes_by_scheme = pools


class _BoundedReader(io.RawIOBase):
    """A socket's stream that gives every read only what is left of the time for all."""

    def __init__(self, stream: io.RawIOBase, sock: socket.socket, seconds: float) -> None:
        self._stream = stream
        self._socket = sock
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds is not None:
            self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock, seconds))


class _PlainConnection(HTTPConnection):
    response_class = _BoundedResponse


class _TlsConnection(HTTPSConnection):
    response_class = _BoundedResponse


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
