"""How is a JSON document fetched so that no server can hold us up or fill our memory?"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from promkit.deadline import bound_whole_answers
from promkit.errors import SecretUnavailable
from promkit.traces import trace_headers
from webhook.errors import LookupFailed

MAX_BYTES = 64 * 2**20
_PIECE = 1 << 16
_CONNECT_SECONDS = 3.0
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class JsonSource:
    """GET requests against one base URL.

    Parameters
    ----------
    url : base URL, of the configuration and never of an alert
    session : carries credentials, TLS and headers; its answers become bounded in time
    seconds : for one whole answer
    max_bytes : of one answer
    """

    def __init__(
        self,
        url: str,
        session: requests.Session,
        *,
        seconds: float = 10.0,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        bound_whole_answers(session)
        self._url = url.rstrip("/")
        # Without user name, password and path, which may be secrets.
        self.address = urlsplit(url).netloc.rpartition("@")[2]
        self._session = session
        self._seconds = seconds
        self._max_bytes = max_bytes

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """Return the decoded answer; call it in a thread.

        Raises
        ------
        LookupFailed
            If there is no complete answer with status 200 in time, or it is no JSON.
        """
        try:
            with self._session.get(
                self._url + path,
                params=parameters,
                headers={**_HEADERS, **trace_headers()},
                timeout=(_CONNECT_SECONDS, self._seconds),
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = self._read(answer)
        except SecretUnavailable as error:
            raise LookupFailed("secret", f"{self.address}{path}: {error}") from None
        except (RequestException, HTTPError, OSError) as error:
            raise LookupFailed(
                "unavailable", f"{self.address}{path} does not answer ({type(error).__name__})"
            ) from None
        if answer.status_code != requests.codes.ok:
            is_theirs = answer.status_code >= requests.codes.internal_server_error
            raise LookupFailed(
                "unavailable" if is_theirs else "rejected",
                f"{self.address}{path} answered with HTTP {answer.status_code}",
            )
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise LookupFailed("bad_answer", f"{self.address}{path} is no JSON") from None

    def _read(self, answer: requests.Response) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in answer.iter_content(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > self._max_bytes:
                raise LookupFailed(
                    "bad_answer", f"{self.address} sends more than {self._max_bytes} bytes"
                )
        return b"".join(pieces)
