"""What becomes of an item that changes hands while its receiver or its sender is cancelled.

Where both sides wait, the cancellation comes 0 to 3 turns after the other one was let go: on a loop, before the
handover, with it, and after it. The number is that of the repetition, so that each backend is asked for each of them.
"""

from __future__ import annotations

from harness.api import (
    Capability,
    Harm,
    Parameter,
    ReceiveChannel,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    grid,
    interesting,
)

from .cancel_target import Target
from .question import Trial, make_question

_CHANNELS = "https://trio.readthedocs.io/en/stable/reference-core.html#using-channels-to-pass-values-between-tasks"
_ATOMIC = "https://trio.readthedocs.io/en/stable/reference-core.html#cancellation-and-primitive-operations"

_CAPACITY = Parameter(
    name="capacity", default=1, summary="items that the channel holds; 0 is a rendezvous", choices=(1, 0)
)
_ROWS = {"quick": grid(capacity=(1, 0))}
_MOST_TURNS = 3
_ITEM, _MARKER = "the item", "the marker behind it"


async def _receive_to_marker(receive: ReceiveChannel) -> list[object]:
    """Receive everything up to the marker, so that a lost item causes no wait."""
    items: list[object] = []
    while (item := await receive.receive()) != _MARKER:
        items.append(item)
    return items


async def _cancel_in_time(runtime: Runtime, trial: Trial, target: Target) -> None:
    for _ in range(trial.number % (_MOST_TURNS + 1)):
        await runtime.checkpoint()
    await target.cancel()


# --- a cancelled receive ---

RECEIVED = "the receive returns the item"
STILL_THERE = "the receive is cancelled, the item is still there"
LOST = "the receive is cancelled, the item is lost"
TWICE = "the item is received twice"

_RECEIVE_ANSWERS = {(1, 0): RECEIVED, (0, 1): STILL_THERE, (0, 0): LOST}
"""By how many items the cancelled receive has returned, and how many were there after it."""


async def _cancel_receive(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)
    gate, ended = runtime.create_event(), runtime.create_event()
    send, receive = runtime.open_channel(trial.parameters["capacity"])
    received: list[object] = []

    async def take() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            await target.say_that_it_waits()
            received.append(await receive.receive())
        target.step(f"has received {received}")
        await ended.set()

    async def give() -> None:
        await gate.wait()
        trial.step("sender", "sends")
        for item in (_ITEM, _MARKER):
            await send.send(item)

    async with runtime.open_task_group() as group:
        await group.spawn(give)
        await group.spawn(take)
        await target.until_it_waits()
        await gate.set()
        await _cancel_in_time(runtime, trial, target)
        await ended.wait()
        left = await _receive_to_marker(receive)
        trial.step("canceller", f"finds {left}")
    await send.aclose()
    await receive.aclose()
    return _RECEIVE_ANSWERS.get((len(received), len(left)), TWICE)


receive_keeps_item = make_question(
    _cancel_receive,
    name="cancel.receive-keeps-item",
    question="A receive is cancelled as an item arrives: does the item get lost?",
    contract=("A cancelled receive has taken nothing.", "No item is received twice."),
    ref="harness_scenarios.behaviours.cancel_items:receive_keeps_item",
    answers={
        RECEIVED: allowed("the item came first"),
        STILL_THERE: allowed("the cancellation came first", _ATOMIC),
        LOST: forbidden("a cancelled receive has taken nothing", _ATOMIC, harm=Harm.DATA),
        TWICE: forbidden("each item reaches one receiver, once", _CHANNELS, harm=Harm.DATA),
    },
    parameters=(_CAPACITY,),
    rows=_ROWS,
    requires=(Capability.CANCEL_SCOPE, Capability.CHANNEL, Capability.RENDEZVOUS),
    catches=("item-received-twice", "cancelled-receive-drops"),
)


# --- a cancelled send ---

SENT = "the send returns, the item arrives"
NOT_SENT = "the send is cancelled, nothing was sent"
SENT_IN_SPITE = "the send is cancelled, the item arrives in spite of that"
NEVER_ARRIVES = "the send returns, the item is lost"
DUPLICATED = "the item arrives twice"

_SEND_ANSWERS = {(True, 1): SENT, (False, 0): NOT_SENT, (False, 1): SENT_IN_SPITE, (True, 0): NEVER_ARRIVES}
"""By whether the send has returned, and how many items arrived."""


async def _cancel_send(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)
    gate, ended = runtime.create_event(), runtime.create_event()
    send, receive = runtime.open_channel(trial.parameters["capacity"])
    returned: list[bool] = []
    arrived: list[object] = []

    async def give() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            await target.say_that_it_waits()
            await send.send(_ITEM)
            returned.append(True)
        target.step("has sent" if returned else "has not sent")
        await ended.set()

    async def take() -> None:
        await gate.wait()
        trial.step("receiver", "receives")
        arrived.extend(await _receive_to_marker(receive))
        trial.step("receiver", f"has received {arrived}")

    for number in range(trial.parameters["capacity"]):
        await send.send(f"what fills the channel, {number}")
    async with runtime.open_task_group() as group:
        await group.spawn(take)
        await group.spawn(give)
        await target.until_it_waits()
        await gate.set()
        await _cancel_in_time(runtime, trial, target)
        await ended.wait()
        await send.send(_MARKER)
    await send.aclose()
    await receive.aclose()
    return _SEND_ANSWERS.get((bool(returned), arrived.count(_ITEM)), DUPLICATED)


send_sends_once = make_question(
    _cancel_send,
    name="cancel.send-sends-once",
    question="A send is cancelled as room is made for its item: does the sender know whether it was sent?",
    contract=("A cancelled send has sent nothing.", "A send that returned has sent its item, once."),
    ref="harness_scenarios.behaviours.cancel_items:send_sends_once",
    answers={
        SENT: allowed("the room came first"),
        NOT_SENT: allowed("the cancellation came first", _ATOMIC),
        SENT_IN_SPITE: forbidden("a cancelled send has sent nothing: who sends it again duplicates it", _ATOMIC),
        NEVER_ARRIVES: forbidden("a send that returned has sent its item", _CHANNELS, harm=Harm.DATA),
        DUPLICATED: forbidden("each item reaches one receiver, once", _CHANNELS, harm=Harm.DATA),
    },
    parameters=(_CAPACITY,),
    rows=_ROWS,
    requires=(Capability.CANCEL_SCOPE, Capability.CHANNEL, Capability.RENDEZVOUS),
    catches=("item-lost", "item-sent-twice", "cancelled-send-sends"),
)


# --- operations that need not wait ---

IS_A_CHECKPOINT = "it is cancelled and the item is left"
GOES_THROUGH = "it receives the item"
ITEM_GONE = "it is cancelled and the item is gone"


async def _receive_when_cancelled(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(1)
    await send.send("item")
    answers: list[str] = []
    async with runtime.open_cancel_scope() as scope:
        await scope.cancel()
        trial.step("task", "is cancelled and receives the buffered item")
        await receive.receive()
        answers.append(GOES_THROUGH)
    if not answers:
        answers.append(IS_A_CHECKPOINT if send.buffered() else ITEM_GONE)
    trial.step("task", answers[0])
    await send.aclose()
    await receive.aclose()
    return answers[0]


ready_operation = make_question(
    _receive_when_cancelled,
    name="cancel.ready-operation",
    question="A task that is cancelled receives an item that is there: does the receive see the cancellation?",
    contract=("A cancelled receive has taken nothing.",),
    ref="harness_scenarios.behaviours.cancel_items:ready_operation",
    answers={
        IS_A_CHECKPOINT: interesting("every operation is a checkpoint, whether it waits or not", _ATOMIC),
        GOES_THROUGH: allowed("only what waits can be cancelled"),
        ITEM_GONE: forbidden("a cancelled receive has taken nothing", _ATOMIC),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE, Capability.CHANNEL),
    catches=("cancelled-receive-drops",),
)


SCENARIOS: tuple[Scenario, ...] = (receive_keeps_item, send_sends_once, ready_operation)
