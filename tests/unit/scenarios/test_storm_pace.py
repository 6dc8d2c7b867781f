"""From when a storm's client counts, whether it kept the pace, and what it says if it did not."""

from __future__ import annotations

import threading
import time
from array import array

import pytest

from harness.testing.fake_clock import FakeClock
from harness.testing.wrapping import Wrapped
from harness_scenarios.parts.tagged_payload import ReplyGrade
from harness_scenarios.storm import schedule
from harness_scenarios.storm.connection_ledger import ConnectionLedger, Ending
from harness_scenarios.storm.exchange import Exchange
from harness_scenarios.storm.scenario import storm
from harness_scenarios.storm.schedule import NULL_SERVER_RULE, ScheduleRun, Target

EVERY_MS = range(0, 1_000_000_000, 1_000_000)


class Replaced(Wrapped):
    """A listener, group or stand-in some of whose members a test replaces."""

    def __init__(self, inner, **members):
        super().__init__(inner)
        vars(self).update(members)


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

            return Replaced(listener, accept=accept)

    return Runtime


@pytest.fixture
def clock(monkeypatch):
    """The clock of the client's schedule: a test that advances it freezes the client, which takes no time."""
    fake = FakeClock(base=time.perf_counter)
    monkeypatch.setattr(schedule, "perf_counter_ns", fake.read_ns)
    return fake


MESSAGES = {"request_bytes": 64, "reply_bytes": 64, "request_file": "", "reply_file": ""}


def make_run(offsets):
    """Return a schedule whose ledger a test fills."""
    run = ScheduleRun(
        Replaced(None, create_event=lambda: None, connect=None),
        Replaced(None, parameters={"timeout": 1.0, "sources": 1, "tls": False}),
        Target("", 0, Exchange(MESSAGES, seed=0)),
        array("q", offsets),
        length=1.0,
        errors=None,
    )
    run._start_ns = 1
    run._ledger = ConnectionLedger(array("q", offsets), 1)
    return run


def fill(run, started_ns, done_ns):
    """Start and answer every connection so long after it was due."""
    for index, offset in enumerate(run._offsets):
        run.ledger.start(index, 1 + offset + started_ns)
        run.ledger.receive_reply(index, ReplyGrade.RIGHT, index, 1 + offset + done_ns)
        run.ledger.end(index, Ending.OK)
    return run


# --- from when it counts ---


def test_tspam_fault_the_clock_starts_when_a_connection_is_due_not_when_its_task_runs(run_roles, clock):
    """The client is frozen for 150 ms while half of all become due: that is lateness, and no response is claimed."""

    class Runtime(Wrapped):
        connects = 0

        async def connect(self, *args, **kwargs):
            self.connects += 1
            if self.connects == 20:
                clock.advance(0.15)
            return await self.inner.connect(*args, **kwargs)

    report = run_roles(storm, {"rate": 1000, "length": 0.3}, wrap={"client": Runtime})
    assert (report.violations, report["connections ok"]) == (set(), 300)
    if report["generator"] == "late":  # it has caught up before the end, if the machine is not busy
        assert report["lateness p90"] > 80_000
    else:
        assert report["achieved rate"] < 0.98 * report["offered rate"]
    assert "response p90" not in report


def test_tspam_fault_the_response_counts_from_when_a_connection_was_due():
    """Each is started 7 ms late and takes 2 ms: 9 ms, not 2."""
    latencies = fill(make_run(EVERY_MS), 7_000_000, 9_000_000).ledger.latencies_ns()
    assert [latencies[name]["p99"] for name in ("response", "service", "lateness")] == [9_000_000, 2_000_000, 7_000_000]


# --- pace ---


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
    """Each of 200 starts waits until four more are due, 4 ms: no response, no service, no violation."""

    class LateGroup(Replaced):
        async def spawn(self, function, index):
            event = self.runtime.create_event()
            self.waiting.append(event)

            async def late(index):
                await event.wait()
                await function(index)

            await self.inner.spawn(late, index)
            if len(self.waiting) > 4:
                await self.waiting.pop(0).set()
            if index == 199:  # the last one
                for other in self.waiting:
                    await other.set()

    class Runtime(Wrapped):
        def open_task_group(self):
            manager, runtime, waiting = self.inner.open_task_group(), self.inner, []

            class Manager:
                async def __aenter__(self):
                    return LateGroup(await manager.__aenter__(), runtime=runtime, waiting=waiting)

                async def __aexit__(self, *exc):
                    return await manager.__aexit__(*exc)

            return Manager()

    report = run_roles(storm, {"rate": 1000, "length": 0.2}, wrap={"client": Runtime})
    assert (report.violations, report["connections ok"]) == (set(), 200)
    assert report["generator"] in ("late", "limited")
    assert not [key for key in report.values if key.split()[0] in ("response", "service")]
    if report["generator"] == "late":
        assert report["lateness p90"] > 2000


# --- a freeze of the server ---


def test_a_freeze_of_the_server_is_in_the_response_of_those_that_were_due_meanwhile(run_roles):
    """While 50 of 250 are started: a p90 of the response shows it, half of the services and of the responses do not."""
    thaws = threading.Event()

    def freeze(number, stream):
        if number == 100:
            assert thaws.wait(20)
        return stream

    class Client(Wrapped):
        connects = 0

        async def connect(self, *args, **kwargs):
            self.connects += 1
            if self.connects == 150:
                thaws.set()
            return await self.inner.connect(*args, **kwargs)

    report = run_roles(storm, {"rate": 500, "length": 0.5}, wrap={"server": on_accept(freeze), "client": Client})
    assert (report.violations, report["connections ok"]) == (set(), 250)
    if report["generator"] == "ok":
        assert report["response p90"] > 40_000
        assert report["response p90"] > 5 * report["service p50"]
