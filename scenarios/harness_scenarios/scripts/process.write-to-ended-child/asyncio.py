"""A program that goes on writing to a child that has ended gets an error.

API: asyncio.subprocess.Process.stdin, StreamWriter.drain.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    child = await asyncio.create_subprocess_exec("true", stdin=PIPE)
    await child.wait()
    try:
        for _ in range(50):
            child.stdin.write(bytes(1024))
            await child.stdin.drain()
            await asyncio.sleep(0)
    except (ConnectionError, RuntimeError) as exc:
        print("error:   ", repr(exc))
        return "a write raises"
    return "every write returns, and what was written is dropped"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "a write raises"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
