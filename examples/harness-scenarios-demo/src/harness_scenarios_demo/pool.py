"""Is every job of a worker pool done once, when the pool is drained while jobs are waiting?

The team's service stops like this: no new jobs are taken, the workers finish the queued jobs, and the process ends. A
job that is lost then is a customer's order that is never seen again; one that is done twice is billed twice.

The second question is how the workers share the work: it decides whether more workers help.
"""

from __future__ import annotations

from collections import Counter
from itertools import count

from harness.api import (
    Capability,
    ErrorKind,
    Parameter,
    Probe,
    ReceiveChannel,
    Runtime,
    Scenario,
    SendChannel,
    bounded,
    interesting,
    outcomes,
)

EVENLY = "every worker does the same number of jobs"
UNEVENLY = "every worker does some, not all the same number"
SOME = "a worker does nothing"


async def drain(runtime: Runtime, probe: Probe) -> None:
    """Hand jobs to workers, close the pool with jobs still in it, and count the completed jobs."""
    workers: int = probe.parameters["workers"]
    jobs: int = probe.parameters["jobs"]
    send, receive = runtime.open_channel(probe.parameters["room"])
    done: list[tuple[int, int]] = []  # only appended to: on threads the workers do that at once
    started = count()
    all_started = runtime.create_event()

    async def work(worker: int) -> None:
        if next(started) == workers - 1:
            await all_started.set()
        while (job := await take(runtime, receive)) is not None:
            await runtime.checkpoint()  # a job lets the others run once
            done.append((worker, job))
            probe.advance()

    async with runtime.open_task_group() as group:
        for worker in range(workers):
            await group.spawn(work, worker, name=f"worker {worker}")
        await all_started.wait()
        await submit(send, jobs)
    await receive.aclose()
    times = Counter(job for _, job in done)
    probe.observe("jobs lost", jobs - len(times))
    probe.observe("jobs done twice", sum(number - 1 for number in times.values()))
    probe.observe("sharing", describe_sharing(Counter(worker for worker, _ in done), workers))


async def submit(send: SendChannel, jobs: int) -> None:
    """Hand in the jobs and drain the pool: the last ones are still waiting."""
    for job in range(jobs):
        await send.send(job)
    await send.aclose()


async def take(runtime: Runtime, receive: ReceiveChannel) -> int | None:
    """Return the next job, or nothing when the pool is drained."""
    try:
        job: int = await receive.receive()
    except Exception as exc:
        if runtime.classify(exc) is not ErrorKind.END_OF_CHANNEL:
            raise
        return None
    return job


def describe_sharing(jobs_of: Counter[int], workers: int) -> str:
    """Return the distribution of the jobs."""
    if len(jobs_of) < workers:
        return SOME
    return EVENLY if len(set(jobs_of.values())) == 1 else UNEVENLY


DRAIN = Scenario(
    name="pool.drain",
    question="A worker pool is drained with jobs in it: is each done once, and how do the workers share them?",
    contract=("Each item reaches one receiver.", "After the last sender closed, receivers get the remaining items."),
    ref="harness_scenarios_demo.pool:DRAIN",
    roles={"main": drain},
    parameters=(
        Parameter(name="workers", default=4, summary="tasks that take jobs", at_least=1),
        Parameter(name="jobs", default=40, summary="handed in by one task", at_least=1),
        Parameter(name="room", default=10, summary="capacity of the channel between them", at_least=1),
    ),
    judges={
        "jobs lost": bounded(at_most=0, reason="a job that was accepted is done"),
        "jobs done twice": bounded(at_most=0, reason="each job reaches one worker"),
        "sharing": outcomes(
            {
                EVENLY: interesting("the workers take turns: more of them share the work"),
                UNEVENLY: interesting("a ready worker takes the next: a job is not a turn"),
                SOME: interesting("a worker that has just finished takes the next job before one that waits"),
            }
        ),
    },
    headline="sharing",
    rows={"quick": ({"jobs": 40},), "thorough": ({"jobs": 40}, {"jobs": 2000})},
    requires=(Capability.CHANNEL, Capability.CHANNEL_CLOSE),
    side_by_side=True,
    timeout=30.0,
    hang_after=5.0,
    summary="one task hands jobs to workers through a channel and closes it while jobs are waiting",
)
