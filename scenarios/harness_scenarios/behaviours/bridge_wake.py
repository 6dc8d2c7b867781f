"""Hand-overs of a thread, a signal handler or a finaliser through the bridge: they arrive at once, once, in order."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from harness.api import Capability, Harm, Runtime, Scenario, allowed, bridge_of, forbidden, interesting

from ..parts.sandbox import PATIENCE_SECONDS, ForeignCall, Sandbox, call_in_thread, wait_until
from .bridge_exhibit import AT_ONCE, DIES, LATE, LOST, REFUSED, Exhibit, Prepare, call, inbox, waiters
from .question import NOTED, Ask, Trial, make_question

_NEEDS = (Capability.BRIDGE,)
_EXHIBIT = (*_NEEDS, Capability.SELECT, Capability.DEADLINE, Capability.GROUP_CANCEL)
_MODULE = "harness_scenarios.behaviours.bridge_wake"
_THREADSAFE = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon_threadsafe"
_SYNC_SOON = "https://trio.readthedocs.io/en/stable/reference-lowlevel.html#trio.lowlevel.TrioToken.run_sync_soon"

_ARRIVES = {
    AT_ONCE: allowed("a thread wakes the scheduler", _THREADSAFE),
    LATE: forbidden("the scheduler sleeps although there is something to do"),
    LOST: forbidden("items and calls of a thread arrive", harm=Harm.DATA),
    REFUSED: forbidden("a thread may do this"),
    DIES: forbidden("a call that a thread may make does not end the scheduler", harm=Harm.CRASH),
}


def _ask(prepare: Prepare, *, threads: tuple[int, ...] = (1, 4)) -> Ask:
    @wraps(prepare, assigned=(), updated=())
    async def ask(runtime: Runtime, trial: Trial) -> str:
        return await Exhibit(runtime, trial, prepare, threads[trial.number % len(threads)]).show()

    return ask


item_wakes = make_question(
    _ask(inbox),
    name="bridge.item-wakes-receiver",
    question="Threads put items into an inbox while the scheduler sleeps: is the task that waits woken?",
    contract=("A task that waits at an inbox is woken by the item that a thread puts.",),
    ref=f"{_MODULE}:item_wakes",
    answers=_ARRIVES,
    repetitions=4,
    catches=("inbox-does-not-wake", "inbox-loses-items"),
    requires=_EXHIBIT,
    seconds=30.0,
)

call_wakes = make_question(
    _ask(call),
    name="bridge.call-wakes-scheduler",
    question="Threads ask a scheduler that sleeps to make a call: is it made?",
    contract=("A call that a thread asks for is made soon.",),
    ref=f"{_MODULE}:call_wakes",
    answers=_ARRIVES,
    repetitions=4,
    catches=("call-soon-forgotten", "call-soon-does-not-wake"),
    requires=(*_EXHIBIT, Capability.BRIDGE_CALL),
    seconds=30.0,
)


async def _ask_waiters(runtime: Runtime, trial: Trial) -> str:
    count = (1, 2, 3, 100)[trial.number % 4]
    trial.step("scheduler", f"{count} tasks wait")
    return await Exhibit(runtime, trial, waiters(count), 1).show()


event_wakes = make_question(
    _ask_waiters,
    name="bridge.event-wakes-every-waiter",
    question="A thread sets an event for which 1, 2, 3 or 100 tasks wait: are all of them woken?",
    contract=("Every task that waits for the event is woken.",),
    ref=f"{_MODULE}:event_wakes",
    answers=_ARRIVES,
    repetitions=4,
    catches=("bridge-event-wakes-one", "bridge-event-does-not-wake"),
    requires=_EXHIBIT,
    seconds=30.0,
)

# --- order and number ---

IN_ORDER = "each item arrives once, and those of a thread in order"
OUT_OF_ORDER = "items of one thread arrive out of order"
MISSING = "items are missing"
DOUBLE = "items arrive twice"
_THREADS, _ITEMS = 4, 100


async def _put_many(runtime: Runtime, trial: Trial) -> str:
    box = bridge_of(runtime).open_inbox()

    def put_all(thread: int) -> None:
        for number in range(_ITEMS):
            box.put((thread, number))

    threads = [ForeignCall(put_all, thread) for thread in range(_THREADS)]
    received: list[tuple[int, int]] = []
    while len(received) < _THREADS * _ITEMS:
        async with runtime.move_on_after(2 * PATIENCE_SECONDS) as scope:
            received.append(await box.receive())
        if scope.cancelled_caught:
            break
    await wait_until(runtime, lambda: all(thread.ended for thread in threads), PATIENCE_SECONDS)
    trial.observe("items", len(received))
    return _judge_items(received)


def _judge_items(received: list[tuple[int, int]]) -> str:
    if max(Counter(received).values(), default=0) > 1:
        return DOUBLE
    if len(received) < _THREADS * _ITEMS:
        return MISSING
    orders = [[number for thread, number in received if thread == one] for one in range(_THREADS)]
    return IN_ORDER if all(order == sorted(order) for order in orders) else OUT_OF_ORDER


items_keep_order = make_question(
    _put_many,
    name="bridge.items-keep-order",
    question="Four threads put a hundred items each into one inbox: does each arrive once, and in order?",
    contract=("Each item reaches a task once.", "The items of one thread keep their order."),
    ref=f"{_MODULE}:items_keep_order",
    answers={
        IN_ORDER: allowed("a queue between threads"),
        OUT_OF_ORDER: forbidden("a queue keeps the order of each thread"),
        MISSING: forbidden("an item that was put is received"),
        DOUBLE: forbidden("an item that was put once is received once", harm=Harm.DATA),
    },
    repetitions=3,
    judges={"items": NOTED},
    catches=("inbox-loses-items", "inbox-doubles-items", "inbox-swaps-items"),
    screening=False,
    requires=(*_NEEDS, Capability.DEADLINE),
    seconds=30.0,
)

# --- a receive that is cancelled ---

KEPT = "the item is received, by this receive or by the next one"
ITEM_LOST = "the item is lost"


async def _cancel_receive(runtime: Runtime, trial: Trial) -> str:
    box = bridge_of(runtime).open_inbox()
    turns = trial.number % 10 - 1
    go, is_put = threading.Event(), threading.Event()

    def put() -> None:
        go.wait()
        box.put("item")
        is_put.set()

    thread = ForeignCall(put)
    received: list[object] = []
    waits = runtime.create_event()

    async def receive() -> None:
        await waits.set()
        received.append(await box.receive())

    async with runtime.open_task_group() as group:
        await group.spawn(receive)
        await waits.wait()
        await runtime.checkpoint()
        if turns >= 0:
            go.set()
            is_put.wait(PATIENCE_SECONDS)  # without a turn, so that the scheduler finds out in the next one
        for _ in range(turns):
            await runtime.checkpoint()
        await group.cancel()
    go.set()
    await wait_until(runtime, lambda: thread.ended, PATIENCE_SECONDS)
    trial.step("receiver", "has the item" if received else "is cancelled")
    if not received:
        async with runtime.move_on_after(PATIENCE_SECONDS):
            received.append(await box.receive())
    return KEPT if received else ITEM_LOST


cancelled_receive = make_question(
    _cancel_receive,
    name="bridge.cancelled-receive-keeps-item",
    question="A receive is cancelled -1 to 8 turns after a thread has put an item: is the item kept?",
    contract=("A cancelled receive has taken nothing.",),
    ref=f"{_MODULE}:cancelled_receive",
    answers={
        KEPT: allowed("what the cancelled receive has not returned is still in the inbox"),
        ITEM_LOST: forbidden("a cancelled receive has taken nothing", harm=Harm.DATA),
    },
    repetitions=20,
    catches=("cancelled-inbox-takes-item",),
    requires=(*_NEEDS, Capability.GROUP_CANCEL, Capability.DEADLINE),
    seconds=30.0,
)

# --- a finaliser ---


_COLLECTION_SECONDS = 1.0
"""How long a collection may hold everything up in a process with many objects."""


class _Puts:
    """Something that hands an item over when it is forgotten."""

    def __init__(self, put: Callable[[object], object], is_gone: threading.Event) -> None:
        self._put = put
        self._is_gone = is_gone
        self.itself = self  # only the collector finds it

    def __del__(self) -> None:
        self._put("item")
        self._is_gone.set()


def _forget(put: Callable[[object], object]) -> None:
    is_gone = threading.Event()
    _Puts(put, is_gone)
    gc.collect()
    while not is_gone.wait(0.001):  # a call does nothing while another thread collects
        gc.collect()


async def _finalise(runtime: Runtime, trial: Trial) -> str:
    box = bridge_of(runtime).open_inbox()
    received: list[object] = []

    async def receive() -> None:
        async with runtime.move_on_after(_COLLECTION_SECONDS + PATIENCE_SECONDS):
            received.append(await box.receive())

    async with runtime.open_task_group() as group:
        await group.spawn(receive)
        await runtime.checkpoint()
        if trial.number % 2:
            trial.step("thread", "forgets the object")
            await call_in_thread(runtime, _forget, box.put)
        else:
            trial.step("task", "forgets the object")
            _forget(box.put)
    return AT_ONCE if received else LOST


finaliser = make_question(
    _finalise,
    name="bridge.finaliser-puts",
    question="A finaliser puts an item into an inbox, in a task or in a thread: does it arrive?",
    contract=("A finaliser may use the bridge, whatever thread the collector runs in.",),
    ref=f"{_MODULE}:finaliser",
    answers={AT_ONCE: allowed("putting takes no lock that the thread may hold"), LOST: _ARRIVES[LOST]},
    repetitions=4,
    catches=("inbox-loses-items",),
    screening=False,
    requires=(*_NEEDS, Capability.DEADLINE),
    seconds=30.0,
)

# --- an error in a call without a waiter ---

REPORTED = "the error is reported, and later calls are made"
RAISED = "the error is raised in the thread that asked, and later calls are made"
ENDS = "the error ends the scheduler"
UNSEEN = "the error is seen by nothing"
BLOCKS = "later calls are not made"


_LATEST_SECONDS = 30.0
"""Deadline of a scheduler that is not told to end."""


class PlannedCallError(Exception):
    """Raised by calls that fail on purpose."""


def _fail() -> None:
    raise PlannedCallError


async def _fail_soon(runtime: Runtime, trial: Trial) -> str:
    ready, over = threading.Event(), threading.Event()
    made: list[int] = []

    async def main(inner: Runtime) -> None:
        event = bridge_of(inner).create_event()
        ends.append(event.set)
        ready.set()
        async with inner.move_on_after(_LATEST_SECONDS):
            await event.wait()

    ends: list[Callable[[], Any]] = []
    sandbox = Sandbox(runtime, main)
    await wait_until(runtime, ready.is_set, PATIENCE_SECONDS)
    assert sandbox.bridge is not None
    bridge = sandbox.bridge

    def ask() -> None:
        try:
            bridge.call_soon(_fail)
        finally:
            bridge.call_soon(made.append, 1)
            bridge.call_soon(over.set)

    asked = await call_in_thread(runtime, ask)
    await wait_until(runtime, lambda: over.is_set() or sandbox.ended, PATIENCE_SECONDS)
    ends[0]() if not sandbox.ended else None
    await sandbox.until_ended()
    return _judge_error(trial, sandbox, asked.error, made)


def _judge_error(trial: Trial, sandbox: Sandbox, error: BaseException | None, made: list[int]) -> str:
    trial.step("scheduler", f"ended with {sandbox.raised!r}, {len(sandbox.reports)} reports")
    if sandbox.raised is not None:
        return ENDS
    if not made:
        return BLOCKS
    if isinstance(error, PlannedCallError):
        return RAISED
    return REPORTED if any(isinstance(exc, PlannedCallError) for exc, _ in sandbox.reports) else UNSEEN


error_in_a_call = make_question(
    _fail_soon,
    name="bridge.error-in-a-call",
    question="A call that a thread asked for, and does not wait for, raises: what becomes of the error?",
    contract=("The error is not lost.", "Calls that come after it are made, unless the scheduler has ended."),
    ref=f"{_MODULE}:error_in_a_call",
    answers={
        REPORTED: allowed("the loop's exception handler gets it", _THREADSAFE),
        RAISED: allowed("the thread has made the call itself"),
        ENDS: interesting("what run_sync_soon calls must not raise: TrioInternalError", _SYNC_SOON, harm=Harm.CRASH),
        UNSEEN: forbidden("an error is reported"),
        BLOCKS: forbidden("one error is no trouble of the next call"),
    },
    repetitions=2,
    catches=("call-soon-forgotten", "error-of-call-unseen"),
    requires=(*_NEEDS, Capability.BRIDGE_CALL, Capability.DEADLINE),
    seconds=30.0,
)

SCENARIOS: tuple[Scenario, ...] = (
    item_wakes,
    call_wakes,
    event_wakes,
    items_keep_order,
    cancelled_receive,
    finaliser,
    error_in_a_call,
)
