"""children: start programs, a number of them at a time, read their output and wait for them.

Question: how many children can a program start and wait for in a second?

Contract: each child that is started ends with its exit code, and its output is read to the last byte.

Children come in batches: the programs of a batch are started one after another, as a loop in an async function does it,
and then read and waited for together. One value warms up, three are measured; a value is all of its batches.

The time that a start takes on the scheduler is measured separately (`ns per start`), because it explains the figure: a
runtime that starts children in the scheduler's own thread blocks meanwhile, whatever the child does afterwards. The
longest time that another task had to wait for a turn is reported as `longest stop of others`.
"""

from __future__ import annotations

from time import perf_counter_ns

from harness.api import (
    NULL,
    PIPE,
    Capability,
    ChildProcess,
    Judge,
    Parameter,
    Probe,
    Processes,
    Runtime,
    Scenario,
    bounded,
    grid,
    info,
    metric,
    processes_of,
)

_MEASURED_VALUES = 3
_KIB = 1024


async def main(runtime: Runtime, probe: Probe) -> None:
    """Start all batches: once to warm up, then timed."""
    probe.observe("children at once", probe.parameters["at_once"])
    for number in range(1 + _MEASURED_VALUES):
        value = _Value(runtime, probe)
        duration_ns = await value.run()
        probe.observe("children that failed", value.failed)
        probe.observe("bytes missing", value.missing)
        if number:
            children = value.children
            probe.observe("ns per child", duration_ns / children)
            probe.observe("ns per start", value.start_ns / children)
            probe.observe("longest stop of others", value.longest_stop_ns / 1e6)
            if value.output_bytes:
                mebibytes = children * value.output_bytes / _KIB**2
                probe.observe("output", mebibytes * 1e9 / duration_ns)


class _Value:
    """The children of one value, and what became of them."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self._processes: Processes = processes_of(runtime)
        self._at_once: int = probe.parameters["at_once"]
        self._batches: int = probe.parameters["batches"]
        self.output_bytes: int = probe.parameters["output_kib"] * _KIB
        self.children = self._at_once * self._batches
        self.failed = self.missing = self.start_ns = self.longest_stop_ns = 0
        self._is_over = False

    async def run(self) -> int:
        """Start every batch, and return the time it took, in ns."""
        async with self._runtime.open_task_group() as group:
            await group.spawn(self._watch_turns)
            start_ns = perf_counter_ns()
            for _ in range(self._batches):
                await self._run_batch()
                self._probe.advance(self._at_once)
            duration_ns = perf_counter_ns() - start_ns
            self._is_over = True
        return duration_ns

    async def _watch_turns(self) -> None:
        """Sleep again and again, and keep by how much a sleep was longer than the shortest one."""
        before_ns = perf_counter_ns()
        while not self._is_over:
            await self._runtime.sleep(0.001)
            now_ns = perf_counter_ns()
            self.longest_stop_ns = max(self.longest_stop_ns, now_ns - before_ns)
            before_ns = now_ns

    async def _run_batch(self) -> None:
        command = ["head", "-c", str(self.output_bytes), "/dev/zero"] if self.output_bytes else ["true"]
        children: list[ChildProcess] = []
        for _ in range(self._at_once):
            start_ns = perf_counter_ns()
            children.append(await self._processes.start_process(command, stdin=NULL, stdout=PIPE))
            self.start_ns += perf_counter_ns() - start_ns
        async with self._runtime.open_task_group() as group:
            for child in children:
                await group.spawn(self._attend, child)

    async def _attend(self, child: ChildProcess) -> None:
        out, _ = await child.communicate()
        assert child.stdout is not None
        await child.stdout.aclose()  # not every runtime closes a stream at its end
        # One after another on loops; threads may lose a count of what does not happen.
        self.missing += self.output_bytes - len(out)
        self.failed += await child.wait() != 0


_JUDGES: dict[str, Judge] = {
    "ns per child": metric("ns"),
    "ns per start": metric("ns"),
    "output": metric("MiB/s", better="higher"),
    "longest stop of others": info("ms"),
    "children at once": info(),
    "children that failed": bounded(at_most=0, reason="a child that ends well has the exit code 0"),
    "bytes missing": bounded(at_most=0, at_least=0, reason="the output of a child is read to the last byte"),
}

children = Scenario(
    name="children",
    question="How many children can a program start and wait for in a second?",
    contract=(
        "Each child that is started ends with its exit code.",
        "The output of a child is read to the last byte.",
    ),
    ref="harness_scenarios.load.children:children",
    roles={"main": main},
    parameters=(
        Parameter(name="at_once", default=10, summary="children of a batch, which run at the same time", at_least=1),
        Parameter(name="batches", default=5, summary="batches of a value, one after another", at_least=1),
        Parameter(name="output_kib", default=0, summary="what each child writes", unit="KiB", at_least=0),
    ),
    judges=_JUDGES,
    headline="ns per child",
    rows={
        "quick": grid(at_once=(10,), batches=(2,)),
        "default": (
            {"at_once": 1, "batches": 20},
            {"at_once": 10, "batches": 3},
            {"at_once": 4, "batches": 2, "output_kib": 4096},
        ),
        "thorough": (
            *grid(at_once=(1, 10, 100), batches=(10,)),
            *grid(at_once=(1, 4), batches=(5,), output_kib=(64, 16384)),
        ),
    },
    parity=("children at once",),
    requires=(Capability.CHILD_PROCESS,),
    work="batches",
    timeout=60.0,
    hang_after=10.0,
    summary="start programs, a number of them at a time, read their output and wait for them",
    catches=("communicate-cuts-off",),
)
