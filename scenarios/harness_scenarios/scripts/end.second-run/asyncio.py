"""A run works in a process in which another one has ended, with an error or an exit.

API: asyncio.Runner.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main(error: BaseException | None) -> None:
    await asyncio.to_thread(int)
    await (await asyncio.create_subprocess_exec("true")).wait()
    if error is not None:
        raise error


def run(error: BaseException | None) -> str:
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(main(error))
    except BaseException as exc:
        return repr(exc)
    return "works"


seen = ", ".join(run(error) for error in (ValueError(), SystemExit(3), None))
expected = "ValueError(), SystemExit(3), works"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
