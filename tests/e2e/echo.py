"""Somebody who answers with all that they were sent: no error page can do worse."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer
from typing import Literal

CERTS = Path(__file__).parents[1] / "promkit" / "certs"
Mode = Literal["refused", "denied", "failing", "tls", "silent", "fine"]
"""How the other side behaves, and where it is: behind TLS that it does not speak, or nowhere."""

_LONGEST = 30.0
_SAID_TO_A_LOGIN = {"denied": "535 5.7.8", "failing": "454 4.7.0"}


class Echo:
    """Speaks HTTP on one port and SMTP, within TLS, on another; behaves as it is told to."""

    def __init__(self) -> None:
        self.mode: Mode = "fine"
        self._moved_on = threading.Event()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(CERTS / "server.crt", CERTS / "server.key")
        self._servers: list[BaseServer] = []
        self.port = self._listen(ThreadingHTTPServer(("127.0.0.1", 0), _http(self)))
        mail = ThreadingTCPServer(("127.0.0.1", 0), _smtp(self, tls))
        self._mail_port = self._listen(mail)

    def _listen(self, server: ThreadingHTTPServer | ThreadingTCPServer) -> int:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._servers.append(server)
        return int(server.server_address[1])

    def behave(self, mode: Mode) -> None:
        """Let go of whom we were silent to, and behave like that from now on."""
        self._moved_on.set()
        self._moved_on.clear()
        self.mode = mode

    def address(self, refused: int) -> str:
        """Return where to be found; `refused` is a port that nobody listens on."""
        port = refused if self.mode == "refused" else self.port
        return f"{'https' if self.mode == 'tls' else 'http'}://127.0.0.1:{port}"

    def mail_port(self, refused: int) -> int:
        """Return where to be found for mail."""
        return {"refused": refused, "tls": self.port}.get(self.mode, self._mail_port)

    def hesitate(self) -> None:
        """Say nothing until we behave otherwise, if we are silent."""
        if self.mode == "silent":
            self._moved_on.wait(_LONGEST)

    def close(self) -> None:
        self._moved_on.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()


def _http(echo: Echo) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            if echo.mode != "tls":
                super().handle()
            elif self.connection.recv(1):
                self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length).decode("utf-8", "replace")
            echo.hesitate()
            status = 401 if echo.mode == "denied" else 200
            told = f"{self.path}\n{self.headers}\n{sent}"
            if echo.mode == "failing":
                told = json.dumps({"ok": False, "error": told})
            elif status == 200:
                told = json.dumps({"ok": True, "status": "success", "message": told})
            self.send_response(status)
            self.send_header("Content-Length", str(len(told.encode())))
            self.end_headers()
            self.wfile.write(told.encode())

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _smtp(echo: Echo, tls: ssl.SSLContext) -> type[StreamRequestHandler]:
    class Handler(StreamRequestHandler):
        def setup(self) -> None:
            self.request = tls.wrap_socket(self.request, server_side=True)
            super().setup()

        def handle(self) -> None:
            echo.hesitate()
            self._say("220 echo.test ESMTP")
            heard, is_content = "", False
            for raw in self.rfile:
                line = raw.decode("utf-8", "replace").rstrip()
                if is_content and line != ".":
                    continue
                heard += f" {line}"
                is_content = line == "DATA"
                match line.split(" ")[0]:
                    case "EHLO":
                        self._say("250-echo.test\r\n250 AUTH PLAIN LOGIN")
                    case "AUTH" if echo.mode in _SAID_TO_A_LOGIN:
                        self._say(f"{_SAID_TO_A_LOGIN[echo.mode]} {heard}")
                    case "AUTH":
                        self._say(f"235 2.7.0 {heard}")
                    case "DATA":
                        self._say("354 go on")
                    case "QUIT":
                        self._say("221 bye")
                        return
                    case _:
                        self._say(f"250 {heard}")

        def finish(self) -> None:
            super().finish()
            self.request.close()  # the server knows only what is beneath TLS

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    return Handler
