"""Clauses of events, locks, semaphores, conditions and offload."""

from __future__ import annotations

import os

from harness.api import Capability, Runtime

from .clause import clause, settle

_DEADLINE = (Capability.DEADLINE,)


@clause("set wakes every waiter", of="Event.set")
async def event_wakes_all(runtime: Runtime) -> None:
    """A second set does nothing; a late waiter returns at once."""
    event, woken = runtime.create_event(), []

    async def waiter(number: int) -> None:
        await event.wait()
        woken.append(number)

    async with runtime.open_task_group() as group:
        for number in range(3):
            await group.spawn(waiter, number)
        await settle(runtime)
        assert (woken, event.is_set()) == ([], False)
        await event.set()
        await event.set()
    await event.wait()
    assert (sorted(woken), event.is_set()) == ([0, 1, 2], True)


@clause("waiting for a set event returns", of="Event.wait")
async def set_event_does_not_wait(runtime: Runtime) -> None:
    """As often as one likes."""
    event = runtime.create_event()
    await event.set()
    for _ in range(3):
        await event.wait()


@clause("one holder at a time", of="Lock.acquire")
async def lock_excludes(runtime: Runtime) -> None:
    """Five tasks, twenty turns each, with waits while holding."""
    lock, state = runtime.create_lock(), {"inside": 0, "most": 0, "turns": 0}

    async def worker() -> None:
        for _ in range(20):
            async with lock:
                state["inside"] += 1
                state["most"] = max(state["most"], state["inside"])
                await runtime.checkpoint()
                state["turns"] += 1
                state["inside"] -= 1

    async with runtime.open_task_group() as group:
        for _ in range(5):
            await group.spawn(worker)
    assert (state["most"], state["turns"], lock.locked()) == (1, 100, False)


@clause("release hands the lock to a waiter", of="Lock.release")
async def release_wakes(runtime: Runtime) -> None:
    """Who waits gets it."""
    lock, got = runtime.create_lock(), []
    await lock.acquire()
    assert lock.locked()

    async def waiter() -> None:
        async with lock:
            got.append("lock")

    async with runtime.open_task_group() as group:
        await group.spawn(waiter)
        await settle(runtime)
        assert got == []
        await lock.release()
    assert got == ["lock"]


@clause("a cancelled wait for a lock leaves it usable", of="Lock.acquire", requires=_DEADLINE)
async def cancelled_acquire(runtime: Runtime) -> None:
    """It is not held by the one who gave up."""
    lock = runtime.create_lock()
    async with lock, runtime.open_task_group() as group:

        async def gives_up() -> None:
            async with runtime.move_on_after(0.005):
                await lock.acquire()

        await group.spawn(gives_up)
    assert not lock.locked()
    async with lock:
        assert lock.locked()


@clause("at most n holders", of="Semaphore.acquire")
async def semaphore_bounds(runtime: Runtime) -> None:
    """Eight tasks, three permits; all three are used."""
    semaphore, state = runtime.create_semaphore(3), {"inside": 0, "most": 0, "turns": 0}
    guard = runtime.create_lock()

    async def worker() -> None:
        for _ in range(5):
            async with semaphore:
                async with guard:
                    state["inside"] += 1
                    state["most"] = max(state["most"], state["inside"])
                await runtime.sleep(0.001)
                async with guard:
                    state["inside"] -= 1
                    state["turns"] += 1

    async with runtime.open_task_group() as group:
        for _ in range(8):
            await group.spawn(worker)
    assert (state["most"] <= 3, state["turns"]) == (True, 40)


@clause("a permit that is given back can be taken again", of="Semaphore.release")
async def semaphore_release(runtime: Runtime) -> None:
    """By a task that waits."""
    semaphore, got = runtime.create_semaphore(1), []
    await semaphore.acquire()

    async def waiter() -> None:
        await semaphore.acquire()
        got.append("permit")

    async with runtime.open_task_group() as group:
        await group.spawn(waiter)
        await settle(runtime)
        assert got == []
        await semaphore.release()
    assert got == ["permit"]


@clause("notify wakes a waiter, which then holds the lock", of="Condition.wait")
async def condition_notifies(runtime: Runtime) -> None:
    """One by one, and all the rest."""
    condition, state = runtime.create_condition(), {"inside": 0, "most": 0, "woken": 0}

    async def waiter() -> None:
        async with condition:
            await condition.wait()
            state["inside"] += 1
            state["most"] = max(state["most"], state["inside"])
            await runtime.checkpoint()
            state["woken"] += 1
            state["inside"] -= 1

    async with runtime.open_task_group() as group:
        for _ in range(4):
            await group.spawn(waiter)
        await settle(runtime)
        async with condition:
            await condition.notify()
        await settle(runtime)
        assert state["woken"] == 1
        async with condition:
            await condition.notify_all()
    assert (state["woken"], state["most"]) == (4, 1)


@clause("notify without a waiter is no error", of="Condition.notify")
async def notify_nobody(runtime: Runtime) -> None:
    """And is not remembered."""
    condition, woken = runtime.create_condition(), []
    async with condition:
        await condition.notify()
        await condition.notify_all()

    async def waiter() -> None:
        async with condition:
            await condition.wait()
            woken.append("waiter")

    async with runtime.open_task_group() as group:
        await group.spawn(waiter)
        await settle(runtime)
        assert woken == []
        async with condition:
            await condition.notify_all()


@clause("the lock is held after a wait that was cancelled", of="Condition.wait", requires=_DEADLINE)
async def cancelled_condition_wait(runtime: Runtime) -> None:
    """So that leaving the block can release it."""
    condition = runtime.create_condition()
    async with runtime.move_on_after(0.005) as scope, condition:
        await condition.wait()
    assert scope.cancelled_caught
    async with condition:
        await condition.notify_all()


@clause("a function's result comes back from a thread", of="Runtime.run_in_thread", requires=(Capability.THREAD,))
async def thread_result(runtime: Runtime) -> None:
    """And its exception."""
    assert await runtime.run_in_thread(divmod, 7, 2) == (3, 1)
    try:
        await runtime.run_in_thread(divmod, 7, 0)
    except ZeroDivisionError:
        return
    raise AssertionError("the exception did not come back")


@clause("others run while a thread blocks", of="Runtime.run_in_thread", requires=(Capability.THREAD,))
async def thread_does_not_block(runtime: Runtime) -> None:
    """The thread waits for a byte that another task writes."""
    read_end, write_end = os.pipe()

    async def writer() -> None:
        await settle(runtime)
        os.write(write_end, b"x")

    try:
        async with runtime.open_task_group() as group:
            await group.spawn(writer)
            assert await runtime.run_in_thread(os.read, read_end, 1) == b"x"
    finally:
        os.close(read_end)
        os.close(write_end)


@clause("a function's result comes back from a process", of="Runtime.run_in_process", requires=(Capability.PROCESS,))
async def process_result(runtime: Runtime) -> None:
    """It ran elsewhere; its exception comes back as well."""
    assert await runtime.run_in_process(os.getpid) != os.getpid()
    try:
        await runtime.run_in_process(divmod, 7, 0)
    except ZeroDivisionError:
        return
    raise AssertionError("the exception did not come back")
