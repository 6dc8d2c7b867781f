"""bridge: threads hand work over to the scheduler, and tasks to threads.

Question: what does a hand-over between a thread and the scheduler cost, and where does the time go?

Contract: everything that is handed over arrives, once.

`way` selects the kind of hand-over:

- `item`: threads put items into an inbox, from which one task receives.
- `back`: tasks wait for functions that do nothing in threads (`run_in_thread`), one after another.
- `job` (scenario `bridge-job`): threads start functions in the scheduler and wait for all of them at the end.
- `call` (scenario `bridge-call`): threads have the scheduler call a function and wait for it, one after another.

`threads` threads (tasks, with `back`) do this at once. The measured value is the time from the first hand-over until
everything is done, divided by the number of hand-overs. The busy time of the thread itself is reported too and, where
the thread waits for each hand-over, the latency. One value warms up, three are measured.

Why a queue between threads is cheaper than a hand-over to an event loop: a thread takes a lock and appends. A loop is
handed a callback in a context of its own, which makes a task and sets a future, and it is woken by a byte through a
socket. `where the time goes` says which of the two sides takes the time.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any

from harness.api import (
    Bridge,
    Capability,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    Value,
    bounded,
    bridge_of,
    grid,
    info,
    metric,
)
from harness_scenarios.parts.percentiles import compute_percentiles

_MEASURED_VALUES = 3
_MOST = 0.5
_ITEM, _BACK, _JOB, _CALL = "item", "back", "job", "call"


async def main(runtime: Runtime, probe: Probe) -> None:
    """Hand over, four times."""
    shifts = [_Shift(runtime, probe) for _ in range(1 + _MEASURED_VALUES)]
    for number, shift in enumerate(shifts):
        await shift.run()
        if number:
            shift.report()
    due, arrived = sum(shift.count for shift in shifts), sum(shift.arrived for shift in shifts)
    probe.observe("handed over", due)
    probe.observe("arrived", arrived)
    probe.observe("missing", due - arrived)


class _Shift:
    """The hand-overs of one value."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self._bridge: Bridge = bridge_of(runtime)
        self._way: str = probe.parameters["way"]
        self._threads: int = probe.parameters["threads"]
        self._each: int = probe.parameters["hand_overs"] // self._threads
        self._busy_ns = [0] * self._threads
        self._latencies: list[list[int]] = [[] for _ in range(self._threads)]
        self._arrived = [0] * self._threads
        self._is_own = False
        self._duration_ns = 0

    async def run(self) -> None:
        """Hand over, and take the time."""
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            _ITEM: self._hand_over_items,
            _BACK: self._go_there_and_back,
            _JOB: lambda: self._let_threads(self._start_jobs),
            _CALL: lambda: self._let_threads(self._make_calls),
        }
        start_ns = perf_counter_ns()
        await ways[self._way]()
        self._duration_ns = perf_counter_ns() - start_ns
        self._probe.advance(self._each * self._threads)

    async def _let_threads(self, work: Callable[[int], None]) -> None:
        """Run a function in foreign threads and wait for the last of them."""
        done = self._bridge.create_event()
        left = list(range(self._threads))

        def run(index: int) -> None:
            try:
                work(index)
            finally:
                left.pop()
                if not left:
                    done.set()

        threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(self._threads)]
        for thread in threads:
            thread.start()
        await done.wait()
        for thread in threads:
            thread.join()  # short: it has nothing more to do

    # --- the four ways ---

    async def _hand_over_items(self) -> None:
        box = self._bridge.open_inbox()

        def put_all(index: int) -> None:
            put = box.put
            start_ns = perf_counter_ns()
            for _ in range(self._each):
                put(index)
            self._busy_ns[index] = perf_counter_ns() - start_ns

        async def receive_all() -> None:
            for _ in range(self._each * self._threads):
                self._arrived[await box.receive()] += 1

        async with self._runtime.open_task_group() as group:
            await group.spawn(receive_all)
            await self._let_threads(put_all)

    async def _go_there_and_back(self) -> None:
        def note(index: int) -> None:
            self._arrived[index] += 1

        async def go(index: int) -> None:
            run_in_thread, keep = self._runtime.run_in_thread, self._latencies[index].append
            for _ in range(self._each):
                start_ns = perf_counter_ns()
                await run_in_thread(note, index)
                keep(perf_counter_ns() - start_ns)

        async with self._runtime.open_task_group() as group:
            for index in range(self._threads):
                await group.spawn(go, index)

    def _start_jobs(self, index: int) -> None:
        async def note() -> int:
            return 1

        submit = self._bridge.submit
        start_ns = perf_counter_ns()
        jobs = [submit(note) for _ in range(self._each)]
        self._busy_ns[index] = perf_counter_ns() - start_ns
        self._arrived[index] = sum(job.result() for job in jobs)

    def _make_calls(self, index: int) -> None:
        own = threading.get_ident()

        def note() -> int:
            self._is_own = threading.get_ident() == own
            return 1

        call, keep = self._bridge.call, self._latencies[index].append
        for _ in range(self._each):
            start_ns = perf_counter_ns()
            self._arrived[index] += call(note)
            keep(perf_counter_ns() - start_ns)

    # --- what came of it ---

    @property
    def count(self) -> int:
        """How much was handed over."""
        return self._each * self._threads

    @property
    def arrived(self) -> int:
        """How much of it arrived."""
        return sum(self._arrived)

    def report(self) -> None:
        """Observe the costs per hand-over."""
        observe, count = self._probe.observe, self.count
        observe("ns per hand-over", self._duration_ns / count)
        if self._way in (_BACK, _CALL):
            latencies = compute_percentiles(latency for one in self._latencies for latency in one)
            for name in ("p50", "p99"):
                if name in latencies:
                    observe(f"latency {name}", latencies[name] / 1e3)
        else:
            observe("µs in the thread", sum(self._busy_ns) / count / 1e3)
            observe("where the time goes", _explain(sum(self._busy_ns) / self._threads / self._duration_ns))
        if self._way == _CALL:
            observe("made by", "the thread itself" if self._is_own else "the scheduler")


def _explain(share: float) -> str:
    """Say which side takes the time, so coarsely that rounds agree."""
    return "mostly in the thread that hands over" if share > _MOST else "mostly in what takes it over"


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "ns per hand-over": metric("ns"),
    "µs in the thread": metric("µs"),
    "latency p50": metric("µs"),
    "latency p99": metric("µs"),
    "handed over": info(),
    "arrived": info(),
    "missing": bounded(at_most=0, at_least=0, reason="everything that is handed over arrives, once"),
    "made by": info(),
    "where the time goes": info(),
}


def _parameters(*ways: str) -> tuple[Parameter, ...]:
    return (
        Parameter(name="way", default=ways[0], summary="kind of the handover", choices=ways),
        Parameter(name="threads", default=1, summary="threads (back: tasks) that do it at once", at_least=1),
        Parameter(name="hand_overs", default=4000, summary="hand-overs of each value, of all threads", at_least=4),
    )


def _make(name: str, ways: tuple[str, ...], question: str, **more: Any) -> Scenario:
    rows: dict[str, tuple[dict[str, Value], ...]] = {
        "quick": grid(way=ways[:1], threads=(1,), hand_overs=(1000,)) if _CALL not in ways else (),
        "default": grid(way=ways, threads=(1, 4)),
        "thorough": grid(way=ways, threads=(1, 4, 16), hand_overs=(40_000,)),
    }
    return Scenario(
        name=name,
        question=question,
        contract=("Everything that is handed over arrives, once.",),
        ref=f"harness_scenarios.load.bridge:{name.replace('-', '_')}",
        roles={"main": main},
        parameters=_parameters(*ways),
        judges=_JUDGES,
        headline="ns per hand-over",
        rows=rows,
        conserved={"handed over": ("arrived", "missing")},
        work="hand_overs",
        timeout=60.0,
        hang_after=10.0,
        summary=question,
        **more,
    )


bridge = _make(
    "bridge",
    (_ITEM, _BACK),
    "What does it cost to hand an item from a thread to a task, and to go from a task to a thread and back?",
    requires=(Capability.BRIDGE, Capability.THREAD),
    catches=("offload-runs-twice",),
)

bridge_job = _make(
    "bridge-job",
    (_JOB,),
    "What does it cost a thread to start a function in the scheduler, or in a pool of threads, and to have it done?",
    requires=(Capability.BRIDGE, Capability.BRIDGE_JOB),
    catches=("call-error-wakes-nothing",),
)

bridge_call = _make(
    "bridge-call",
    (_CALL,),
    "How long does a thread wait for a call that the scheduler makes?",
    requires=(Capability.BRIDGE, Capability.BRIDGE_CALL),
    parity=("made by",),
)
