"""What only a server that closes its socket in two threads can get wrong."""

import os
import socket
import threading

import pytest

from harness.testing.clauses.servers import closed_refuses
from harness_threads.backend import ThreadsRunner
from harness_threads.servers import _TcpServer


def test_closed_refuses_while_the_serving_thread_closes(monkeypatch):
    """`close` returns when the socket is closed, not when another thread has begun to close it."""
    begun, never = threading.Event(), threading.Event()
    bind, shutdown = _TcpServer.server_bind, _TcpServer.shutdown

    class SlowToClose(socket.socket):
        """As `socket.close` is when its thread loses the processor: invalid at once, closed later."""

        def close(self):
            if (descriptor := self.detach()) != -1:
                begun.set()
                never.wait(0.2)
                os.close(descriptor)

    def bind_slow(server):
        server.socket = SlowToClose(fileno=server.socket.detach())
        bind(server)

    def shut_down(server):
        shutdown(server)
        begun.wait(10)

    monkeypatch.setattr(_TcpServer, "server_bind", bind_slow)
    monkeypatch.setattr(_TcpServer, "shutdown", shut_down)
    ThreadsRunner({}).run(closed_refuses, lambda exc, context: pytest.fail(f"{context}: {exc!r}"))
