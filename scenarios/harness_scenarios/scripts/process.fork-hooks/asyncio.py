"""The start of a child runs the hooks of `os.register_at_fork` in pairs, or not at all.

API: os.register_at_fork, asyncio.create_subprocess_exec.
"""

import asyncio
import os
import sys
from asyncio import new_event_loop  # the event loop under test

hooks = []


async def main() -> None:
    os.register_at_fork(before=lambda: hooks.append("before"), after_in_parent=lambda: hooks.append("after"))
    for _ in range(2):
        await (await asyncio.create_subprocess_exec("true")).wait()


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
pairs = ["before", "after"] * 2
seen = "in pairs, or not at all" if hooks in ([], pairs) else " ".join(hooks)
expected = "in pairs, or not at all"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
