"""A child starts with no signal ignored or blocked, though Python ignores SIGPIPE.

API: asyncio.create_subprocess_exec, whose restore_signals is true by default.
"""

import asyncio
import re
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    child = await asyncio.create_subprocess_exec("cat", "/proc/self/status", stdout=PIPE)
    out, _ = await child.communicate()
    masks = dict(re.findall(r"Sig(Blk|Ign):\s*([0-9a-f]+)", out.decode()))
    return f"blocked: {int(masks['Blk'], 16):#x}, ignored: {int(masks['Ign'], 16) & 0x7FFFFFFF:#x}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "blocked: 0x0, ignored: 0x0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
