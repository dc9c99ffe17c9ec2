"""A server on a real socket that answers each connection with whatever bytes a test yields."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[[bytes], Iterator[bytes]]


@contextmanager
def raw_server(script: Script) -> Iterator[str]:
    """Serve one answer per connection; yields the URL.

    script : gets the request and yields the answer's pieces, which are sent as they come
    """
    stopped = threading.Event()
    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                for piece in script(connection.recv(65536)):
                    connection.sendall(piece)
                    if stopped.is_set():
                        return
            except OSError:
                return  # the client has hung up, as it should

    def accept() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=answer, args=(connection,))
            thread.start()
            threads.append(thread)

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()
