"""Two loops in two threads call each other, and every call is answered in its own thread.

API: asyncio.run_coroutine_threadsafe.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def name() -> str:
    return threading.current_thread().name


async def call(other: asyncio.AbstractEventLoop) -> set[str]:
    futures = [asyncio.run_coroutine_threadsafe(name(), other) for _ in range(25)]
    done, _ = await asyncio.wait([asyncio.wrap_future(future) for future in futures], timeout=2)
    return {f"{len(done)} calls", *(future.result() for future in done)}


def serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


loops = {name: new_event_loop() for name in ("first", "second")}
for thread, loop in loops.items():
    threading.Thread(target=serve, args=(loop,), name=thread, daemon=True).start()
first = asyncio.run_coroutine_threadsafe(call(loops["first"]), loops["second"])
second = asyncio.run_coroutine_threadsafe(call(loops["second"]), loops["first"])
try:
    seen = f"{sorted(first.result(4))} and {sorted(second.result(4))}"
except TimeoutError:
    seen = "calls are not answered"
expected = "['25 calls', 'first'] and ['25 calls', 'second']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
