"""What a storm sends and from where, its search for saturation, and faults of tspam that it does not have."""

from __future__ import annotations

import os
import socket
import statistics
import threading
from array import array
from functools import partial
from pathlib import Path

import pytest

from harness.testing.wrapping import Wrapped
from harness_scenarios.parts.open_loop import burst_offsets
from harness_scenarios.parts.percentiles import compute_percentiles
from harness_scenarios.parts.tagged_payload import ReplyGrade, make_reply, make_request
from harness_scenarios.storm.client import _Storm
from harness_scenarios.storm.connection_ledger import ConnectionLedger, Ending
from harness_scenarios.storm.exchange import Exchange
from harness_scenarios.storm.saturation import SearchEnd
from harness_scenarios.storm.scenario import storm
from harness_scenarios.storm.schedule import Target, source_address

BURST = {"mode": "burst", "connections": 12}
SEARCH = {"mode": "saturate", "base_rate": 1000, "step_length": 0.1, "objective": 1000.0}
PARTS = ("ok", "refused", "reset", "timed out", "out of fds", "other", "dropped", "in flight")


def assert_healthy(report, due):
    """No error, no violation, and every connection ok in both roles."""
    assert (report.errors, report.violations) == ({}, set())
    assert (report["connections due"], report["connections ok"], report["connections answered"]) == (due, due, due)


# --- files ---


@pytest.fixture
def files(tmp_path):
    """Return the parameters of a faked HTTP exchange."""
    request, reply = tmp_path / "request", tmp_path / "reply"
    request.write_bytes(b"GET / HTTP/1.0\r\n\r\n")
    reply.write_bytes(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(range(256)) * 400)
    return {"request_file": str(request), "reply_file": str(reply)}


@pytest.mark.parametrize("sides", [("request_file",), ("reply_file",), ("request_file", "reply_file")])
def test_files_on_each_backend(run_roles, backend, files, sides):
    """Either side or both can be a file."""
    assert_healthy(run_roles(storm, {**BURST, **{side: files[side] for side in sides}}, backend=backend), 12)


def test_a_file_goes_over_the_wire_as_it_is(run_roles, files):
    """A peer that knows nothing of the scenario reads the request and its reply is judged by the other file."""
    seen = []
    reply = Path(files["reply_file"]).read_bytes()
    with serve(lambda number, request, peer: seen.append(request) or reply) as address:
        report = run_client(run_roles, {**BURST, **files}, address)
    assert seen == [b"GET / HTTP/1.0\r\n\r\n"] * 12
    assert (report.violations, report["connections ok"]) == (set(), 12)


@pytest.mark.parametrize(
    ("damage", "key"),
    [
        (lambda reply: b"", "replies lost"),
        (lambda reply: reply[:-1], "replies short"),
        (lambda reply: reply + reply, "replies duplicated"),
        (lambda reply: reply[:-1] + b"!", "replies with foreign bytes"),
    ],
)
def test_a_reply_that_is_not_the_file_is_named(run_roles, files, damage, key):
    """One of them: lost, cut, repeated, changed."""
    reply = Path(files["reply_file"]).read_bytes()
    with serve(lambda number, request, peer: damage(reply) if number == 5 else reply) as address:
        report = run_client(run_roles, {**BURST, **files}, address)
    assert report.violations == {key, "connections other"}
    assert (report[key], report["connections ok"]) == (1, 11)


def test_a_request_that_is_not_the_file_gets_no_reply(files):
    """Nor does one that is cut off."""
    exchange = Exchange({**files, "request_bytes": 64, "reply_bytes": 64}, seed=1)
    request = exchange.make_request(3)
    assert [exchange.make_reply(other) for other in (request[:-1], request + b"x", b"")] == [None, None, None]
    assert exchange.make_reply(request) == Path(files["reply_file"]).read_bytes()
    assert not exchange.is_tagged


def test_without_a_file_the_payload_is_tagged():
    """Both ways, with the tag of the connection."""
    exchange = Exchange({"request_file": "", "reply_file": None, "request_bytes": 64, "reply_bytes": 32}, seed=1)
    request = exchange.make_request(3)
    assert (request, exchange.make_reply(request)) == (make_request(3, 1, 64), make_reply(request, 32))
    assert exchange.read_tag(exchange.make_reply(request)) == 3
    assert exchange.grade(request, exchange.make_reply(exchange.make_request(4))) is ReplyGrade.FOREIGN


# --- acceptors and sources ---


class serve:  # noqa: N801 - reads as a verb
    """A server in a thread, on raw sockets: `reply_to(number, request, peer address)` gives each reply."""

    def __init__(self, reply_to):
        self.reply_to = reply_to

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return list(self.socket.getsockname())

    def run(self):
        number = 0
        while True:
            stream, peer = self.socket.accept()
            with stream:
                request = b"".join(iter(partial(stream.recv, 65536), b""))
                if request == b"end":
                    return
                number += 1
                stream.sendall(self.reply_to(number, request, peer[0]))

    def __exit__(self, *exc):
        with socket.create_connection(self.socket.getsockname()) as stream:
            stream.sendall(b"end")
        self.thread.join()
        self.socket.close()


def run_client(run_roles, parameters, address, **more):
    """Run the client alone."""
    return run_roles(storm, parameters, roles={"client": storm.roles["client"]}, shared={"address": address}, **more)


def answer(number, request, peer):
    """Reply as the scenario's own server does."""
    return make_reply(request, 64)


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="127.0.0.2 is local on Linux only")
@pytest.mark.parametrize("sources", [1, 3])
def test_tspam_fault_local_addresses_are_used_and_not_only_parsed(run_roles, backend, sources):
    """The server sees each of them as often as the others, on every backend."""
    peers = []
    with serve(lambda number, request, peer: peers.append(peer) or make_reply(request, 64)) as address:
        report = run_client(run_roles, {**BURST, "sources": sources}, address, backend=backend)
    assert (report.violations, report["connections ok"]) == (set(), 12)
    assert {peer: peers.count(peer) for peer in peers} == {
        f"127.0.0.{number}": 12 // sources for number in range(1, sources + 1)
    }


def test_source_addresses_go_through_the_loopback_network():
    """Not only through its last byte."""
    assert [source_address(number) for number in (0, 1, 254, 255)] == [
        "127.0.0.1",
        "127.0.0.2",
        "127.0.0.255",
        "127.0.1.0",
    ]


def test_acceptors_share_a_port(run_roles, backend):
    """Four listeners on one port: every connection is answered, by more than one of them."""
    report = run_roles(storm, {**BURST, "connections": 100, "acceptors": 4}, backend=backend)
    assert_healthy(report, 100)
    assert 1 < report["acceptors used"] <= 4


def test_one_acceptor_does_not_share_its_port(run_roles):
    """SO_REUSEPORT is for several only: a stranger could take connections away otherwise."""
    asked = []

    class Runtime(Wrapped):
        async def listen(self, **options):
            asked.append((options["reuse_port"], options["port"] != 0))
            return await self.inner.listen(**options)

    run_roles(storm, BURST, wrap={"server": Runtime})
    run_roles(storm, {**BURST, "acceptors": 2}, wrap={"server": Runtime})
    assert asked == [(False, False), (True, False), (True, True)]


# --- saturate ---


def assert_conserved(report):
    """Due is the sum of its parts: in each step, in the sum over the steps, and both agree."""
    steps = report["steps"]
    assert all(step["due"] == sum(step.get(part, 0) for part in PARTS) for step in steps)
    due, parts = report["connections due"], sum(report[f"connections {part}"] for part in PARTS)
    if "due in overload" in report:
        due += report["due in overload"]
        parts += sum(report[f"overload connections {part}"] for part in PARTS)
    assert due == parts == sum(step["due"] for step in steps)


def slow_above(rate):
    """Return a client whose runtime makes connections slow, by its own clock, once this rate was offered."""

    class Runtime(Wrapped):
        """Counts what is started in each schedule, which has a task group of its own."""

        started = 0

        def open_task_group(self):
            self.started = 0
            return self.inner.open_task_group()

        async def connect(self, *args, **kwargs):
            self.started += 1
            if self.started > rate * SEARCH["step_length"]:
                raise ConnectionRefusedError(111, "beyond capacity")
            return await self.inner.connect(*args, **kwargs)

    return Runtime


def test_search_finds_a_planted_capacity(run_roles):
    """A server that refuses what exceeds 1500/s: the bracket holds it, every step is in the table."""
    report = run_roles(storm, SEARCH, wrap={"client": slow_above(1500)})
    assert (report.errors, report.violations) == ({}, set())
    assert_conserved(report)
    if report["search ended"] == SearchEnd.GENERATOR_LIMITED:
        return  # the machine is too busy for 1500/s; the pure search is tested in test_saturation
    assert report["search ended"] == SearchEnd.FOUND
    assert report["bracket low"] <= 1500 < report["bracket high"]
    assert report["highest sustainable rate"] == report["bracket low"]
    slow = [step for step in report["steps"] if not step["sustained"]]
    assert report["overload connections refused"] == sum(step["refused"] for step in slow) > 0


def test_search_on_each_backend(run_roles, backend):
    """With a server that dies after the base step the search ends, and every step conserves its counts."""

    class Runtime(Wrapped):
        schedules = 0

        def open_task_group(self):
            self.schedules += 1
            return self.inner.open_task_group()

        async def connect(self, *args, **kwargs):
            if self.schedules > 1:
                raise ConnectionRefusedError(111, "it died")
            return await self.inner.connect(*args, **kwargs)

    report = run_roles(storm, SEARCH, wrap={"client": Runtime}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert_conserved(report)
    assert report["connections ok"] == 100
    first, *later = report["steps"]
    assert {"rate", "offered", "achieved", "due", "sustained", "response p50", "response p90"} <= set(first)
    if report["search ended"] != SearchEnd.GENERATOR_LIMITED:
        assert report["search ended"] == SearchEnd.FOUND
        assert first["sustained"]
        assert not any(step["sustained"] for step in later)
        assert report["highest sustainable rate"] == 1000


def test_a_base_step_that_fails_breaks_the_contract(run_roles):
    """It is not overload: its failures are judged as those of any storm."""
    report = run_roles(storm, SEARCH, wrap={"client": slow_above(500)})
    assert report["connections refused"] == 50
    assert report.violations == {"connections refused"}
    assert report["search ended"] in (SearchEnd.NO_BASE, SearchEnd.GENERATOR_LIMITED)
    assert "highest sustainable rate" not in report


def test_payloads_of_the_steps_differ(run_roles):
    """A reply that comes a step too late is foreign bytes and not the right reply to its successor."""
    requests = []

    async def two_steps(runtime, probe):
        target = Target(*await probe.receive("address"), Exchange(probe.parameters, probe.seed))
        steps = _Storm(runtime, probe, target)
        for _ in range(2):
            run = await steps.run(burst_offsets(10), 0)
            assert run.failed() == 0

    with serve(lambda number, request, peer: requests.append(request) or make_reply(request, 64)) as address:
        report = run_roles(storm, BURST, roles={"client": two_steps}, shared={"address": address})
    assert report.errors == {}
    assert len(set(requests)) == len(requests) == 20


def test_arrivals_of_a_step_repeat_with_the_seed_of_the_cell(run_roles):
    """Poisson arrivals are random once: the first step of two runs is the same, that of another seed is not."""
    few = {**SEARCH, "arrival": "poisson"}
    due = [run_roles(storm, few, wrap={"client": slow_above(0)}, seed=seed)["steps"][0]["due"] for seed in (5, 5, 6, 7)]
    assert due[0] == due[1]
    assert len(set(due)) > 1


# --- the faults of tspam ---


def test_tspam_fault_a_median_is_called_median_and_never_mean():
    """p50 is a sample, in the middle; no key claims a mean."""
    samples = [1, 2, 3, 4, 1000] * 20
    assert compute_percentiles(samples)["p50"] == statistics.median_low(samples) == 3
    assert statistics.mean(samples) == 202
    assert [key for key in storm.judges if "mean" in key or "average" in key] == []


def test_tspam_fault_failed_connections_stay_in_the_statistics():
    """Of 100 due 15 are refused at once: the p90 is not that of the 85, it is not there, and the sample is 100."""
    ledger = ConnectionLedger(array("q", bytes(800)), 1)
    for index in range(100):
        ledger.start(index, 1)
        if index < 85:
            ledger.receive_reply(index, ReplyGrade.RIGHT, index, 1 + index)
        ledger.end(index, Ending.OK if index < 85 else Ending.REFUSED)
    assert ledger.latencies_ns()["response"] == {"samples": 100, "p50": 49}


def test_tspam_fault_failed_connections_are_seen_by_the_search(run_roles):
    """A server that refuses one of 200: that step is not sustained although every reply was fast."""
    report = run_roles(storm, SEARCH, wrap={"client": slow_above(1990)})
    assert_conserved(report)
    if report["search ended"] == SearchEnd.FOUND:
        assert report["bracket low"] <= 1990 < report["bracket high"]


def test_tspam_fault_the_achieved_rate_is_shown(run_roles):
    """Beside the offered one, in every open loop and in every step of a search."""
    report = run_roles(storm, {"rate": 500, "length": 0.1})
    assert (report["offered rate"], "achieved rate" in report) == (500, True)
    search = run_roles(storm, {**SEARCH, "growth": 10.0}, wrap={"client": slow_above(1000)})
    assert all({"offered", "achieved"} <= set(step) for step in search["steps"])
