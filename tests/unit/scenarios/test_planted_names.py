"""Planted names, and a port that no other server has at any of several addresses."""

import errno
import socket
import sys

import pytest

from harness_scenarios.parts import planted_names

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is Linux")


def test_a_bound_port_refuses_at_each_address_and_cannot_be_taken():
    """So no connection of a question reaches a server of another process."""
    with planted_names.bind_port(HOSTS) as sockets:
        addresses = [sock.getsockname() for sock in sockets]
        for address in addresses:
            with socket.socket() as client, socket.socket() as server:
                assert client.connect_ex(address) == errno.ECONNREFUSED
                with pytest.raises(OSError, match="in use"):
                    server.bind(address)
    assert [host for host, _ in addresses] == list(HOSTS)
    assert len({port for _, port in addresses}) == 1


def test_another_port_is_tried_where_one_is_taken_at_a_later_address(monkeypatch):
    """The first port that the system gives out is that of a server at the second address."""
    given = []

    class Socket(socket.socket):
        def bind(self, address):
            super().bind(address if given else (address[0], taken))
            given.append(address[0])

    with planted_names.bind_port(HOSTS[:2]) as (first, _other_server):
        taken = first.getsockname()[1]
        first.close()
        monkeypatch.setattr(planted_names.socket, "socket", Socket)
        with planted_names.bind_port(HOSTS) as sockets:
            assert sockets[0].getsockname()[1] != taken
    assert given == [HOSTS[0], *HOSTS]


def test_an_address_that_the_computer_lacks_is_no_busy_port():
    """192.0.2.0/24 is for documentation."""
    assert planted_names.has_addresses(HOSTS)
    assert not planted_names.has_addresses((*HOSTS, "192.0.2.1"))
