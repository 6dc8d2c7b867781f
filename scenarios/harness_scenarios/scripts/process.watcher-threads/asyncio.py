"""Waits for ten children take ten threads at most.

API: asyncio.subprocess.Process.wait.
"""

import asyncio
import os
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> int:
    gate, hold = os.pipe()
    before = len(os.listdir("/proc/self/task"))
    children = [await asyncio.create_subprocess_exec("cat", stdin=gate) for _ in range(10)]
    os.close(gate)
    waits = [asyncio.create_task(child.wait()) for child in children]
    await asyncio.sleep(0.05)
    threads = len(os.listdir("/proc/self/task")) - before
    os.close(hold)
    await asyncio.wait(waits)
    return threads


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    threads = runner.run(main())
seen = "at most ten" if threads <= 10 else f"{threads} threads"
expected = "at most ten"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
