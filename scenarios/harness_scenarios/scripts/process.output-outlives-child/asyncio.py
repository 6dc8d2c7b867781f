"""All that a child has written can be read after its end.

API: asyncio.subprocess.Process.stdout.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    lost = []
    for size in (0, 1, 4096, 1 << 16):
        child = await asyncio.create_subprocess_exec("head", "-c", str(size), "/dev/zero", stdout=PIPE)
        await asyncio.sleep(0.1)  # it has ended
        received = len(await child.stdout.read())
        if received != size:
            lost.append(f"{received} of {size}")
        await child.wait()
    return ", ".join(lost) or "all bytes arrive"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "all bytes arrive"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
