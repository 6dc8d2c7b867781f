"""The error of a job whose caller was cancelled disturbs nothing.

API: asyncio.to_thread, Task.cancel, loop.set_exception_handler.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


def fail(gate: threading.Event) -> None:
    gate.wait(3)
    raise ValueError("a job without a caller")


async def main() -> str:
    gate, reports = threading.Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context["message"]))
    caller = asyncio.create_task(asyncio.to_thread(fail, gate))
    await asyncio.sleep(0.05)
    caller.cancel()
    await asyncio.wait([caller], timeout=1)
    gate.set()
    await asyncio.sleep(0.1)
    return f"cancelled: {caller.cancelled()}, reports: {reports}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "cancelled: True, reports: []"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
