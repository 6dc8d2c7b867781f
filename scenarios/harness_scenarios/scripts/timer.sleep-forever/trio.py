"""A sleep for an infinite time waits until it is cancelled.

API: trio.sleep(inf).
"""

import math
import sys

import trio


async def main() -> str:
    with trio.move_on_after(0.2):
        await trio.sleep(math.inf)
        return "returns"
    return "still asleep after 0.2 s"


seen, expected = trio.run(main), "still asleep after 0.2 s"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
