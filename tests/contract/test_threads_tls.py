"""TLS on blocking sockets: one call of OpenSSL at a time, and a close that closes whatever the peer did."""

import asyncio
import socket
import threading

import pytest

from harness.api import local_certificates
from harness_threads.tls import TlsStream


class Overlap:
    """A socket that notes whether two of its calls run at once: each waits some time for another one to begin."""

    def __init__(self):
        self.running = 0
        self.overlapped = threading.Event()
        self.begun = threading.Event()

    def recv(self, max_bytes):
        self._run()
        return b""

    def send(self, data):
        self._run()
        return len(data)

    def _run(self):
        self.running += 1
        self.begun.set()
        if self.running > 1:
            self.overlapped.set()
        self.overlapped.wait(0.05)
        self.running -= 1


def test_a_send_and_a_read_are_never_in_openssl_at_once():
    """CPython releases the interpreter's lock inside both calls."""
    sock = Overlap()
    stream = TlsStream(sock, shutdown=False)
    reader = threading.Thread(target=asyncio.run, args=(stream.receive_some(1),))
    reader.start()
    sock.begun.wait()
    asyncio.run(stream.send_all(b"a"))
    reader.join()
    assert not sock.overlapped.is_set()


@pytest.fixture
def secured():
    """Return a TLS socket before its handshake, and its plain peer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours, peer = socket.create_connection(listener.getsockname()), listener.accept()[0]
    context = local_certificates().client_context()
    with context.wrap_socket(ours, server_hostname="one.test", do_handshake_on_connect=False) as sock, peer:
        yield sock, peer


def test_a_close_with_shutdown_closes_behind_a_reset(secured):
    """The kernel answers such a shutdown with ENOTCONN."""
    sock, peer = secured
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    with pytest.raises(ConnectionResetError):
        sock.do_handshake()
    with pytest.raises(OSError, match="not connected"):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    asyncio.run(TlsStream(sock, shutdown=True).aclose())
    assert sock.fileno() == -1


def test_a_close_with_shutdown_leaves_a_woken_reader_no_ciphertext(secured, monkeypatch):
    """The socket is encrypted until it is closed."""
    sock, _ = secured
    keys = []
    monkeypatch.setattr(socket.socket, "shutdown", lambda one, how: keys.append(one._sslobj))
    asyncio.run(TlsStream(sock, shutdown=True).aclose())
    assert len(keys) == 1
    assert keys[0] is not None
