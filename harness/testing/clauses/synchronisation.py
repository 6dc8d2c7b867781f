"""Clauses of events, locks, semaphores and conditions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import CancelScope, Capability, Runtime

from .clause import clause, require_equal, settle

_DEADLINE = (Capability.DEADLINE,)


# --- event ---


@clause("set wakes every waiter", of="Event.set")
async def event_wakes_all(runtime: Runtime) -> None:
    """Set twice while three wait; a later wait returns at once."""
    event, woken = runtime.create_event(), list[int]()

    async def waiter(number: int) -> None:
        await event.wait()
        woken.append(number)

    async with runtime.open_task_group() as group:
        for number in range(3):
            await group.spawn(waiter, number)
        await settle(runtime)
        early = list(woken)
        await event.set()
        await event.set()
    await event.wait()
    require_equal("(woken before, woken after)", expected=([], [0, 1, 2]), actual=(early, sorted(woken)))


@clause("a new event is not set", of="Runtime.create_event")
async def event_is_new(runtime: Runtime) -> None:
    """Ask two, and set one."""
    one, other = runtime.create_event(), runtime.create_event()
    await one.set()
    require_equal("is_set of both", expected=(True, False), actual=(one.is_set(), other.is_set()))


@clause("is_set returns whether set was called", of="Event.is_set")
async def event_is_set(runtime: Runtime) -> None:
    """Ask before, after one call and after two."""
    event = runtime.create_event()
    answers = [event.is_set()]
    for _ in range(2):
        await event.set()
        answers.append(event.is_set())
    require_equal("answers", expected=[False, True, True], actual=answers)


@clause("waiting for a set event returns", of="Event.wait")
async def set_event_does_not_wait(runtime: Runtime) -> None:
    """Wait as often as one likes."""
    event = runtime.create_event()
    await event.set()
    for _ in range(3):
        await event.wait()


# --- lock ---


@clause("a new lock is free", of="Runtime.create_lock")
async def lock_is_new(runtime: Runtime) -> None:
    """Ask two, and take one."""
    one, other = runtime.create_lock(), runtime.create_lock()
    await one.acquire()
    require_equal("locked of both", expected=(True, False), actual=(one.locked(), other.locked()))


@clause("async with acquires and releases", of="Lock.locked")
async def lock_context(runtime: Runtime) -> None:
    """Leave the block by its end and by an exception."""
    lock = runtime.create_lock()
    answers = [lock.locked()]
    async with lock:
        answers.append(lock.locked())
    answers.append(lock.locked())
    try:
        async with lock:
            answers.append(lock.locked())
            raise ValueError("planned")
    except ValueError:
        answers.append(lock.locked())
    require_equal("locked", expected=[False, True, False, True, False], actual=answers)


@clause("one holder at a time", of="Lock.acquire")
async def lock_excludes(runtime: Runtime) -> None:
    """Take five tasks, twenty turns each, with a wait while holding."""
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
    actual = (state["most"], state["turns"], lock.locked())
    require_equal("(most holders, turns, locked)", expected=(1, 100, False), actual=actual)


@clause("release hands the lock to a waiter", of="Lock.release")
async def release_wakes(runtime: Runtime) -> None:
    """Release while one waits."""
    lock, got = runtime.create_lock(), list[str]()
    await lock.acquire()

    async def waiter() -> None:
        async with lock:
            got.append("lock")

    async with runtime.open_task_group() as group:
        await group.spawn(waiter)
        await settle(runtime)
        early = list(got)
        await lock.release()
    require_equal("(before, after)", expected=([], ["lock"]), actual=(early, got))


@clause("a cancelled wait for a lock leaves it usable", of="Lock.acquire", requires=_DEADLINE)
async def cancelled_acquire(runtime: Runtime) -> None:
    """Give up waiting; the lock is not held by the one who gave up."""
    lock = runtime.create_lock()
    async with lock, runtime.open_task_group() as group:

        async def gives_up() -> None:
            async with runtime.move_on_after(0.005):
                await lock.acquire()

        await group.spawn(gives_up)
    answers = [lock.locked()]
    async with lock:
        answers.append(lock.locked())
    require_equal("locked", expected=[False, True], actual=answers)


# --- semaphore ---


@clause("at most n holders", of="Semaphore.acquire")
async def semaphore_bounds(runtime: Runtime) -> None:
    """Share three permits among eight tasks, five turns each."""
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
    actual = (state["most"] <= 3, state["turns"])
    require_equal(f"(at most 3 holders, turns), most {state['most']}", expected=(True, 40), actual=actual)


@clause("a semaphore has n permits", of="Runtime.create_semaphore", requires=_DEADLINE)
async def semaphore_has_permits(runtime: Runtime) -> None:
    """Take three of three, give up on a fourth, and take again a permit that was given back."""
    semaphore = runtime.create_semaphore(3)
    for _ in range(3):
        await semaphore.acquire()
    async with runtime.move_on_after(0.005) as scope:
        await semaphore.acquire()
    require_equal("waited for a fourth permit", expected=True, actual=scope.cancelled_caught)
    await semaphore.release()
    await semaphore.acquire()


@clause("a permit that is given back can be taken again", of="Semaphore.release")
async def semaphore_release(runtime: Runtime) -> None:
    """Give the only permit back while one waits for it."""
    semaphore, got = runtime.create_semaphore(1), list[str]()
    await semaphore.acquire()

    async def waiter() -> None:
        await semaphore.acquire()
        got.append("permit")

    async with runtime.open_task_group() as group:
        await group.spawn(waiter)
        await settle(runtime)
        early = list(got)
        await semaphore.release()
    require_equal("(before, after)", expected=([], ["permit"]), actual=(early, got))


# --- condition ---


class _WaitingRoom:
    """Tasks that wait for a condition; who enters holds the lock, so whoever has it next finds them waiting."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._entered = runtime.create_semaphore(0)
        self._left = runtime.create_semaphore(0)
        self.condition = runtime.create_condition()
        self.inside = self.most = self.woken = 0

    async def wait(self) -> None:
        """Wait for a notification, and count how many have the lock behind it."""
        async with self.condition:
            await self._entered.release()
            await self.condition.wait()
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self._runtime.checkpoint()
            self.woken += 1
            self.inside -= 1
        await self._left.release()

    async def entered(self, count: int) -> None:
        """Wait until so many more wait."""
        for _ in range(count):
            await self._entered.acquire()

    async def left(self, count: int) -> None:
        """Wait until so many more have gone."""
        for _ in range(count):
            await self._left.acquire()


@clause("notify wakes n waiters and no more", of="Condition.notify")
async def condition_notifies(runtime: Runtime) -> None:
    """Wake one of four, then two; the last one waits on until all are woken."""
    room, counts = _WaitingRoom(runtime), list[int]()
    async with runtime.open_task_group() as group:
        for _ in range(4):
            await group.spawn(room.wait)
        await room.entered(4)
        for count in (1, 2):
            async with room.condition:
                await room.condition.notify(count)
            await room.left(count)
            await settle(runtime)
            counts.append(room.woken)
        async with room.condition:
            await room.condition.notify_all()
    require_equal("woken so far", expected=[1, 3, 4], actual=[*counts, room.woken])


@clause("notify_all wakes all waiters", of="Condition.notify_all")
async def condition_notifies_all(runtime: Runtime) -> None:
    """Wake four at once."""
    room = _WaitingRoom(runtime)
    async with runtime.open_task_group() as group:
        for _ in range(4):
            await group.spawn(room.wait)
        await room.entered(4)
        async with room.condition:
            await room.condition.notify_all()
    require_equal("woken", expected=4, actual=room.woken)


@clause("a notified waiter holds the lock", of="Condition.wait")
async def notified_holds_lock(runtime: Runtime) -> None:
    """Wake four at once, each of which yields while it must be alone."""
    room = _WaitingRoom(runtime)
    async with runtime.open_task_group() as group:
        for _ in range(4):
            await group.spawn(room.wait)
        await room.entered(4)
        async with room.condition:
            await room.condition.notify_all()
    require_equal("most holders", expected=1, actual=room.most)


@clause("notify without a waiter is no error", of="Condition.notify")
async def notify_nobody(runtime: Runtime) -> None:
    """Notify without a waiter, and see that a later waiter is not woken by it."""
    room = _WaitingRoom(runtime)
    async with room.condition:
        await room.condition.notify()
        await room.condition.notify_all()
    async with runtime.open_task_group() as group:
        await group.spawn(room.wait)
        await room.entered(1)
        await settle(runtime)
        early = room.woken
        async with room.condition:
            await room.condition.notify()
    require_equal("(woken before, woken after)", expected=(0, 1), actual=(early, room.woken))


@clause("the lock of a condition excludes others", of="Condition.acquire")
async def condition_excludes(runtime: Runtime) -> None:
    """Take it by call, while another task wants it; a second condition has its own."""
    condition, other, got = runtime.create_condition(), runtime.create_condition(), list[str]()
    await condition.acquire()
    await other.acquire()

    async def waiter() -> None:
        async with condition:
            got.append("lock")

    async with runtime.open_task_group() as group:
        await group.spawn(waiter)
        await settle(runtime)
        early = list(got)
        await condition.release()
    await other.release()
    require_equal("(before, after)", expected=([], ["lock"]), actual=(early, got))


@clause("a condition that was released can be taken again", of="Condition.release")
async def condition_is_released(runtime: Runtime) -> None:
    """Take and release it in both ways."""
    condition, turns = runtime.create_condition(), list[int]()
    for turn in range(3):
        await condition.acquire()
        await condition.release()
        async with condition:
            turns.append(turn)
    require_equal("turns", expected=[0, 1, 2], actual=turns)


@clause("two conditions have a lock each", of="Runtime.create_condition")
async def conditions_are_apart(runtime: Runtime) -> None:
    """Hold both."""
    async with runtime.create_condition(), runtime.create_condition():
        await runtime.checkpoint()


@clause("the lock is held after a wait that was cancelled", of="Condition.wait", requires=_DEADLINE)
async def cancelled_condition_wait(runtime: Runtime) -> None:
    """Leave the block by a deadline, which releases the lock; it can then be taken."""
    condition = runtime.create_condition()
    async with runtime.move_on_after(0.005) as scope, condition:
        await condition.wait()
    require_equal("cancelled_caught", expected=True, actual=scope.cancelled_caught)
    async with condition:
        await condition.notify_all()


@clause(
    "the lock is held after a wait that was cancelled twice while another task had it",
    of="Condition.wait",
    requires=(Capability.CANCEL_SCOPE,),
)
async def condition_wait_cancelled_twice(runtime: Runtime) -> None:
    """Cancel the waiter's scope and then the one around it, and keep the lock meanwhile."""
    condition, about = runtime.create_condition(), runtime.create_event()
    scopes: list[CancelScope] = []
    errors: list[str] = []
    state = {"holding": False, "overlaps": 0}

    async def waiter() -> None:
        async with runtime.open_cancel_scope() as outer, runtime.open_cancel_scope() as inner:
            scopes.extend((inner, outer))
            async with condition:
                await about.set()
                try:
                    await condition.wait()
                finally:
                    state["overlaps"] += state["holding"]

    async def holder() -> None:
        async with condition:
            state["holding"] = True
            for scope in scopes:
                await scope.cancel()
                await settle(runtime)
            state["holding"] = False

    async def recorded(name: str, fn: Callable[[], Awaitable[None]]) -> None:
        try:
            await fn()
        except Exception as exc:  # noqa: BLE001 - the error of a lock that is not held
            errors.append(f"{name}: {exc!r}")

    async with runtime.open_task_group() as group:
        await group.spawn(recorded, "waiter", waiter)
        await about.wait()
        await recorded("holder", holder)
    require_equal("(two had the lock, errors)", expected=(0, []), actual=(state["overlaps"], errors))
