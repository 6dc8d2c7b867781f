"""offload: CPU work beside a heartbeat: inline, in threads, in processes, or fire-and-forget.

Question: for how long does the heartbeat stand still while CPU work is done, and how much work is done?

Contract: every job runs once, where it was asked to, and its result or its error comes back; while offloaded jobs run
others do too; when those who asked have ended no job runs any more.

`way` is how the work is done:

- `inline`: a task does it itself, and yields after each job.
- `thread`: a task waits for it in a thread of the runtime (`run_in_thread`).
- `process`: a task waits for it in a process of the runtime (`run_in_process`).
- `forget`: each job has a task of its own that waits for it in a thread. All are started at once. No task waits for a
  single one of them, only for the end of their group.

`pool` tasks take the jobs, one after another, so that is how many are wanted at once. The pools themselves are the
runtime's own, of its own size; with `forget` that alone decides. `most jobs at once` and `threads and processes used`
show what came of it, the latter without the threads where the system does not tell them apart (no `/proc`).

The work is pure Python and holds the interpreter's lock, a count of steps and not a time. One job in five raises. A
job writes to a file when and where it begins and ends, so that running jobs are known whatever the runtime
reports. Each worker has done a job before the clock starts; three values are measured.

That others run meanwhile is not read from the heartbeat, which threads that compete for the interpreter may keep
waiting for all of the jobs. At the end a job is offloaded that computes nothing and waits for a sign of another task.

`cpus` keeps the role, and the processes that it starts, to some of the CPUs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any

from harness.api import (
    Capability,
    Event,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    Value,
    allowed,
    bounded,
    forbidden,
    info,
    metric,
    outcomes,
)
from harness_scenarios.parts.affinity import CPUS
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
from harness_scenarios.parts.posix import keep_to_cpus

_MEASURED_VALUES = 3
_ERRORS_KEPT = 5
_POLL_SECONDS = 0.001
_MOST_SIGN_SECONDS = 5.0
"""No machine is so busy that a task does not run for so long; less than what counts as a hang."""

RUN = "run"
STAND_STILL = "stand still"


async def main(runtime: Runtime, probe: Probe) -> None:
    """Let the pools start, then time the jobs beside a heartbeat, three times."""
    probe.observe("CPUs", keep_to_cpus(probe.parameters["cpus"]))
    with TemporaryDirectory(prefix="harness-offload-") as directory:
        for number in range(1 + _MEASURED_VALUES):
            shift = _Shift(runtime, probe, Path(directory, f"ledger-{number}"), is_warm_up=not number)
            await shift.run()
            shift.report()
        if probe.parameters["way"] != "inline":
            probe.observe("others while a job waits for them", await _see_whether_others_run(runtime, probe, directory))


async def _see_whether_others_run(runtime: Runtime, probe: Probe, directory: str) -> str:
    """Offload a job that ends when another task has seen it begin."""
    ask = _ways(runtime)[probe.parameters["way"]]
    begun, sign = Path(directory, "begun"), Path(directory, "sign")
    has_begun, give_sign = begun.exists, sign.touch
    over = runtime.create_event()

    async def answer() -> None:
        while not has_begun() and not over.is_set():
            await runtime.sleep(_POLL_SECONDS)
        give_sign()

    async with runtime.open_task_group() as group:
        await group.spawn(answer)
        try:
            came = await ask(wait_for_sign, str(begun), str(sign), _MOST_SIGN_SECONDS)
        finally:
            await over.set()
    probe.advance()
    return RUN if came else STAND_STILL


def _ways(runtime: Runtime) -> dict[str, Callable[..., Awaitable[Any]]]:
    async def run_inline(function: Callable[..., Any], *args: object) -> Any:
        try:
            return function(*args)
        finally:
            await runtime.checkpoint()

    return {
        "inline": run_inline,
        "thread": runtime.run_in_thread,
        "process": runtime.run_in_process,
        "forget": runtime.run_in_thread,
    }


class _Shift:
    """The jobs of one value and the heartbeat beside them. Safe between threads: `append` is atomic."""

    def __init__(self, runtime: Runtime, probe: Probe, ledger: Path, *, is_warm_up: bool) -> None:
        self._runtime = runtime
        self._probe = probe
        self._ledger = ledger
        self._is_warm_up = is_warm_up
        self._way: str = probe.parameters["way"]
        self._steps: int = probe.parameters["steps"]
        self._pool: int = probe.parameters["pool"]
        self._jobs: int = self._pool if is_warm_up else probe.parameters["jobs"]
        self._ask = _ways(runtime)[self._way]
        self._askers: list[Place | None] = [None] * self._jobs
        self._answers: list[tuple[int, object]] = []
        """Number of a job and its result, or the exception in its place."""
        self._beats: list[int] = []
        self._start_ns = self._end_ns = 0
        self._spans: Sequence[Span] = ()

    async def run(self) -> None:
        """Do the jobs while the heart beats."""
        self._ledger.touch()
        beating, over = self._runtime.create_event(), self._runtime.create_event()
        async with self._runtime.open_task_group() as group:
            await group.spawn(self._beat, beating, over)
            await beating.wait()
            self._start_ns = perf_counter_ns()
            await (self._fire_and_forget if self._way == "forget" else self._share_out)()
            self._end_ns = perf_counter_ns()
            self._spans = read_ledger(self._ledger.read_text().splitlines())
            await over.set()

    async def _beat(self, beating: Event, over: Event) -> None:
        seconds: float = self._probe.parameters["beat"] / 1e3
        await beating.set()
        while not over.is_set():
            await self._runtime.sleep(seconds)
            self._beats.append(perf_counter_ns())

    async def _share_out(self) -> None:
        jobs = iter(range(self._jobs))  # of which each number is given out once, also to threads
        async with self._runtime.open_task_group() as group:
            for _ in range(self._pool):
                await group.spawn(self._do_one_after_another, jobs)

    async def _do_one_after_another(self, jobs: Iterator[int]) -> None:
        for job in jobs:
            await self._do(job)

    async def _fire_and_forget(self) -> None:
        async with self._runtime.open_task_group() as group:
            for job in range(self._jobs):
                await group.spawn(self._do, job)

    async def _do(self, job: int) -> None:
        self._askers[job] = find_place()
        try:
            answer = await self._ask(do_job, str(self._ledger), job, self._steps)
        except Exception as exc:  # noqa: BLE001 - whatever comes back in the place of a result is looked at later
            answer = exc
        self._answers.append((job, answer))
        self._probe.advance()

    # --- what came of it ---

    def report(self) -> None:
        """Observe the quantities that the contract limits, and the costs."""
        self._report_answers()
        self._report_executions()
        duration_ns = self._end_ns - self._start_ns
        if self._is_warm_up:
            self._probe.observe("time until the pool has started", duration_ns / 1e6)
            return
        gaps = self._measure_gaps()
        self._probe.observe("longest heartbeat gap", gaps[-1] / 1e6)
        self._probe.observe("typical heartbeat gap", gaps[len(gaps) // 2] / 1e6)
        self._probe.observe("jobs/s", self._jobs * 1e9 / duration_ns)

    def _report_answers(self) -> None:
        observe = self._probe.observe
        observe("answers missing", self._jobs - len({job for job, _ in self._answers}))
        wrong = [(job, answer) for job, answer in self._answers if not self._is_right(job, answer)]
        observe("results wrong", sum(not fails(job) for job, _ in wrong))
        observe("errors wrong", sum(fails(job) for job, _ in wrong))
        for text in sorted({f"{answer!r}"[:300] for _, answer in wrong})[:_ERRORS_KEPT]:
            observe("wrong answer", text)

    def _is_right(self, job: int, answer: object) -> bool:
        if fails(job):
            return isinstance(answer, JobFailedError) and answer.args == (job,)
        return answer == foresee(job, self._steps)

    def _report_executions(self) -> None:
        observe, spans = self._probe.observe, self._spans
        run = {span.job for span in spans}
        observe("jobs not run", self._jobs - len(run))
        observe("jobs run twice", len(spans) - len(run))
        observe("jobs left running", sum(span.end_ns is None for span in spans))
        observe("jobs run elsewhere", sum(not self._is_at_its_place(span) for span in spans))
        if not self._is_warm_up:
            observe("beats while a job ran", self._count_beats_beside_jobs())
            observe("most jobs at once", count_most_at_once(spans))
            observe("threads and processes used", len({span.place for span in spans}))

    def _is_at_its_place(self, span: Span) -> bool:
        asker = self._askers[span.job]
        if asker is None or self._way == "inline":
            return span.place == asker
        is_same_process = span.place.process == asker.process
        if self._way == "process":
            return not is_same_process
        return is_same_process and (span.place != asker or asker.thread == UNKNOWN)

    def _measure_gaps(self) -> list[int]:
        """Return the ns between beats while the jobs were done, shortest first, with the gap after the last beat."""
        times = [self._start_ns, *(at for at in self._beats if self._start_ns < at < self._end_ns), self._end_ns]
        return sorted(after - before for before, after in pairwise(times))

    def _count_beats_beside_jobs(self) -> int:
        ended = [(span.begin_ns, span.end_ns) for span in self._spans if span.end_ns is not None]
        return sum(any(begin < at < end for begin, end in ended) for at in self._beats)


def count_most_at_once(spans: Sequence[Span]) -> int:
    """Return how many jobs ran at the same time, at most; one that has no end still runs."""
    changes = [(span.begin_ns, 1) for span in spans]
    changes += [(span.end_ns, -1) for span in spans if span.end_ns is not None]
    most = running = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "longest heartbeat gap": metric("ms"),
    "typical heartbeat gap": metric("ms"),
    "jobs/s": metric("1/s", better="higher"),
    "time until the pool has started": info("ms"),
    "answers missing": bounded(at_most=0, reason="who asks for a job is answered before its group ends"),
    "results wrong": bounded(at_most=0, reason="the caller gets the job's own return value"),
    "errors wrong": bounded(at_most=0, reason="the caller gets the job's own exception, with its class and arguments"),
    "wrong answer": info(),
    "jobs not run": bounded(at_most=0, reason="every job that is asked for runs"),
    "jobs run twice": bounded(at_most=0, reason="a job that was asked for once runs once"),
    "jobs left running": bounded(
        at_most=0, reason="who asked for a job waits for its end, and the group for those who asked"
    ),
    "jobs run elsewhere": bounded(
        at_most=0,
        reason="an inline job runs in the thread of its task, an offloaded one in another thread or another process",
    ),
    "others while a job waits for them": outcomes(
        {
            RUN: allowed("others run while a job is in a thread or in a process"),
            STAND_STILL: forbidden(
                f"no other task ran for {_MOST_SIGN_SECONDS:g} s: who waits for a job keeps all others waiting"
            ),
        }
    ),
    "beats while a job ran": info(),
    "most jobs at once": info(),
    "threads and processes used": info(),
    "CPUs": info(),
}

_WAYS = ("inline", "thread", "process", "forget")

_PARAMETERS = (
    Parameter(name="way", default="thread", summary="how the work is done", choices=_WAYS),
    Parameter(name="jobs", default=10, summary="jobs of each value; one in five raises", at_least=1),
    Parameter(name="steps", default=30_000, summary="steps of a job, of about 0.1 µs each", at_least=0),
    Parameter(name="pool", default=2, summary="tasks that ask for jobs; with forget each job has its own", at_least=1),
    Parameter(name="beat", default=1.0, summary="pause of the heartbeat", unit="ms", at_least=0.1, at_most=100),
    CPUS,
)


def _rows(**assigned: Value) -> Iterator[dict[str, Value]]:
    for way in _WAYS:
        yield {"way": way, **assigned}


offload = Scenario(
    name="offload",
    question="For how long does a heartbeat stand still while CPU work is done, and how much work is done?",
    contract=(
        "The result or the error of every job comes back, and is its own.",
        "Every job runs once, in the thread of its task, in another thread or in another process, as it was asked.",
        "While an offloaded job runs others do too.",
        "When those who asked have ended, no job is left running.",
    ),
    ref="harness_scenarios.load.offload:offload",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="longest heartbeat gap",
    rows={
        "quick": ({"way": "inline"}, {"way": "thread"}),
        "default": (*_rows(), {"way": "thread", "cpus": 1}),
        "thorough": (
            *_rows(jobs=50),
            *_rows(jobs=500, steps=1_000),
            *_rows(jobs=20, steps=1_000_000),
            *_rows(jobs=50, pool=8),
            *_rows(jobs=50, cpus=1),
        ),
    },
    requires=(Capability.THREAD, Capability.PROCESS),
    timeout=60.0,
    hang_after=10.0,
    summary="CPU work beside a heartbeat: inline, in threads, in processes, or fire-and-forget",
    catches=("error-of-thread-lost", "offload-blocks", "offload-runs-twice"),
)
