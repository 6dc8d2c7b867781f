"""A waiter that is cancelled in the turn in which it is handed the lock passes the lock on.

API: trio.Lock, trio.CancelScope.cancel.
"""

import sys

import trio
import trio.testing


async def take(lock: trio.Lock, scope: trio.CancelScope, taken: list[str]) -> None:
    with scope:
        async with lock:
            taken.append("taken")


async def main() -> str:
    lock, first, second, taken = trio.Lock(), trio.CancelScope(), trio.CancelScope(), list[str]()
    async with trio.open_nursery() as nursery:
        async with lock:
            for scope in (first, second):
                nursery.start_soon(take, lock, scope, taken)
                await trio.testing.wait_all_tasks_blocked()
        first.cancel()  # it has been handed the lock, and has not run since
        await trio.sleep(0.1)
        second.cancel()
    return "a waiter had the lock" if taken else "the lock is lost"


seen, expected = trio.run(main), "a waiter had the lock"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
