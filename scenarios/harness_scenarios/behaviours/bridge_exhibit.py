"""Reaction of a scheduler to calls from a thread: it wakes up at once, late or not at all, or it ends.

A task waits in a sandbox. Threads touch its object, and wait until the task notices. A touch is late if the task
notices only once the scheduler is woken in the proper way, and lost if it does not notice then either. No time is
measured.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable

from harness.api import CancelScope, Runtime, TaskGroup, bridge_of

from ..parts.sandbox import PATIENCE_SECONDS, ForeignCall, Sandbox, wait_until
from .question import Trial

AT_ONCE = "it arrives at once"
LATE = "it arrives when something else wakes the scheduler"
LOST = "it is lost"
DIES = "the scheduler ends with an error of its own"
REFUSED = "the call is refused, and nothing has happened"
BROKEN = "the call is refused, and what it was made on does not work any more"

TOO_SLOW = "what waited had given up before the scheduler was woken"
_ATTEMPTS = 3

Touch = Callable[[], object]
"""Action of a thread on an object of the scheduler."""
Proper = Callable[[], Awaitable[object]]
"""The same, done by a task of the scheduler."""
Prepare = Callable[["Exhibit", Runtime, TaskGroup], Awaitable[tuple[Touch, Proper | None]]]
"""Prepares the object in the sandbox, and returns its touch and its proper counterpart."""

_WAITS_SECONDS = 6.0
"""Deadline of the wait in the sandbox. What was not refused is cancelled before."""


class Exhibit:
    """One sandbox, and what its threads have noticed."""

    def __init__(self, runtime: Runtime, trial: Trial, prepare: Prepare, touches: int) -> None:
        self._runtime = runtime
        self._trial = trial
        self._prepare = prepare
        self._touches = touches
        self._noticed = 0
        self._mutex = threading.Lock()
        self._all_noticed = threading.Event()
        self._touch: Touch | None = None
        self._proper: Proper | None = None
        self._gave_up = False
        self.errors: list[BaseException] = []
        """Exceptions of the threads' calls."""

    def notice(self) -> None:
        """Say in the sandbox that a touch has arrived."""
        with self._mutex:
            self._noticed += 1
            if self._noticed >= self._touches:
                self._all_noticed.set()

    async def show(self) -> str:
        """Touch it from threads, one for each touch, and return the answer; again if the machine was too slow."""
        answer = await self._show_once()
        for _ in range(_ATTEMPTS - 1):
            if answer != TOO_SLOW:
                break
            answer = await Exhibit(self._runtime, self._trial, self._prepare, self._touches)._show_once()  # noqa: SLF001 - of the same class
        return answer

    async def _show_once(self) -> str:
        sandbox = Sandbox(self._runtime, self._main)
        await wait_until(self._runtime, lambda: self._touch is not None or sandbox.ended, 2.0)
        threads = [ForeignCall(self._touch_it) for _ in range(self._touches)]
        await wait_until(self._runtime, lambda: all(thread.ended for thread in threads), 2.0)
        answer = await self._watch(sandbox)
        self._over.set()
        self._end.set()
        self._trial.step("thread", answer)
        if not await sandbox.until_ended(2 * _WAITS_SECONDS) or sandbox.raised is not None:
            self._trial.step("scheduler", f"ends with {sandbox.raised!r}"[:200])
            return DIES
        return answer

    async def _watch(self, sandbox: Sandbox) -> str:
        is_refused = bool(self.errors)
        if not is_refused and await self._until_settled(sandbox):
            return AT_ONCE if self._all_noticed.is_set() else DIES
        if not sandbox.ended:
            self._wake.set()  # if it was refused the call is then made by a task, to see whether it can be
        if await self._until_settled(sandbox):
            noticed = REFUSED if is_refused else LATE
            return noticed if self._all_noticed.is_set() else DIES
        if self._gave_up and not is_refused:
            return TOO_SLOW
        return BROKEN if is_refused else LOST

    async def _until_settled(self, sandbox: Sandbox) -> bool:
        return await wait_until(self._runtime, lambda: self._is_settled(sandbox), PATIENCE_SECONDS)

    def _is_settled(self, sandbox: Sandbox) -> bool:
        return self._all_noticed.is_set() or sandbox.ended

    def _touch_it(self) -> None:
        assert self._touch is not None
        try:
            self._touch()
        except BaseException as exc:  # noqa: BLE001 - how a runtime refuses is up to it
            self.errors.append(exc)
            self._trial.step("thread", f"is refused: {type(exc).__name__}")

    async def _main(self, runtime: Runtime) -> None:
        bridge = bridge_of(runtime)
        self._wake, self._over, self._end = (bridge.create_event() for _ in range(3))
        async with runtime.open_task_group() as group:
            touch, self._proper = await self._prepare(self, runtime, group)
            for _ in range(10):
                await runtime.checkpoint()  # lets the prepared tasks reach their wait
            self._touch = touch
            await runtime.first_completed(self._over.wait, self._wake.wait)
            if self.errors and self._proper is not None:
                for _ in range(self._touches):
                    await self._proper()
            await self._end.wait()
            if not self.errors:  # else trio's cancellation may not reach what waits, but its deadline does
                await group.cancel()

    async def watch_for(self, runtime: Runtime, wait: Proper, times: int | None = None) -> None:
        """Notice each end of a wait, in the sandbox, until there were enough or it takes too long."""
        async with runtime.move_on_after(_WAITS_SECONDS) as scope:
            for _ in range(times or self._touches):
                await wait()
                self.notice()
        self._gave_up = scope.cancelled_caught


# --- objects touched through the bridge ---


async def inbox(exhibit: Exhibit, runtime: Runtime, group: TaskGroup) -> tuple[Touch, None]:
    """A task waits at an inbox."""
    box = bridge_of(runtime).open_inbox()
    await group.spawn(exhibit.watch_for, runtime, box.receive)
    return lambda: box.put("item"), None


async def call(exhibit: Exhibit, runtime: Runtime, group: TaskGroup) -> tuple[Touch, None]:
    """Nothing waits; the scheduler is to call a function."""
    del group
    bridge = bridge_of(runtime)
    return lambda: bridge.call_soon(exhibit.notice), None


def waiters(count: int) -> Prepare:
    """So many tasks wait for one event, which is touched once."""

    async def prepare(exhibit: Exhibit, runtime: Runtime, group: TaskGroup) -> tuple[Touch, None]:
        event = bridge_of(runtime).create_event()
        woken: list[int] = []

        async def wait() -> None:
            async with runtime.move_on_after(_WAITS_SECONDS):
                await event.wait()
                woken.append(1)
                if len(woken) == count:
                    exhibit.notice()

        for _ in range(count):
            await group.spawn(wait)
        return event.set, None

    return prepare


# --- objects touched without it ---


async def channel(exhibit: Exhibit, runtime: Runtime, group: TaskGroup) -> tuple[Touch, Proper]:
    """A task waits at a channel with room."""
    send, receive = runtime.open_channel(100)
    direct = bridge_of(runtime).direct()
    await group.spawn(exhibit.watch_for, runtime, receive.receive)
    return lambda: direct.put(send, "item"), lambda: send.send("item")


async def event(exhibit: Exhibit, runtime: Runtime, group: TaskGroup) -> tuple[Touch, Proper]:
    """A task waits for an event."""
    flag = runtime.create_event()
    direct = bridge_of(runtime).direct()
    await group.spawn(exhibit.watch_for, runtime, flag.wait)
    return lambda: direct.set(flag), flag.set


async def task(exhibit: Exhibit, runtime: Runtime, group: TaskGroup) -> tuple[Touch, Proper]:
    """A group waits for its tasks."""
    direct = bridge_of(runtime).direct()

    async def start() -> None:
        await runtime.checkpoint()
        exhibit.notice()

    return lambda: direct.spawn(group, start), lambda: group.spawn(start)


async def scope(exhibit: Exhibit, runtime: Runtime, group: TaskGroup) -> tuple[Touch, Proper]:
    """A task waits in a scope, for ever."""
    entered = runtime.create_event()
    direct = bridge_of(runtime).direct()
    blocks: list[CancelScope] = []

    async def wait() -> None:
        async with runtime.open_cancel_scope() as block:
            blocks.append(block)
            await entered.set()
            await runtime.create_event().wait()
        exhibit.notice()

    async def wait_a_while() -> None:
        async with runtime.move_on_after(_WAITS_SECONDS):
            await wait()

    await group.spawn(wait_a_while)
    await entered.wait()
    return lambda: direct.cancel(blocks[0]), blocks[0].cancel
