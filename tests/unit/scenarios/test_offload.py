"""What is offloaded comes back once, from where it was sent, while others run; what still runs at the end is seen."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from contextlib import suppress

import pytest

from harness.testing.wrapping import Wrapped
from harness_scenarios.load import offload as module
from harness_scenarios.load.offload import RUN, STAND_STILL, count_most_at_once, offload
from harness_scenarios.parts.offload_job import (
    UNKNOWN,
    JobFailedError,
    Place,
    Span,
    do_job,
    fails,
    find_place,
    foresee,
    read_ledger,
    wait_for_sign,
)

IN_THIS_PROCESS = ("inline", "thread", "forget")
SMALL = {"jobs": 10, "steps": 200}
FEW = {"jobs": 5, "steps": 5_000}

TELLS_THREADS_APART = pytest.mark.skipif(find_place().thread == UNKNOWN, reason="the system has no /proc/thread-self")


class WrappedGroup(Wrapped):
    """A task group whose `spawn` a subclass breaks."""

    async def __aenter__(self):
        self.group = await self.inner.__aenter__()
        return self

    async def __aexit__(self, *exc):
        return await self.inner.__aexit__(*exc)


def is_job(function, args):
    """Return whether a call is the one that shall be sabotaged: job 2 of a measured value."""
    return function is do_job and args[1] == 2


# --- healthy ---


@pytest.mark.parametrize("way", IN_THIS_PROCESS)
def test_all_comes_back_on_each_backend(run_roles, backend, way):
    """Each job is done once where it was asked to, its result or error comes back, and three values are measured."""
    report = run_roles(offload, {"way": way, **FEW}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert [len(report.values[key]) for key in ("longest heartbeat gap", "jobs/s", "most jobs at once")] == [3, 3, 3]
    assert set(report.values["jobs left running"] + report.values["answers missing"]) == {0}
    assert "wrong answer" not in report
    # Threads may lose an increment of the counter to each other.
    assert report.progress["main"] == 2 + 3 * 5 + (way != "inline") or backend == "threads"


# curio 1.6 leaves its pipes to the processes to the collector, which must find them here and not in a later test.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_processes_answer_on_each_backend(run_roles, backend):
    """Results, errors and the ledger cross the border, and the heart beats on."""
    report = run_roles(offload, {"way": "process", **FEW}, backend=backend)
    gc.collect()
    assert (report.errors, report.violations) == ({}, set())
    assert len(report.values["jobs/s"]) == 3
    assert set(report.values["jobs run elsewhere"] + report.values["jobs not run"]) == {0}
    assert report["others while a job waits for them"] == RUN


def test_inline_jobs_stop_the_heart_where_tasks_share_a_thread(run_roles, backend):
    """No beat falls into a job, and the gap is at least as long as one; on threads nothing is said."""
    report = run_roles(offload, {"way": "inline", **FEW}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert "others while a job waits for them" not in report
    if backend != "threads":
        assert report.values["beats while a job ran"] == [0, 0, 0]
        assert report.values["threads and processes used"] == report.values["most jobs at once"] == [1, 1, 1]


@TELLS_THREADS_APART
def test_forgotten_jobs_are_not_limited_by_who_asks(run_roles):
    """Each has a task of its own, and on threads a thread of its own."""
    report = run_roles(offload, {"way": "forget", "pool": 1, **FEW}, backend="threads")
    assert (report.errors, report.violations) == ({}, set())
    assert report.values["threads and processes used"] == [5, 5, 5]


@pytest.mark.parametrize("way", IN_THIS_PROCESS)
def test_a_system_that_does_not_tell_threads_apart(run_roles, monkeypatch, way):
    """Then no job is said to be elsewhere for that, and only the processes are counted."""

    def readlink(path, **options):
        raise FileNotFoundError(path, options)

    monkeypatch.setattr(os, "readlink", readlink)
    report = run_roles(offload, {"way": way, **SMALL})
    assert (report.errors, report.violations) == ({}, set())
    assert report.values["threads and processes used"] == [1, 1, 1]


@pytest.mark.parametrize("way", IN_THIS_PROCESS)
def test_one_job_without_work(run_roles, way):
    """The smallest numbers."""
    report = run_roles(offload, {"way": way, "jobs": 1, "steps": 0, "pool": 3})
    assert (report.errors, report.violations) == ({}, set())


# --- the job ---


@pytest.mark.parametrize("steps", [0, 1, 2, 1000])
@pytest.mark.parametrize("job", [0, 1, 12])
def test_a_result_is_known_before(tmp_path, job, steps):
    """The computation comes to what its closed form says."""
    assert do_job(str(tmp_path / "none"), job, steps) == foresee(job, steps)


def test_results_tell_jobs_apart():
    """No two jobs, and no two sizes, have the same."""
    assert len({foresee(job, steps) for job in range(100) for steps in (999, 1000)}) == 200


def test_one_job_in_five_raises_its_number(tmp_path):
    """Its end is written down as that of the others."""
    ledger = tmp_path / "ledger"
    ledger.touch()
    with pytest.raises(JobFailedError) as caught:
        do_job(str(ledger), 4, 1)
    (span,) = read_ledger(ledger.read_text().splitlines())
    assert (caught.value.args, span.job, span.end_ns is None) == ((4,), 4, False)
    assert [job for job in range(10) if fails(job)] == [4, 9]


def test_a_sign_that_does_not_come(tmp_path):
    """It is not waited for any longer than was said, and one that is there is seen."""
    begun, sign = tmp_path / "begun", tmp_path / "sign"
    assert not wait_for_sign(str(begun), str(sign), 0.0)
    assert begun.exists()
    sign.touch()
    assert wait_for_sign(str(begun), str(sign), 0.0)


def test_a_ledger_keeps_executions_apart():
    """A job without an end still runs; two of the same number are told apart by their threads."""
    lines = ["7 1 1 begin 10", "7 1 2 begin 20", "8 1 3 begin 30", "7 1 2 end 40", "8 1 3 end 50"]
    spans = read_ledger(lines)
    assert spans == [
        Span(7, Place(1, "1"), 10, None),
        Span(7, Place(1, "2"), 20, 40),
        Span(8, Place(1, "3"), 30, 50),
    ]
    assert count_most_at_once(spans) == 3
    assert count_most_at_once(spans[1:2]) == 1
    assert count_most_at_once([]) == 0


def test_a_job_that_begins_as_another_ends_is_not_beside_it():
    """Equal times are one after another."""
    assert count_most_at_once([Span(1, Place(1, "1"), 0, 5), Span(2, Place(1, "1"), 5, 9)]) == 1


# --- saboteurs ---


@pytest.mark.parametrize(
    ("job", "answer", "violation"),
    [
        (2, "another's result", "results wrong"),
        (2, JobFailedError(2), "results wrong"),
        (4, 17, "errors wrong"),
        (4, JobFailedError(3), "errors wrong"),
        (4, ValueError(4), "errors wrong"),
    ],
    ids=["another's result", "an error for a result", "a result for an error", "another's error", "another class"],
)
def test_an_answer_that_is_not_the_job_s(run_roles, backend, job, answer, violation):
    """One that comes back changed is counted and shown."""

    class ChangingRuntime(Wrapped):
        async def run_in_thread(self, function, *args):
            try:
                result = await self.inner.run_in_thread(function, *args)
            except JobFailedError as exc:
                result = exc
            if args[1] == job:
                result = answer
            if isinstance(result, Exception):
                raise result
            return result

    report = run_roles(offload, {"way": "thread", **SMALL}, wrap={"main": ChangingRuntime}, backend=backend)
    assert (report.errors, report.violations) == ({}, {violation})
    assert report.values[violation] == [0, 1, 1, 1]
    assert report.values["wrong answer"] == [repr(answer)] * 3


def test_an_answer_that_never_comes(run_roles, backend):
    """Whoever asked is ended in its place, and the group with it."""

    class Vanished(BaseException):
        pass

    class VanishingGroup(WrappedGroup):
        async def spawn(self, function, *args):
            async def vanish():
                with suppress(Vanished):
                    await function(*args)

            await self.group.spawn(vanish)

    class VanishingRuntime(Wrapped):
        def open_task_group(self):
            return VanishingGroup(self.inner.open_task_group())

        async def run_in_thread(self, function, *args):
            result = await self.inner.run_in_thread(function, *args)
            if is_job(function, args):
                raise Vanished
            return result

    report = run_roles(offload, {"way": "forget", **SMALL}, wrap={"main": VanishingRuntime}, backend=backend)
    assert (report.errors, report.violations) == ({}, {"answers missing"})
    assert report.values["answers missing"] == [0, 1, 1, 1]


def test_a_job_that_is_answered_and_not_done(run_roles, backend):
    """A right answer does not hide it."""

    class GuessingRuntime(Wrapped):
        async def run_in_thread(self, function, *args):
            if is_job(function, args):
                return foresee(*args[1:])
            return await self.inner.run_in_thread(function, *args)

    report = run_roles(offload, {"way": "thread", **SMALL}, wrap={"main": GuessingRuntime}, backend=backend)
    assert (report.errors, report.violations) == ({}, {"jobs not run"})
    assert report.values["jobs not run"] == [0, 1, 1, 1]


def test_a_job_that_is_done_twice(run_roles, backend):
    """One answer does not hide the other execution."""

    class RepeatingRuntime(Wrapped):
        async def run_in_thread(self, function, *args):
            if is_job(function, args):
                await self.inner.run_in_thread(function, *args)
            return await self.inner.run_in_thread(function, *args)

    report = run_roles(offload, {"way": "thread", **SMALL}, wrap={"main": RepeatingRuntime}, backend=backend)
    assert (report.errors, report.violations) == ({}, {"jobs run twice"})
    assert report.values["jobs run twice"] == [0, 1, 1, 1]


@TELLS_THREADS_APART
@pytest.mark.parametrize("way", ["thread", "forget", "process"])
def test_work_that_is_not_offloaded(run_roles, monkeypatch, way):
    """A runtime that does it in the scheduler's thread: every job is elsewhere, and no other task runs beside it."""
    monkeypatch.setattr(module, "_MOST_SIGN_SECONDS", 0.05)

    class InlineRuntime(Wrapped):
        async def run_in_thread(self, function, *args):
            return function(*args)

        run_in_process = run_in_thread

    report = run_roles(offload, {"way": way, **SMALL}, wrap={"main": InlineRuntime})
    assert (report.errors, report.violations) == ({}, {"jobs run elsewhere", "others while a job waits for them"})
    assert report.values["jobs run elsewhere"] == [2, 10, 10, 10]


def test_a_thread_in_the_place_of_a_process(run_roles, backend):
    """The results are the same; where the jobs ran is not."""

    class ThreadRuntime(Wrapped):
        async def run_in_process(self, function, *args):
            return await self.inner.run_in_thread(function, *args)

    report = run_roles(offload, {"way": "process", **SMALL}, wrap={"main": ThreadRuntime}, backend=backend)
    assert (report.errors, report.violations) == ({}, {"jobs run elsewhere"})


def test_a_wait_that_blocks_the_scheduler(run_roles, monkeypatch):
    """The job is in a thread, and all others stand still until it has ended."""
    monkeypatch.setattr(module, "_MOST_SIGN_SECONDS", 0.05)

    class BlockingRuntime(Wrapped):
        async def run_in_thread(self, function, *args):
            answers = []

            def run():
                try:
                    answers.append((function(*args), None))
                except JobFailedError as exc:
                    answers.append((None, exc))

            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            ((result, error),) = answers
            if error:
                raise error
            return result

    report = run_roles(offload, {"way": "thread", **FEW}, wrap={"main": BlockingRuntime})
    assert (report.errors, report.violations) == ({}, {"others while a job waits for them"})
    assert report["others while a job waits for them"] == STAND_STILL


def test_a_job_that_is_left_running(run_roles, backend):
    """It was answered, and a copy of it runs on when the group has ended."""
    begun, go_on = threading.Semaphore(0), threading.Event()
    copies = []

    class LeavingRuntime(Wrapped):
        async def run_in_thread(self, function, *args):
            if is_job(function, args):
                copies.append(start_copy(*args))
                return foresee(*args[1:])
            return await self.inner.run_in_thread(function, *args)

    class Pausing:
        """A number of steps that lets the job pause after it has begun."""

        def __index__(self):
            begun.release()
            assert go_on.wait(10)
            return 0

    def start_copy(ledger, job, _):
        thread = threading.Thread(target=do_job, args=(ledger, job, Pausing()))
        thread.start()
        assert begun.acquire(timeout=10)
        return thread

    try:
        report = run_roles(offload, {"way": "thread", **SMALL}, wrap={"main": LeavingRuntime}, backend=backend)
    finally:
        go_on.set()
        for thread in copies:
            thread.join()
    assert (report.errors, report.violations) == ({}, {"jobs left running"})
    assert report.values["jobs left running"] == [0, 1, 1, 1]


def test_a_group_that_does_not_wait_for_forgotten_jobs(run_roles):
    """They run beside it: unanswered, or not even begun, when it ends."""
    detached = set()

    class LeakingGroup(WrappedGroup):
        async def spawn(self, function, *args):
            if args and args[0] == 2:
                detached.add(asyncio.ensure_future(function(*args)))
            else:
                await self.group.spawn(function, *args)

    class LeakingRuntime(Wrapped):
        def open_task_group(self):
            return LeakingGroup(self.inner.open_task_group())

        async def run_in_thread(self, function, *args):
            if is_job(function, args):
                await asyncio.Event().wait()  # until the loop ends
            return await self.inner.run_in_thread(function, *args)

    report = run_roles(offload, {"way": "forget", "jobs": 3, "steps": 0}, wrap={"main": LeakingRuntime})
    assert report.errors == {}
    assert "answers missing" in report.violations
