"""Promises of every wait: it holds up no other task, a cancellation ends it, and an event wakes all of its waiters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from harness.api import (
    ByteStream,
    Capability,
    Condition,
    Listener,
    ReceiveChannel,
    Runtime,
    SendChannel,
    allowed,
    forbidden,
)

from .cancel_target import FAR_SECONDS, Target
from .fairness_turns import give_turns
from .question import NEVER_ENDS, NOTED, Trial, make_question

Closable = SendChannel | ReceiveChannel | ByteStream | Listener
Wait = Callable[[], Awaitable[object]]

# --- cancelled ---

EACH_IS_CANCELLED = "each wait is cancelled"
RETURNS = "a wait returns as if it were over"
RAISES = "a wait raises something else"


async def _cancel_each_wait(runtime: Runtime, trial: Trial) -> str:
    async with _open_waits(runtime) as waits:
        for name, wait in waits.items():
            answer = await _cancel_one(runtime, Target(runtime, trial), wait)
            trial.step("canceller", f"{name}: {answer}")
            if answer != EACH_IS_CANCELLED:
                trial.observe("not cancelled", name)
                return answer
    return EACH_IS_CANCELLED


async def _cancel_one(runtime: Runtime, target: Target, wait: Wait) -> str:
    async def work() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            await target.say_that_it_waits()
            try:
                await wait()
            except BaseException as exc:
                target.answer = EACH_IS_CANCELLED if runtime.is_cancelled(exc) else RAISES
                if target.answer == EACH_IS_CANCELLED:
                    raise
            else:
                target.answer = RETURNS

    async with runtime.open_task_group() as group:
        await group.spawn(work)
        await target.until_it_waits()
        await give_turns(runtime)
        await target.cancel()
    return target.answer


@asynccontextmanager
async def _open_waits(runtime: Runtime) -> AsyncIterator[dict[str, Wait]]:
    """Open something of everything that a task can wait for, none of it ready."""
    lock, semaphore, condition = runtime.create_lock(), runtime.create_semaphore(1), runtime.create_condition()
    full_send, full_receive = runtime.open_channel(1)
    empty_send, empty_receive = runtime.open_channel(1)
    listener = await runtime.listen()
    stream = await runtime.connect(*listener.address)
    peer = await listener.accept()
    await lock.acquire()
    await semaphore.acquire()
    await full_send.send("what fills it")
    try:
        yield {
            "sleep": lambda: runtime.sleep(FAR_SECONDS),
            "event": runtime.create_event().wait,
            "lock": lock.acquire,
            "semaphore": semaphore.acquire,
            "condition": lambda: _wait_inside(condition),
            "receive": empty_receive.receive,
            "send": lambda: full_send.send("what finds no room"),
            "read": lambda: stream.receive_some(1),
            "accept": listener.accept,
        }
    finally:
        await semaphore.release()
        await lock.release()
        ends = (full_send, full_receive, empty_send, empty_receive, stream, peer, listener)
        await runtime.run_shielded(_close, *ends)  # also at the limit of the trial


async def _close(*ends: Closable) -> None:
    for end in ends:
        await end.aclose()


async def _wait_inside(condition: Condition) -> None:
    async with condition:
        await condition.wait()


cancel_ends_every_wait = make_question(
    _cancel_each_wait,
    name="cancel.ends-every-wait",
    question="A task is cancelled in a sleep, at a lock, in a read and so on: does it see that, wherever it waits?",
    contract=("A task that waits in a call of its runtime is woken with the runtime's cancellation.",),
    ref="harness_scenarios.behaviours.waits:cancel_ends_every_wait",
    answers={
        EACH_IS_CANCELLED: allowed("every wait is a place where a cancellation is seen"),
        RETURNS: forbidden("the event of the wait has not come"),
        RAISES: forbidden("nothing failed"),
        NEVER_ENDS: forbidden("a cancellation wakes who waits"),
    },
    repetitions=1,
    judges={"not cancelled": NOTED},
    requires=(Capability.CANCEL_SCOPE, Capability.CHANNEL),
    catches=("cancels-nothing", "sleep-swallows-cancellation"),
)


# --- asleep ---

OTHERS_RUN = "another task runs during each sleep"
OTHERS_STAND_STILL = "nobody runs during a sleep"
_SLEEPS = 5
_SLEEP_SECONDS = 0.03
"""Long enough for a thread to get a turn on a machine under load."""


async def _sleep_beside_another(runtime: Runtime, trial: Trial) -> str:
    turns = 0
    is_awake = True

    async def take_turns() -> None:
        nonlocal turns
        while is_awake:
            turns += 1
            await runtime.checkpoint()

    by_sleep: list[int] = []
    async with runtime.open_task_group() as group:
        await group.spawn(take_turns)
        for _ in range(_SLEEPS):
            before = turns
            await runtime.sleep(_SLEEP_SECONDS)
            by_sleep.append(turns - before)
        is_awake = False
    answer = OTHERS_RUN if min(by_sleep) > 0 else OTHERS_STAND_STILL
    trial.step("sleeper", answer)
    trial.observe("fewest turns during a sleep", min(by_sleep))
    return answer


sleep_blocks_nobody = make_question(
    _sleep_beside_another,
    name="fairness.sleep-blocks-nobody",
    question="A task sleeps again and again: does another one that is ready run during each sleep?",
    contract=("A task that waits holds up no other task.",),
    ref="harness_scenarios.behaviours.waits:sleep_blocks_nobody",
    answers={
        OTHERS_RUN: allowed("a waiting task holds up no other task"),
        OTHERS_STAND_STILL: forbidden("the sleep blocks the scheduler"),
    },
    repetitions=1,
    judges={"fewest turns during a sleep": NOTED},
    catches=("loop-blocked",),
)


# --- many for one ---

EACH_GOES_ON = "each of them goes on"
_WAITERS = 5


async def _set_for_many(runtime: Runtime, trial: Trial) -> str:
    event = runtime.create_event()

    async def wait(name: str, waits: Callable[[], Awaitable[object]]) -> None:
        trial.step(name, "waits")
        await waits()
        await event.wait()
        trial.step(name, "goes on")

    async with runtime.open_task_group() as group:
        for number in range(_WAITERS):
            waits = runtime.create_event()
            await group.spawn(wait, f"waiter {number + 1}", waits.set)
            await waits.wait()
        await give_turns(runtime)
        trial.step("setter", "sets the event")
        await event.set()
    return EACH_GOES_ON


event_wakes_every_waiter = make_question(
    _set_for_many,
    name="lock.event-wakes-every-waiter",
    question="An event is set for which five tasks wait: does each of them go on?",
    contract=("When an event is set, every task that waits for it becomes ready.",),
    ref="harness_scenarios.behaviours.waits:event_wakes_every_waiter",
    answers={
        EACH_GOES_ON: allowed("an event is for all who wait"),
        NEVER_ENDS: forbidden("a wake-up is lost"),
    },
    catches=("event-wakes-nobody", "event-forgets-a-waiter"),
)

SCENARIOS = (cancel_ends_every_wait, sleep_blocks_nobody, event_wakes_every_waiter)
