"""Where connections stay that a storm's server does not answer: in its queue, unread, or read and open."""

import os
import socket
import sys
from pathlib import Path

import pytest

from harness_scenarios.storm.connection_ledger import IN_QUEUE, PLACES, READ, SERVER_STATE, UNENDED, UNREAD, UNSENT
from harness_scenarios.storm.scenario import storm
from harness_scenarios.storm.sockets import Look, describe, read_cpu_seconds, read_places

from .test_storm import HASTY, Saboteur, Wrapped, sabotage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def places_of(port):
    return sorted(read_places(Path("/proc/self/net/tcp").read_text(), port).values())


def test_the_kernel_says_where_a_connection_is():
    """Not accepted, accepted with bytes unread, and read while the server keeps it open."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        for client in clients:
            client.sendall(b"request")
            client.shutdown(socket.SHUT_WR)
        assert places_of(port) == [IN_QUEUE] * 3
        first, second = listener.accept()[0], listener.accept()[0]
        assert places_of(port) == sorted([IN_QUEUE, UNREAD, UNREAD])
        assert first.recv(100) + first.recv(100) == b"request"
        assert places_of(port) == sorted([IN_QUEUE, READ, UNREAD])
        for one in (first, second, *clients):
            one.close()
    assert places_of(port) == []


def test_other_ports_and_other_states_do_not_count():
    """The table is the whole machine's."""
    addresses = "0100007F:{local:04X} 0100007F:9C40"
    line = f" 0: {addresses} {{state}} {{unsent:08X}}:{{unread:08X}} 00:00000000 00000000 0 0 {{inode}} 1\n"
    rows = (
        {"local": 80, "state": "01", "unsent": 5, "unread": 0, "inode": 7},
        {"local": 81, "state": "01", "unsent": 5, "unread": 0, "inode": 7},
    )
    assert read_places(HEAD + "".join(line.format(**row) for row in rows), 80) == {"0100007F:9C40": UNSENT}
    for state in ("04", "05", "06", "0A"):
        assert read_places(HEAD + line.format(local=80, state=state, unsent=0, unread=9, inode=0), 80) == {}
    assert read_places("", 80) == {}


def test_only_what_stays_counts_and_idle_is_told_from_busy():
    """Of two looks; a process that is not known has no state."""
    before = Look({"a": IN_QUEUE, "b": UNREAD, "c": READ}, 1.0)
    after = Look({"a": IN_QUEUE, "b": READ, "d": READ}, 1.001)
    facts = describe(before, after, 0.25)
    assert facts[SERVER_STATE] == "idle: 0% of a CPU within 0.25 s"
    assert [facts[place] for place in PLACES] == [1, 0, 0, 0]
    assert describe(before, after._replace(cpu_seconds=1.2), 0.25)[SERVER_STATE].startswith("busy: 80%")
    assert SERVER_STATE not in describe(before, after._replace(cpu_seconds=None), 0.25)


def test_cpu_time_of_a_process():
    """Of this one it is known, of one that cannot be it is not."""
    assert read_cpu_seconds(os.getpid()) > 0
    assert read_cpu_seconds(None) is None


class DeafSaboteur(Saboteur):
    """Stops to accept after ten connections."""

    async def accept(self, listener):
        """Accept ten times, then never."""
        if self.accepted == 10:
            await self.create_event().wait()
        return await super().accept(listener)


def test_connections_that_are_not_accepted_are_found_in_the_queue(run_roles):
    """On a runtime whose accept takes what it returns, and not more."""
    report = run_roles(storm, HASTY, wrap={"server": DeafSaboteur}, backend="trio")
    assert (report.errors, report.violations) == ({}, {"connections timed out"})
    assert (report["connections timed out"], report[IN_QUEUE], report[UNREAD], report[READ]) == (10, 10, 0, 0)
    assert report[UNENDED] == 0
    assert " of a CPU within " in report[SERVER_STATE]


class NeverClosingStream(Wrapped):
    """Answers the third connection, and keeps it open."""

    async def aclose(self):
        """Close, or keep."""
        if self.number == 3:
            self.saboteur.forgotten.append(self.inner)
        else:
            await self.inner.aclose()


def test_a_reply_without_an_end_is_told_from_none(run_roles, backend):
    """The client has the whole reply, and waits for the end of the stream."""
    report = run_roles(storm, HASTY, wrap=sabotage(NeverClosingStream), backend=backend)
    assert (report.errors, report.violations) == ({}, {"connections timed out"})
    assert (report["connections timed out"], report[READ], report[UNENDED]) == (1, 1, 1)


@pytest.mark.parametrize("backend", ["asyncio", "threads"])
def test_a_server_that_does_not_say_its_process_is_looked_at_all_the_same(run_roles, backend):
    """Its sockets are the kernel's; only its CPU time is not told."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        roles = {"client": storm.roles["client"]}
        shared = {"address": list(listener.getsockname())}
        report = run_roles(storm, {**HASTY, "timeout": 0.2}, roles=roles, shared=shared, backend=backend)
    assert (report.errors, report.violations) == ({}, {"connections timed out"})
    assert (report["connections timed out"], report[IN_QUEUE]) == (20, 20)
    assert SERVER_STATE not in report


def test_a_storm_that_is_answered_says_nothing_of_this(run_roles):
    """It is not even looked at."""
    report = run_roles(storm, {"mode": "burst", "connections": 5})
    assert report["connections ok"] == 5
    assert [key for key in report.values if key in (SERVER_STATE, *PLACES, UNENDED)] == []
