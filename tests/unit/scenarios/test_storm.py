"""A storm counts every connection that was due, and sees each way in which one can go wrong."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
import time

import pytest

from harness.testing.fake_clock import FakeClock
from harness.testing.wrapping import Wrapped
from harness_scenarios.parts.open_loop import burst_offsets
from harness_scenarios.parts.tagged_payload import ReplyGrade, make_reply, make_request
from harness_scenarios.parts.whole_message import receive_to_eof
from harness_scenarios.storm import schedule
from harness_scenarios.storm.connection_ledger import ConnectionLedger, Ending
from harness_scenarios.storm.scenario import server, storm

BURST = {"mode": "burst", "connections": 20}
HASTY = {**BURST, "timeout": 1.0, "cooldown": 60.0}
"""Only connections that are never answered time out: the others take milliseconds."""


class Saboteur(Wrapped):
    """A runtime whose server accepts streams of the class `stream`."""

    stream = Wrapped

    def __init__(self, inner):
        super().__init__(inner)
        self.accepted = 0
        self.forgotten = []

    async def listen(self, *args, **kwargs):
        """Listen, and accept through this saboteur."""
        listener = Wrapped(await self.inner.listen(*args, **kwargs))
        listener.accept = lambda: self.accept(listener.inner)
        listener.aclose = lambda: self.close(listener.inner)
        return listener

    async def close(self, listener):
        """Close the listener and what was forgotten, so that the test leaks nothing."""
        for stream in self.forgotten:
            await stream.aclose()
        await listener.aclose()

    async def accept(self, listener):
        """Accept a stream, numbered from 1."""
        self.accepted += 1
        stream = self.stream(await listener.accept())
        stream.number, stream.saboteur = self.accepted, self
        return stream


def sabotage(stream_class):
    """Return a saboteur for the server whose streams are of a class."""
    return {"server": type("Sabotaged", (Saboteur,), {"stream": stream_class})}


def assert_healthy(report, due):
    """No error, no violation, and every connection ok in both roles."""
    assert (report.errors, report.violations) == ({}, set())
    assert (report["connections due"], report["connections ok"]) == (due, due)
    assert (report["connections accepted"], report["connections answered"]) == (due, due)
    assert report.progress == {"server": due, "client": due}


# --- healthy ---


def test_a_handler_that_is_about_to_end_is_no_unfinished_one(run_roles):
    """The client has ended when it has its replies; the last handlers have not."""
    client_ended = threading.Event()

    class LateStream(Wrapped):
        async def aclose(self):
            await self.inner.aclose()
            assert await asyncio.to_thread(client_ended.wait, 20)

    async def client(runtime, probe):
        try:
            await storm.roles["client"](runtime, probe)
        finally:
            client_ended.set()

    roles = {"server": storm.roles["server"], "client": client}
    assert_healthy(run_roles(storm, BURST, roles=roles, wrap=sabotage(LateStream)), 20)


def test_burst_on_each_backend(run_roles, backend):
    """All at once: every connection gets its own reply, and there is a rate."""
    report = run_roles(storm, {**BURST, "connections": 100}, backend=backend)
    assert_healthy(report, 100)
    assert report["largest burst"] == 100
    assert report["connections per second"] > 0
    assert report["response p90"] >= report["response p50"] > 0
    assert "response p99" not in report
    assert "generator" not in report


@pytest.mark.parametrize("arrival", ["fixed", "poisson"])
def test_rate_on_each_backend(run_roles, backend, arrival):
    """An open loop: as many connections as were due, each later than due by what is reported."""
    report = run_roles(storm, {"rate": 300, "length": 0.1, "arrival": arrival}, backend=backend)
    assert_healthy(report, report["connections due"])
    assert report["offered rate"] == pytest.approx(report["connections due"] / 0.1)
    assert report["generator"] in ("ok", "limited")


@pytest.mark.parametrize(("request_bytes", "reply_bytes"), [(16, 16), (17, 100_000), (100_000, 17)])
def test_sizes_on_each_backend(run_roles, backend, request_bytes, reply_bytes):
    """Payloads that take several reads are put together."""
    sizes = {"request_bytes": request_bytes, "reply_bytes": reply_bytes}
    assert_healthy(run_roles(storm, {**BURST, "connections": 5, **sizes}, backend=backend), 5)


def test_server_survives_clients_that_go_away(run_roles, backend):
    """Connections that are reset or cut short are counted, and the next one is answered."""

    async def rude_client(runtime, probe):
        address = await probe.receive("address")
        request = make_request(0, 1, 64)
        for part in (b"", request[:10], request):
            stream = await runtime.connect(*address)
            await stream.send_all(part)
            await stream.abort()
        stream = await runtime.connect(*address)
        await stream.send_all(request)
        await stream.send_eof()
        replies.append(await receive_to_eof(stream, 64))
        await stream.aclose()

    replies: list[bytes] = []
    report = run_roles(storm, {}, backend=backend, roles={"server": server, "client": rude_client})
    assert (report.errors, report.violations) == ({}, set())
    assert replies == [make_reply(make_request(0, 1, 64), 64)]
    assert report["connections answered"] >= 1


def test_the_cooldown_outlasts_a_connection():
    """Else one that times out would be in flight."""
    default = {parameter.name: parameter.default for parameter in storm.parameters}
    assert default["cooldown"] > default["timeout"]


def test_nothing_due_ends_at_once(run_roles):
    """A rate so low that nothing is due within the length is no reason to wait."""
    report = run_roles(storm, {"rate": 1, "length": 0.01, "cooldown": 3600.0})
    assert_healthy(report, 0)


# --- saboteurs in the server ---


class SwappingStream(Wrapped):
    """Sends the replies of the first two connections to each other."""

    async def send_all(self, data):
        """Wait for the other one's reply and send that."""
        saboteur = self.saboteur
        if self.number > 2:
            return await self.inner.send_all(data)
        if not hasattr(saboteur, "first"):
            saboteur.first, saboteur.both = data, saboteur.create_event()
            await saboteur.both.wait()
            return await self.inner.send_all(saboteur.second)
        saboteur.second = data
        await saboteur.both.set()
        return await self.inner.send_all(saboteur.first)


def test_swapped_replies_are_foreign(run_roles):
    """Two connections with each other's reply: both foreign, none duplicated."""
    report = run_roles(storm, BURST, wrap=sabotage(SwappingStream))
    assert report.violations == {"replies with foreign bytes", "connections other"}
    assert (report["replies with foreign bytes"], report["connections other"], report["connections ok"]) == (2, 2, 18)


class CopyingStream(Wrapped):
    """Sends the first reply to the second connection too."""

    async def send_all(self, data):
        """Send, keeping the first reply."""
        if not hasattr(self.saboteur, "first"):
            self.saboteur.first = data
        await self.inner.send_all(self.saboteur.first if self.number == 2 else data)


def test_a_reply_delivered_twice_is_duplicated(run_roles):
    """One connection gets a copy: foreign to it, and delivered once too often."""
    report = run_roles(storm, BURST, wrap=sabotage(CopyingStream))
    assert report.violations == {"replies with foreign bytes", "replies duplicated", "connections other"}
    assert (report["replies with foreign bytes"], report["replies duplicated"]) == (1, 1)


def make_damaging_stream(damage):
    """Return a class of streams of which the fifth sends a damaged reply."""

    class DamagingStream(Wrapped):
        async def send_all(self, data):
            await self.inner.send_all(damage(data) if self.number == 5 else data)

    return DamagingStream


@pytest.mark.parametrize(
    ("damage", "key"),
    [
        (lambda data: b"", "replies lost"),
        (lambda data: data[:-1], "replies short"),
        (lambda data: data + data, "replies duplicated"),
        (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "replies with foreign bytes"),
    ],
)
def test_one_damaged_reply_is_named(run_roles, damage, key):
    """Lost, cut, repeated, flipped: each has its own count, and only the one connection fails."""
    report = run_roles(storm, BURST, wrap=sabotage(make_damaging_stream(damage)))
    assert report.violations == {key, "connections other"}
    assert (report[key], report["connections other"], report["connections ok"]) == (1, 1, 19)


class DroppingSaboteur(Saboteur):
    """Forgets every tenth connection, open."""

    async def accept(self, listener):
        """Accept, keeping every tenth for itself."""
        stream = await super().accept(listener)
        if stream.number % 10:
            return stream
        self.forgotten.append(stream)
        return await self.accept(listener)


def test_forgotten_connections_time_out(run_roles, backend):
    """Every tenth is never answered: counted as timed out, on every backend, and the sum is conserved."""
    report = run_roles(storm, HASTY, wrap={"server": DroppingSaboteur}, backend=backend)
    assert report.violations == {"connections timed out"}
    assert (report["connections due"], report["connections ok"], report["connections timed out"]) == (20, 18, 2)
    assert "response max" not in report


@pytest.mark.parametrize("backend", ["asyncio", "threads"])
def test_unanswered_connections_are_in_flight_when_the_time_is_up(run_roles, backend):
    """With a cooldown shorter than the timeout the client cancels what is left, and counts it."""
    report = run_roles(storm, {**BURST, "cooldown": 1.0}, wrap={"server": DroppingSaboteur}, backend=backend)
    assert report.violations == {"connections in flight"}
    assert (report["connections ok"], report["connections in flight"]) == (18, 2)


class ResettingStream(Wrapped):
    """Resets the third connection instead of answering."""

    async def send_all(self, data):
        """Send, or reset."""
        if self.number == 3:
            await self.inner.abort()
        else:
            await self.inner.send_all(data)


def test_a_reset_connection_is_counted(run_roles, backend):
    """The client sees a reset where the server aborts."""
    report = run_roles(storm, BURST, wrap=sabotage(ResettingStream), backend=backend)
    assert report.violations == {"connections reset"}
    assert (report["connections reset"], report["connections ok"]) == (1, 19)


class ExhaustedSaboteur(Saboteur):
    """Has no fd left at the second accept."""

    async def accept(self, listener):
        """Accept, or fail once."""
        stream = await super().accept(listener)
        if stream.number == 2 and not hasattr(self, "failed"):
            self.failed = stream
            await stream.aclose()
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return stream


def test_a_failed_accept_does_not_end_the_server(run_roles):
    """It is a violation of its own; the connections after it are answered."""
    report = run_roles(storm, BURST, wrap={"server": ExhaustedSaboteur})
    assert report.violations >= {"accept errors"}
    assert (report["accept errors"], report["connections ok"]) == (1, 19)


# --- saboteurs in the client ---


def test_without_a_server_every_connection_is_refused(run_roles, backend):
    """A server that died: each connection is refused, and the sum is conserved."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take the port
        address = list(unused.getsockname())
        roles = {"client": storm.roles["client"]}
        report = run_roles(storm, BURST, roles=roles, shared={"address": address}, backend=backend)
    assert (report.errors, report.violations) == ({}, {"connections refused"})
    assert (report["connections refused"], report["connections ok"]) == (20, 0)
    assert not [key for key in report.values if key.startswith("response p")]


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (OSError(errno.EMFILE, "no fd"), "connections out of fds"),
        (OSError(errno.ETIMEDOUT, "the system gave up"), "connections timed out"),
        (OSError(errno.EADDRNOTAVAIL, "no port"), "connections other"),
        (ValueError("surprise"), "connections other"),
    ],
)
def test_failures_to_connect_are_counted_by_kind(run_roles, error, key):
    """One connection fails, the others go on; what it was is shown."""

    class FailingRuntime(Wrapped):
        connects = 0

        async def connect(self, *address, **options):
            self.connects += 1
            if self.connects == 4:
                raise error
            return await self.inner.connect(*address, **options)

    report = run_roles(storm, BURST, wrap={"client": FailingRuntime})
    assert report.violations == {key}
    assert (report[key], report["connections ok"]) == (1, 19)
    assert str(error) in report["client error"]


class WrappedGroup(Wrapped):
    """A task group that is entered when it is entered itself."""

    def __init__(self, manager):
        super().__init__(None)
        self.manager = manager

    async def __aenter__(self):
        self.inner = await self.manager.__aenter__()
        return self

    async def __aexit__(self, *exc):
        return await self.manager.__aexit__(*exc)


def sabotage_client(group_class):
    """Return a saboteur for the client whose task groups are of a class."""

    class Sabotaged(Wrapped):
        def open_task_group(self):
            return group_class(self.inner.open_task_group())

    return {"client": Sabotaged}


class LosingGroup(WrappedGroup):
    """A task group that never starts its seventh task, and cannot start its eighth."""

    spawned = 0

    async def spawn(self, *args, **kwargs):
        """Start, forget or fail."""
        self.spawned += 1
        if self.spawned == 8:
            raise RuntimeError("can't start new task")
        if self.spawned != 7:
            await self.inner.spawn(*args, **kwargs)


def test_tasks_that_never_ran_are_dropped(run_roles):
    """A task that was lost is dropped, one that could not be made is another failure."""
    report = run_roles(storm, {**BURST, "cooldown": 1.0}, wrap=sabotage_client(LosingGroup))
    assert report.violations == {"connections dropped", "connections other"}
    assert [report[f"connections {part}"] for part in ("ok", "dropped", "other")] == [18, 1, 1]


def test_a_client_that_cannot_keep_the_pace_gives_no_latency(run_roles, monkeypatch):
    """Ten are due in 100 ms and starting each takes 50 ms: limited, no violation, counts but no figures."""
    clock = FakeClock(base=time.perf_counter)
    monkeypatch.setattr(schedule, "perf_counter_ns", clock.read_ns)

    class SlowGroup(WrappedGroup):
        async def spawn(self, *args, **kwargs):
            clock.advance(0.05)
            await self.inner.spawn(*args, **kwargs)

    report = run_roles(storm, {"rate": 100, "length": 0.1}, wrap=sabotage_client(SlowGroup))
    assert (report.violations, report["generator"], report["connections ok"]) == (set(), "limited", 10)
    assert report["achieved rate"] < report["offered rate"]
    assert not [key for key in report.values if key.split()[0] in ("response", "service", "lateness")]


# --- ledger ---


def test_latencies_count_from_when_a_connection_was_due():
    """Response = lateness + service; a connection without a reply is endless, not absent."""
    ledger = ConnectionLedger(burst_offsets(100), 1000)
    for index in range(100):
        ledger.start(index, 1000 + index)
    for index in range(60):
        ledger.receive_reply(index, ReplyGrade.RIGHT, index, 1500 + index)
        ledger.end(index, Ending.OK)
    latencies = ledger.latencies_ns()
    assert latencies["response"] == {"samples": 100, "p50": 549}
    assert latencies["service"] == {"samples": 100, "p50": 500}
    assert latencies["lateness"] == {"samples": 100, "p50": 49, "p90": 89, "max": 99}
    assert ledger.counts()["connections in flight"] == 40


def test_a_tag_beyond_every_connection_is_no_delivery():
    """Random bytes in a tag are foreign and never count as duplicates."""
    ledger = ConnectionLedger(burst_offsets(2), 0)
    for index in range(2):
        ledger.receive_reply(index, ReplyGrade.FOREIGN, (1 << 64) - 1, 1)
        ledger.end(index, Ending.OTHER)
    counts = ledger.reply_counts()
    assert (counts["replies with foreign bytes"], counts["replies duplicated"]) == (2, 0)
