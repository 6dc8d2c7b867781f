"""Servers: `socketserver.ThreadingTCPServer`, a thread for each connection."""

from __future__ import annotations

import socketserver
import sys
import threading
from typing import Any

from harness.api import Handler, UnhandledReport

from .scopes import Task, here
from .streams import ByteStream
from .structure import drive


class _TcpServer(socketserver.ThreadingTCPServer):
    """The server of the standard library; only its handling of a request is ours."""

    def __init__(
        self, address: tuple[str, int], backlog: int | None, handler: Handler, unhandled: UnhandledReport
    ) -> None:
        self._handler = handler
        self._unhandled = unhandled
        self._closing = threading.Lock()
        if backlog is not None:
            self.request_queue_size = backlog
        super().__init__(address, socketserver.BaseRequestHandler)

    def finish_request(self, request: Any, client_address: object) -> None:
        """Run the handler in this thread, which serves this connection only."""
        here.task = task = Task(f"handler of {client_address}")
        try:
            drive(self._handler(ByteStream(request, shutdown=False)))
        finally:
            del here.task
            task.close()

    def handle_error(self, request: Any, client_address: object) -> None:
        """Report it, and print it as the server does."""
        self._unhandled(sys.exception(), f"in the handler of {client_address}")
        super().handle_error(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection as the server does, unless the handler has closed it."""
        if request.fileno() != -1:
            super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the socket and join the threads of the handlers."""
        self.close_socket()
        super().server_close()

    def close_socket(self) -> None:
        """Close the listening socket; it is closed when this returns, whichever thread was the first to close it.

        `socket.close` returns at once where another thread is closing the socket, which listens until that has ended.
        """
        with self._closing:
            self.socket.close()

    def service_actions(self) -> None:
        """Look for a cancellation of the task that serves; the server calls this between requests."""
        here.task.check()


class Server:
    """A `ThreadingTCPServer`. It looks twice a second whether it is to stop, which is its default."""

    __slots__ = ("_server", "_serves", "address")

    def __init__(self, server: _TcpServer) -> None:
        self._server = server
        self._serves = False
        host, port, *_ = server.server_address
        self.address: tuple[str, int] = (str(host), int(port))

    async def serve_forever(self) -> None:
        """`BaseServer.serve_forever`, in this thread."""
        self._serves = True
        try:
            self._server.serve_forever()
        finally:
            self._server.close_socket()

    async def close(self) -> None:
        """`BaseServer.shutdown`, which waits until the serving thread has noticed, and close the socket."""
        if self._serves:
            self._server.shutdown()
        self._server.close_socket()

    async def wait_closed(self) -> None:
        """`ThreadingMixIn.server_close`, which joins the threads of the handlers."""
        self._server.server_close()


class Servers:
    """Servers on `socketserver`."""

    def __init__(self, unhandled: UnhandledReport) -> None:
        self._unhandled = unhandled

    async def start_server(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> Server:
        """`ThreadingTCPServer(address, handler)`, with its default backlog of 5."""
        return Server(_TcpServer((host, port), backlog, handler, self._unhandled))
