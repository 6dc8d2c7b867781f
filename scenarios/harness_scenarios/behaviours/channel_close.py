"""What closing an end of a channel does to those who use it."""

from __future__ import annotations

from harness.api import (
    Capability,
    ErrorKind,
    Event,
    Harm,
    ReceiveChannel,
    Runtime,
    Scenario,
    SendChannel,
    allowed,
    forbidden,
    interesting,
)

from .fairness_turns import RETURNS, attempt, give_turns
from .positions import SIZES, list_positions
from .question import NEVER_ENDS, NOTED, Trial, make_question

_PLAIN_QUEUE = ("asyncio:channel=queue", "uvloop:channel=queue")
_TRIO_CLOSING = "https://trio.readthedocs.io/en/stable/reference-core.html#clean-shutdown-with-channels"
_QUEUE_SHUTDOWN = "https://github.com/python/cpython/issues/96471"
_HANG_SECONDS = 1.0
"""Limit of a trial that hangs on runtimes where closing wakes no task; elsewhere the wake-up is immediate."""
_NEEDS_AN_END = (Capability.CHANNEL, Capability.CHANNEL_CLOSE)


async def receive_to_the_end(runtime: Runtime, receive: ReceiveChannel, most: int) -> list[object]:
    """Receive until the channel ends, or one item more than there can be."""
    items: list[object] = []
    try:
        while len(items) <= most:
            items.append(await receive.receive())
    except Exception as exc:
        if runtime.classify(exc) is not ErrorKind.END_OF_CHANNEL:
            raise
    return items


# --- the sending side ---

ALL_ITEMS = "the items come out, then the end"
ITEMS_LOST = "items are lost or repeated"
_ITEMS = 5


async def _close_with_items_inside(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(_ITEMS)
    for item in range(_ITEMS):
        await send.send(item)
    await send.aclose()
    trial.step("sender", "closes with 5 items inside")
    items = await receive_to_the_end(runtime, receive, _ITEMS)
    trial.step("receiver", f"receives {len(items)} items and the end")
    await receive.aclose()
    return ALL_ITEMS if items == list(range(_ITEMS)) else ITEMS_LOST


close_with_items_inside = make_question(
    _close_with_items_inside,
    name="channel.close-with-items-inside",
    question="The last sender closes a channel that holds items: do they come out?",
    contract=("After the last sender has closed, receivers get the buffered items, then the end.",),
    ref="harness_scenarios.behaviours.channel_close:close_with_items_inside",
    answers={
        ALL_ITEMS: allowed("closing says that nothing more comes", _TRIO_CLOSING),
        ITEMS_LOST: forbidden("sent items are delivered", _TRIO_CLOSING, harm=Harm.DATA),
        NEVER_ENDS: forbidden("receivers see the end of the channel"),
    },
    repetitions=5,
    requires=_NEEDS_AN_END,
    variants=_PLAIN_QUEUE,
    catches=("end-before-items",),
)


SEND_FAILS = "the send fails"
SEND_ENDS = "the send fails with the error that a receive at the end gets"
SEND_SUCCEEDS = "the send succeeds"


async def _send_after_close(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(2)
    await send.aclose()
    outcome = await attempt(runtime, send.send, "item")
    trial.step("sender", f"closes and sends: {outcome}")
    await receive.aclose()
    known = {
        RETURNS: SEND_SUCCEEDS,
        ErrorKind.CLOSED.value: SEND_FAILS,
        ErrorKind.END_OF_CHANNEL.value: SEND_ENDS,
    }
    return known.get(outcome, outcome)


send_after_close = make_question(
    _send_after_close,
    name="channel.send-after-close",
    question="What does a send after the close of its sender do?",
    contract=("After its close a sender refuses to send.",),
    ref="harness_scenarios.behaviours.channel_close:send_after_close",
    answers={
        SEND_FAILS: allowed("a closed sender refuses", _TRIO_CLOSING),
        SEND_ENDS: interesting("one error for both sides of a queue that is shut down", _QUEUE_SHUTDOWN),
        SEND_SUCCEEDS: forbidden("the item is taken after the end", _QUEUE_SHUTDOWN),
        NEVER_ENDS: forbidden("a closed sender refuses at once"),
    },
    repetitions=1,
    requires=_NEEDS_AN_END,
    variants=_PLAIN_QUEUE,
    catches=("sender-never-closes",),
)


ALL_END = "every receiver that waits ends"
WOKEN_OTHERWISE = "a receiver gets something else than the end"
_RECEIVERS = 3


async def _close_while_receivers_wait(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(2)
    outcomes: list[str] = []

    async def wait(name: str, waits: Event) -> None:
        trial.step(name, "waits")
        await waits.set()
        outcomes.append(await attempt(runtime, receive.receive))
        trial.step(name, f"is woken: {outcomes[-1]}")

    async with runtime.open_task_group() as group:
        for number in range(_RECEIVERS):
            waits = runtime.create_event()
            await group.spawn(wait, f"receiver {number}", waits)
            await waits.wait()
        await give_turns(runtime)
        trial.step("sender", "closes")
        await send.aclose()
    await receive.aclose()
    return ALL_END if set(outcomes) == {ErrorKind.END_OF_CHANNEL.value} else WOKEN_OTHERWISE


close_wakes_all_receivers = make_question(
    _close_while_receivers_wait,
    name="channel.close-wakes-all-receivers",
    question="The last sender closes while three receivers wait: does each of them end?",
    contract=("The end of a channel reaches every receiver, also those that wait.",),
    ref="harness_scenarios.behaviours.channel_close:close_wakes_all_receivers",
    answers={
        ALL_END: allowed("the end is for every receiver", _TRIO_CLOSING),
        WOKEN_OTHERWISE: forbidden("there is nothing to receive"),
        NEVER_ENDS: forbidden("a receiver sleeps for ever: the end reaches not all of them", _QUEUE_SHUTDOWN),
    },
    requires=_NEEDS_AN_END,
    variants=_PLAIN_QUEUE,
    catches=(
        "sender-never-closes",
        "close-sends-an-item",
        "end-of-channel-wakes-one",
    ),
)


SEES_THE_END = "the receiver ends"


async def _close_while_one_waits(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(2)
    waits = runtime.create_event()
    outcomes: list[str] = []

    async def wait() -> None:
        trial.step("receiver", "waits")
        await waits.set()
        outcomes.append(await attempt(runtime, receive.receive))
        trial.step("receiver", f"is woken: {outcomes[0]}")

    async with runtime.open_task_group() as group:
        await group.spawn(wait)
        await waits.wait()
        await give_turns(runtime)
        trial.step("sender", "closes")
        await send.aclose()
    await receive.aclose()
    return SEES_THE_END if outcomes == [ErrorKind.END_OF_CHANNEL.value] else outcomes[0]


end_is_seen = make_question(
    _close_while_one_waits,
    name="channel.end-is-seen",
    question="The sending side closes while a receiver waits: does the receiver end, or wait for ever?",
    contract=("A runtime whose channels have an end tells it to who waits (see `channel.close-wakes-all-receivers`).",),
    ref="harness_scenarios.behaviours.channel_close:end_is_seen",
    answers={
        SEES_THE_END: allowed("the channel has an end", _TRIO_CLOSING),
        NEVER_ENDS: interesting("the queue has no end: a receiver waits for ever", _QUEUE_SHUTDOWN),
    },
    repetitions=5,
    requires=(Capability.CHANNEL,),
    variants=_PLAIN_QUEUE,
    seconds=_HANG_SECONDS,
)


STAYS_OPEN = "the channel stays open for the other sender"
COUNTED_TWICE = "the second close ends the channel of the other sender"
CLOSE_FAILS = "the second close fails"


async def _close_twice(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(2)
    other = send.clone()
    await send.aclose()
    outcome = await attempt(runtime, send.aclose)
    trial.step("sender", f"closes twice: {outcome}")
    sent = await attempt(runtime, other.send, "item")
    trial.step("other sender", f"sends: {sent}")
    received = await attempt(runtime, receive.receive) if sent == RETURNS else sent
    await other.aclose()
    await receive.aclose()
    if outcome != RETURNS:
        return CLOSE_FAILS
    return STAYS_OPEN if received == RETURNS else COUNTED_TWICE


close_twice = make_question(
    _close_twice,
    name="channel.close-twice",
    question="A sender is closed twice while another one is open: does the channel stay open?",
    contract=("A channel ends when all its senders are closed, and not before.",),
    ref="harness_scenarios.behaviours.channel_close:close_twice",
    answers={
        STAYS_OPEN: allowed("closing twice is closing once"),
        COUNTED_TWICE: forbidden("a sender counts once", _TRIO_CLOSING),
        CLOSE_FAILS: interesting("closing twice is an error"),
        NEVER_ENDS: forbidden("an item that was sent is received"),
    },
    repetitions=1,
    requires=_NEEDS_AN_END,
    variants=_PLAIN_QUEUE,
    catches=("close-counted-twice",),
)


async def _close_meanwhile(
    runtime: Runtime, trial: Trial, send: SendChannel, end: SendChannel | ReceiveChannel, closer: str, step: str
) -> str:
    """Close an end of a full channel while a send waits for room, and return what became of the send."""
    await send.send("what fills it")
    waits = runtime.create_event()
    outcomes: list[str] = []

    async def wait() -> None:
        trial.step("sender", "sends and waits for room")
        await waits.set()
        outcomes.append(await attempt(runtime, send.send, "item"))
        trial.step("sender", f"is woken: {outcomes[0]}")

    async with runtime.open_task_group() as group:
        await group.spawn(wait)
        await waits.wait()
        await give_turns(runtime)
        trial.step(closer, step)
        await end.aclose()
    return outcomes[0]


NOT_SENT = "the send fails and its item is not sent"
SENT_ALL_THE_SAME = "the send fails and its item is sent"
SENT = "the send succeeds and its item is sent"
DROPPED = "the send succeeds and its item is lost"


async def _close_while_a_send_waits(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(1)
    outcome = await _close_meanwhile(runtime, trial, send, send, "closer", "closes the sender")
    items = await receive_to_the_end(runtime, receive, 2)
    await receive.aclose()
    if outcome == RETURNS:
        return SENT if "item" in items else DROPPED
    return SENT_ALL_THE_SAME if "item" in items else NOT_SENT


close_while_a_send_waits = make_question(
    _close_while_a_send_waits,
    name="channel.close-while-a-send-waits",
    question="A sender is closed while a send waits for room: what becomes of the send?",
    contract=("A send that fails has sent nothing; one that succeeds has sent its item.",),
    ref="harness_scenarios.behaviours.channel_close:close_while_a_send_waits",
    answers={
        NOT_SENT: allowed("the close ends the send"),
        SENT: interesting("the close lets a send that has begun pass"),
        SENT_ALL_THE_SAME: forbidden("a send that failed has sent nothing"),
        DROPPED: forbidden("a send that succeeded has sent its item", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a send on a closed sender does not wait", _QUEUE_SHUTDOWN),
    },
    requires=_NEEDS_AN_END,
    variants=_PLAIN_QUEUE,
    catches=("closed-send-succeeds", "failed-send-delivers"),
)


# --- the receiving side ---

SEES_IT = "the send fails: nobody will receive"
GOES_IN = "the send succeeds and nobody will receive"


async def _close_receiver_while_a_send_waits(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(1)
    outcome = await _close_meanwhile(runtime, trial, send, receive, "receiver", "closes")
    await send.aclose()
    return {RETURNS: GOES_IN, ErrorKind.BROKEN.value: SEES_IT}.get(outcome, outcome)


receiver_closes = make_question(
    _close_receiver_while_a_send_waits,
    name="channel.receiver-closes",
    question="The receiving end closes while a sender waits for room: is the sender told?",
    contract=("The error of the sender tells that the other side has gone.",),
    ref="harness_scenarios.behaviours.channel_close:receiver_closes",
    answers={
        SEES_IT: allowed("a sender sees that the last receiver has gone", _TRIO_CLOSING),
        GOES_IN: interesting("the item goes into a channel without receivers"),
        NEVER_ENDS: interesting("a queue has no receiving end: the sender waits for ever", _QUEUE_SHUTDOWN),
    },
    repetitions=5,
    requires=(Capability.CHANNEL,),
    variants=_PLAIN_QUEUE,
    seconds=_HANG_SECONDS,
)


# --- clones of clones ---

ENDS_WITH_THE_LAST = "the others send, and the channel ends with the last of them"
OTHER_CLOSED = "another sender is closed too"


async def _close_one_of_a_chain(runtime: Runtime, trial: Trial) -> str:
    for size in SIZES[1:3]:
        for position in list_positions(size):
            send, receive = runtime.open_channel(None)
            chain = [send]
            while len(chain) < size:
                chain.append(chain[-1].clone())
            await chain.pop(position).aclose()
            outcomes = [await attempt(runtime, sender.send, number) for number, sender in enumerate(chain)]
            for sender in chain:
                await sender.aclose()
            items = await receive_to_the_end(runtime, receive, size)
            await receive.aclose()
            if set(outcomes) != {RETURNS} or items != list(range(size - 1)):
                trial.observe("case", f"sender {position + 1} of a chain of {size}")
                return OTHER_CLOSED
    return ENDS_WITH_THE_LAST


clones_of_clones = make_question(
    _close_one_of_a_chain,
    name="channel.clones-of-clones",
    question="Of a sender, its clone and the clone of that one is closed, at each position: do the others send?",
    contract=("The channel ends when all senders are closed.",),
    ref="harness_scenarios.behaviours.channel_close:clones_of_clones",
    answers={
        ENDS_WITH_THE_LAST: allowed("the channel ends when all senders are closed", _TRIO_CLOSING),
        OTHER_CLOSED: forbidden("a sender is closed by its own close only", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the channel ends when all senders are closed"),
    },
    judges={"case": NOTED},
    repetitions=1,
    requires=_NEEDS_AN_END,
    variants=_PLAIN_QUEUE,
    catches=("clone-of-a-clone-closes-it",),
)


SCENARIOS: tuple[Scenario, ...] = (
    close_with_items_inside,
    send_after_close,
    close_wakes_all_receivers,
    end_is_seen,
    close_twice,
    close_while_a_send_waits,
    receiver_closes,
    clones_of_clones,
)
