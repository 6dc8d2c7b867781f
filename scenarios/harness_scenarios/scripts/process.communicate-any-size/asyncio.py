"""Any amount goes through a child that fills its stderr before it reads.

API: asyncio.subprocess.Process.communicate.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE

SCRIPT = "head -c 200000 /dev/zero >&2; exec cat"


async def main() -> str:
    for size in (0, 1, 4096, 1 << 16, 1 << 20):
        child = await asyncio.create_subprocess_exec("sh", "-c", SCRIPT, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        try:
            out, err = await asyncio.wait_for(child.communicate(bytes(size)), 3)
        except TimeoutError:
            child.kill()
            return f"{size} bytes: communicate never ends"
        if (len(out), len(err)) != (size, 200_000):
            return f"{size} bytes: {len(out)} come back"
    return "all bytes come back"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "all bytes come back"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
