"""A descriptor that is not passed to a child is closed in it, also if it is inheritable.

API: asyncio.create_subprocess_exec, whose close_fds is true by default.
"""

import asyncio
import os
import sys
import tempfile
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    with tempfile.TemporaryFile() as file:
        os.set_inheritable(file.fileno(), True)
        child = await asyncio.create_subprocess_exec("test", "-e", f"/dev/fd/{file.fileno()}")
        return "the child has it" if await child.wait() == 0 else "it is closed in the child"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "it is closed in the child"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
