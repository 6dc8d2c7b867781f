"""SystemExit that the main function raises leaves the run, and so does KeyboardInterrupt.

API: asyncio.Runner.run.
"""

import asyncio
import faulthandler
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    await asyncio.sleep(0)
    raise SystemExit(3)


expected = "SystemExit(3)"
faulthandler.dump_traceback_later(5, exit=True)  # a loop that does not stop exits with 1
seen = "returned"
try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except BaseException as exc:
    seen = repr(exc)
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
