"""What a storm sends and from where, its search for saturation, and the faults of tspam that it does not have."""

from __future__ import annotations

import os
import socket
import statistics
import threading
import time
from array import array
from functools import partial
from pathlib import Path

import pytest

from harness_scenarios.connection_ledger import ConnectionLedger, Ending
from harness_scenarios.open_loop import burst_offsets
from harness_scenarios.percentiles import compute_percentiles
from harness_scenarios.saturation import SearchEnd
from harness_scenarios.storm import storm
from harness_scenarios.storm_client import _Storm
from harness_scenarios.storm_exchange import Exchange
from harness_scenarios.storm_schedule import NULL_SERVER_RULE, ScheduleRun, Target, source_address
from harness_scenarios.tagged_payload import ReplyGrade, make_reply, make_request

BURST = {"mode": "burst", "connections": 12}
SEARCH = {"mode": "saturate", "base_rate": 1000, "step_length": 0.1, "objective": 1000.0}
EVERY_MS = range(0, 1_000_000_000, 1_000_000)
PARTS = ("ok", "refused", "reset", "timed out", "out of fds", "other", "dropped", "in flight")


class Wrapped:
    """A runtime, listener or stream that is another one but for what a subclass or a test breaks."""

    def __init__(self, inner, **replaced):
        self.inner = inner
        self.__dict__.update(replaced)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def on_accept(change):
    """Return a runtime for the server whose accepted streams are changed by `change(number, stream)`."""

    class Runtime(Wrapped):
        accepted = 0

        async def listen(self, *args, **kwargs):
            listener = await self.inner.listen(*args, **kwargs)

            async def accept():
                stream = await listener.accept()
                self.accepted += 1
                return change(self.accepted, stream)

            return Wrapped(listener, accept=accept)

    return Runtime


def assert_healthy(report, due):
    """No error, no violation, and every connection ok in both roles."""
    assert (report.errors, report.violations()) == ({}, set())
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
    assert (report.violations(), report["connections ok"]) == (set(), 12)


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
    assert report.violations() == {key, "connections other"}
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
    assert (report.violations(), report["connections ok"]) == (set(), 12)
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
    assert (report.errors, report.violations()) == ({}, set())
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
    assert (report.errors, report.violations()) == ({}, set())
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
    assert report.violations() == {"connections refused"}
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


def make_run(offsets, runtime=None):
    """Return a schedule whose ledger a test fills."""
    run = ScheduleRun(
        Wrapped(None, create_event=lambda: None),
        Wrapped(None, parameters={}),
        Target("", 0, None),
        array("q", offsets),
        length=1.0,
        errors=None,
    )
    run._start_ns = 1
    run._ledger = ConnectionLedger(array("q", offsets), 1)
    return run


def test_tspam_fault_the_clock_starts_when_a_connection_is_due_not_when_its_task_runs(run_roles):
    """The client is blocked for 150 ms while half of all become due: that is lateness, and no response is claimed."""

    class Runtime(Wrapped):
        connects = 0

        async def connect(self, *args, **kwargs):
            self.connects += 1
            if self.connects == 20:
                time.sleep(0.15)
            return await self.inner.connect(*args, **kwargs)

    report = run_roles(storm, {"rate": 1000, "length": 0.3}, wrap={"client": Runtime})
    assert (report.violations(), report["connections ok"]) == (set(), 300)
    if report["generator"] == "late":  # it has caught up before the end, if the machine is not busy
        assert report["lateness p90"] > 80_000
    else:
        assert report["achieved rate"] < 0.98 * report["offered rate"]
    assert "response p90" not in report


def test_tspam_fault_the_response_counts_from_when_a_connection_was_due():
    """Each is started 7 ms late and takes 2 ms: 9 ms, not 2."""
    latencies = fill(make_run(EVERY_MS), 7_000_000, 9_000_000).ledger.latencies_ns()
    assert [latencies[name]["p99"] for name in ("response", "service", "lateness")] == [9_000_000, 2_000_000, 7_000_000]


def test_tspam_fault_the_achieved_rate_is_shown(run_roles):
    """Beside the offered one, in every open loop and in every step of a search."""
    report = run_roles(storm, {"rate": 500, "length": 0.1})
    assert (report["offered rate"], "achieved rate" in report) == (500, True)
    search = run_roles(storm, {**SEARCH, "growth": 10.0}, wrap={"client": slow_above(1000)})
    assert all({"offered", "achieved"} <= set(step) for step in search["steps"])


# --- pace ---


def fill(run, started_ns, done_ns):
    """Start and answer every connection so long after it was due."""
    for index, offset in enumerate(run._offsets):
        run.ledger.start(index, 1 + offset + started_ns)
        run.ledger.receive_reply(index, ReplyGrade.RIGHT, index, 1 + offset + done_ns)
        run.ledger.end(index, Ending.OK)
    return run


@pytest.mark.parametrize(
    ("started_ns", "done_ns", "verdict"),
    [
        (1_999_999, 2_500_000, "ok"),
        (2_000_001, 2_500_000, "late"),
        (5_000_000, 50_000_000, "ok"),
        (5_000_001, 50_000_000, "late"),
    ],
)
def test_a_client_is_late_above_2_ms_and_a_tenth_of_the_response(started_ns, done_ns, verdict):
    """Whichever is longer; the rate alone would not tell."""
    pace = fill(make_run(EVERY_MS), started_ns, done_ns).pace()
    assert (pace.verdict, pace.offered) == (verdict, 1000)


def test_a_slow_tenth_of_the_responses_is_not_the_clients_where_its_lateness_is_a_small_part_of_it():
    """The median is quick, the p90 is 60 ms and the p90 of the lateness 5 ms: the server is slow, the client is not."""
    run = fill(make_run(EVERY_MS), 0, 1_000_000)
    for index in range(150):
        run.ledger.start(index, 1 + run._offsets[index] + 5_000_000)
        run.ledger.receive_reply(index, ReplyGrade.RIGHT, index, 1 + run._offsets[index] + 60_000_000)
    assert (run.pace().verdict, run.pace(NULL_SERVER_RULE).verdict) == ("ok", "late")


def test_a_sample_that_does_not_hold_the_percentile_says_nothing_of_lateness():
    """A p90 needs 100 connections, a p99 needs 1000."""
    verdicts = [
        fill(make_run(range(due)), 9_000_000, 10_000_000).pace((percentile, "p50")).verdict
        for due, percentile in ((99, "p90"), (100, "p90"), (999, "p99"), (1000, "p99"))
    ]
    assert verdicts == ["ok", "late", "ok", "late"]


def test_against_a_null_server_the_client_is_examined_more_closely():
    """2 % of the starts are late: not at p90, which the headline is about, but at p99."""
    run = fill(make_run(EVERY_MS), 1_000_000, 2_000_000)
    for index in range(20):
        run.ledger.start(index, 1 + run._offsets[index] + 1_000_000_000)
    assert (run.pace().verdict, run.pace(NULL_SERVER_RULE).verdict) == ("ok", "late")


def test_a_client_that_starts_too_few_is_limited():
    """981 of 1000 is 98.1 %, 979 is not enough."""
    for started, verdict in ((981, "ok"), (979, "limited")):
        run = make_run(EVERY_MS)
        for index in range(started):
            run.ledger.start(index, 1 + run._offsets[index])
        assert run.pace().verdict == verdict


def test_a_late_client_gives_its_lateness_and_no_other_figure(run_roles):
    """Each of 200 starts is 4 ms late, which the others do not wait for: no response, no service, no violation."""

    class LateGroup(Wrapped):
        async def spawn(self, function, index):
            runtime = self.runtime

            async def late(index):
                await runtime.sleep(0.004)
                await function(index)

            await self.inner.spawn(late, index)

    class Runtime(Wrapped):
        def open_task_group(self):
            manager, runtime = self.inner.open_task_group(), self.inner

            class Manager:
                async def __aenter__(self):
                    return LateGroup(await manager.__aenter__(), runtime=runtime)

                async def __aexit__(self, *exc):
                    return await manager.__aexit__(*exc)

            return Manager()

    report = run_roles(storm, {"rate": 1000, "length": 0.2}, wrap={"client": Runtime})
    assert (report.violations(), report["connections ok"]) == (set(), 200)
    assert report["generator"] in ("late", "limited")
    assert not [key for key in report.values if key.split()[0] in ("response", "service")]
    if report["generator"] == "late":
        assert report["lateness p90"] > 2000


# --- a freeze of the server ---


def test_a_freeze_of_the_server_is_in_the_response_of_those_that_were_due_meanwhile(run_roles):
    """100 ms in 500: a p90 of the response shows it, half of the services and of the responses do not."""

    def freeze(number, stream):
        if number == 100:
            time.sleep(0.1)
        return stream

    report = run_roles(storm, {"rate": 500, "length": 0.5}, wrap={"server": on_accept(freeze)})
    assert (report.violations(), report["connections ok"]) == (set(), 250)
    if report["generator"] == "ok":
        assert report["response p90"] > 40_000
        assert report["response p90"] > 5 * report["service p50"]
