"""A child can open the pipe that is its stdout by its name.

API: asyncio.create_subprocess_exec(stdout=PIPE), Process.communicate.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    child = await asyncio.create_subprocess_exec("sh", "-c", "echo hello >/dev/stdout", stdout=PIPE, stderr=PIPE)
    out, err = await child.communicate()
    return f"it writes {out!r}" if out else err.decode().strip()


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "it writes b'hello\\n'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
