"""A child that ends without reading what communicate sends is no error: its output comes back.

API: asyncio.subprocess.Process.communicate.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    child = await asyncio.create_subprocess_exec("echo", "done", stdin=PIPE, stdout=PIPE)
    await asyncio.sleep(0.2)  # it has ended, and the loop has noticed
    try:
        out, _ = await child.communicate(bytes(100_000))
    except Exception as exc:
        return repr(exc)
    return f"returned {out!r}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "returned b'done\\n'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
