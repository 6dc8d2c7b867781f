"""A waiter that is cancelled after it was notified, before it has the lock again, passes its notification on.

API: trio.Condition.wait, trio.Condition.notify, CancelScope.cancel.
"""

import sys

import trio
from trio.testing import wait_all_tasks_blocked


async def wait(condition: trio.Condition, scope: trio.CancelScope, woken: trio.Event) -> None:
    with scope:
        async with condition:
            await condition.wait()
            woken.set()


async def main() -> str:
    condition, first, woken = trio.Condition(), trio.CancelScope(), trio.Event()
    async with trio.open_nursery() as nursery:
        for scope in (first, trio.CancelScope()):
            nursery.start_soon(wait, condition, scope, woken)
            await wait_all_tasks_blocked()
        async with condition:
            condition.notify()
            first.cancel()
        with trio.move_on_after(1):
            await woken.wait()
        nursery.cancel_scope.cancel()
    return "the other waiter is woken" if woken.is_set() else "the other waiter sleeps on"


seen = trio.run(main)
print(f"expected: the other waiter is woken\nseen:     {seen}")
sys.exit(seen != "the other waiter is woken")
