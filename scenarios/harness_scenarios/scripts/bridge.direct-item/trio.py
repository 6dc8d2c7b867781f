"""A thread that calls send_nowait without trio.from_thread is refused, and the run goes on.

API: trio.MemorySendChannel.send_nowait, called by a foreign thread (python-trio/trio#2398).
"""

import sys
import threading

import trio


async def main() -> None:
    send, receive = trio.open_memory_channel(10)
    threading.excepthook = lambda args: print(f"thread:   {args.exc_value!r}")
    threading.Timer(0.1, send.send_nowait, ("item",)).start()
    with trio.move_on_after(0.5):
        await receive.receive()


try:
    trio.run(main)
    seen = "the run goes on"
except trio.TrioInternalError as exc:
    seen = f"the run ends with {type(exc).__name__}"
expected = "the run goes on"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
