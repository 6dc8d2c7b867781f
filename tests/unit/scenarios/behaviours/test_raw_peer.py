"""The neutral peer does what it says, on whatever runtime it polls."""

import asyncio
import socket

import pytest

from harness_scenarios.behaviours.raw_peer import Link, RawListener, RawPeer, ReservedPort, dial


class Polling:
    """As much of a runtime as a peer needs."""

    sleep = staticmethod(asyncio.sleep)


@pytest.fixture
def ends():
    """Return two connected peers, and close them."""
    with RawListener() as listener:
        near = RawPeer(socket.create_connection(listener.address))
        far = listener.accept()
    yield near, far
    near.close()
    far.close()


def receive(peer, count=1 << 62):
    received = asyncio.run(peer.receive(Polling, count))
    return received.head, received.end


def test_peer_receives_what_is_sent(ends):
    """Bytes arrive, and the connection is left open."""
    near, far = ends
    near.send(b"hello")
    assert receive(far, 5) == (b"hello", "stays open")


def test_peer_that_gets_nothing_stops_waiting(ends):
    """A silent connection is said to stay open."""
    _, far = ends
    assert receive(far) == (b"", "stays open")


@pytest.mark.parametrize(
    ("way", "end"), [("send_eof", "end of stream"), ("close", "end of stream"), ("reset", "reset")]
)
def test_peer_sees_how_the_other_ends(ends, way, end):
    """Half-close and close are an end of stream, a reset is none."""
    near, far = ends
    near.send(b"bye")
    getattr(near, way)()
    assert receive(far) == (b"bye", end)


def test_reset_and_close_twice_do_nothing(ends):
    """A peer can be ended again in whatever state it is."""
    near, _ = ends
    near.reset()
    near.reset()
    near.close()


def test_sending_to_one_that_has_reset_is_silent(ends):
    """What is cut takes bytes for nothing."""
    near, far = ends
    far.reset()
    near.send(b"anybody?")
    near.send(b"anybody?")


def test_reserved_port_refuses():
    """Nobody listens at a reserved port, and nobody else can take it."""
    with ReservedPort() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


class Runtime(Polling):
    """A runtime whose streams are raw peers."""

    def __init__(self):
        self.made = []

    async def connect(self, host, port):
        peer = RawPeer(socket.create_connection((host, port)))

        class Stream:
            async def abort(self):
                peer.reset()
                raise RuntimeError("cannot even abort")

        self.made.append(peer)
        return Stream()


def test_link_ends_both_ends():
    """Behind the block both ends are closed, even if the runtime fails to abort; the answer is not lost."""
    runtime = Runtime()

    async def use():
        async with Link(runtime) as (_, peer):
            peer.send(b"x")
            return peer

    peer = asyncio.run(use())
    assert peer._socket.fileno() == runtime.made[0]._socket.fileno() == -1


def test_dial_reaches_a_listener():
    """The kernel completes a connection that nobody has accepted yet."""
    with RawListener() as listener:
        near = dial(listener)
        far = listener.accept()
    near.send(b"early")
    assert receive(far, 5) == (b"early", "stays open")
    near.close()
    far.close()
