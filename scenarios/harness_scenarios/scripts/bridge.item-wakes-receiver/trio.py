"""An item that a thread hands over wakes the task that waits for it.

API: trio.lowlevel.TrioToken.run_sync_soon(send_channel.send_nowait).
"""

import math
import sys
import threading

import trio


async def main() -> str:
    send, receive = trio.open_memory_channel(math.inf)
    threading.Timer(0.1, trio.lowlevel.current_trio_token().run_sync_soon, (send.send_nowait, "item")).start()
    with trio.move_on_after(1):
        return f"{await receive.receive()} arrives"
    return "it is lost"


seen = trio.run(main)
expected = "item arrives"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
