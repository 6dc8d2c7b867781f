"""Each idle one answers once: a wake-up that is lost or given twice, and an answer that is not its own, are seen."""

from __future__ import annotations

import sys

import pytest

from harness.testing.wrapping import Stream
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.load.idle import idle, read_memory_bytes

TASKS = {"kind": "tasks", "number": 20}
CONNECTIONS = {"kind": "connections", "number": 10}
IMPATIENT = {"patience": 0.3}


# --- healthy ---


@pytest.mark.parametrize("row", [TASKS, CONNECTIONS])
def test_each_answers_once_on_each_backend(run_roles, backend, row):
    """All answer, and that took some time."""
    report = run_roles(idle, row, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert report["idle ones"] == row["number"]
    assert report["activation time"] > 0
    assert report["activation time each"] == pytest.approx(report["activation time"] * 1000 / row["number"])
    assert "client error" not in report
    assert "server memory each" in report


def test_one_idle_connection(run_roles):
    """The smallest number."""
    report = run_roles(idle, {"kind": "connections", "number": 1})
    assert (report.errors, report.violations, report["idle ones"]) == ({}, set(), 1)


def test_memory_is_the_resident_size():
    """A process that holds more memory has a larger one."""
    before = read_memory_bytes()
    if before is None:
        pytest.skip("this system does not say")
    held = b"x" * 64_000_000
    assert read_memory_bytes() > before
    assert len(held) > 0


# --- saboteurs ---


def test_a_task_that_is_not_woken(run_roles, backend):
    """It is counted and cancelled, and no time is given for what never happened."""
    report = run_roles(
        idle, {**TASKS, **IMPATIENT}, wrap={"server": FAULTS["event-forgets-a-waiter"].runtime}, backend=backend
    )
    assert (report.errors, report.violations) == ({}, {"answers missing"})
    assert report["answers missing"] == 1
    assert "activation time" not in report


def test_a_connection_whose_user_is_not_woken(run_roles, backend):
    """The same on the client's side of a connection."""
    report = run_roles(
        idle, {**CONNECTIONS, **IMPATIENT}, wrap={"client": FAULTS["event-forgets-a-waiter"].runtime}, backend=backend
    )
    assert (report.errors, report.violations) == ({}, {"answers missing"})
    assert report["answers missing"] == 1


def test_a_task_that_runs_twice(run_roles):
    """A group that starts what it is given a second time."""
    report = run_roles(idle, TASKS, wrap={"server": FAULTS["child-runs-twice"].runtime})
    assert report.violations == {"answers given twice"}
    assert report["answers given twice"] == 1


class EditedStream(Stream):
    """A stream on which the answer is `edit(answer)`."""

    async def send_all(self, data):
        """Send, edited."""
        await self.inner.send_all(self.edit(data))


@pytest.mark.parametrize(
    ("edit", "violations"),
    [
        (lambda data: data * 2, {"answers given twice"}),
        (lambda data: data[:-1], {"answers wrong", "answers missing"}),
        (lambda data: data + data[:1], {"answers wrong", "answers missing"}),
        (lambda data: bytes([data[0] ^ 1]) + data[1:], {"answers wrong", "answers missing"}),
        (lambda data: b"", {"answers wrong", "answers missing"}),
    ],
    ids=["twice", "cut off", "too long", "another's", "none"],
)
def test_an_answer_that_is_not_the_one(run_roles, edit, violations):
    """An answer that is repeated, cut off, too long, for another connection, or not there."""
    wrap = {"server": sabotage(type("Edited", (EditedStream,), {"edit": staticmethod(edit)}))}
    report = run_roles(idle, CONNECTIONS, wrap=wrap)
    assert (report.errors, report.violations) == ({}, violations)


def test_a_connection_that_breaks(run_roles, backend):
    """The error is shown and its answer is missing."""

    class AbortedStream(Stream):
        async def send_all(self, data):
            await self.inner.abort()

    wrap = {"server": sabotage(AbortedStream)}
    report = run_roles(idle, CONNECTIONS, wrap=wrap, backend=backend)
    assert (report.errors, report.violations) == ({}, {"answers missing"})
    assert "Reset" in report.values["client error"][0] or "Broken" in report.values["client error"][0]


def test_one_that_spins_while_it_waits(run_roles):
    """All answer, but the wait takes a CPU."""
    report = run_roles(idle, {"number": 3}, wrap={"server": FAULTS["event-spins"].runtime})
    assert (report.errors, report.violations) == ({}, {"server CPU while idle"})


@pytest.mark.parametrize("busy_looks", [0, 1, 5, 100])
def test_a_machine_on_which_no_thread_is_free_to_sleep(run_roles, monkeypatch, busy_looks):
    """Its queueing is no CPU time of the waiters: another look follows, and without a pause none is judged."""
    readings = iter(range(1, 1000))
    module = sys.modules[read_memory_bytes.__module__]

    def read():
        look = next(readings) // 2
        return look * 10**9 if look <= busy_looks else busy_looks * 10**9

    monkeypatch.setattr(module, "_read_queued_ns", read)
    report = run_roles(idle, {"number": 3})
    assert (report.errors, report.violations) == ({}, set())
    assert ("server CPU while idle" in report) == (busy_looks < 20)
