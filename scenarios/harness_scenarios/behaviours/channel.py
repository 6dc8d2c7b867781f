"""Contents of a channel, the receiver of an item, and the next sender.

Order is made by events: a task that is to come before another one is made ready before it, so that on a loop it runs
before it. On threads, where there are no turns, either may happen, and both are asked for often enough to be seen.
"""

from __future__ import annotations

import tracemalloc

from harness.api import (
    Capability,
    Harm,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    info,
    interesting,
)

from .channel_close import SCENARIOS as CLOSE_SCENARIOS
from .fairness_turns import give_turns
from .question import NEVER_ENDS, NOTED, Trial, make_question

_BOTH_DOCUMENTED = "both are documented or undefined"
_PLAIN_QUEUE = ("asyncio:channel=queue", "uvloop:channel=queue")
_TRIO_CHANNELS = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.open_memory_channel"
_ASYNCIO_QUEUE = "https://docs.python.org/3/library/asyncio-queue.html#asyncio.Queue"


# --- capacity 0 ---

RENDEZVOUS = "nothing is taken while nobody receives"
UNBOUNDED = "everything is taken while nobody receives"
SOME = "a few items are taken while nobody receives"
_OFFERED = 100
_PATIENCE_SECONDS = 0.1


async def _send_to_capacity_zero(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(0)
    taken = 0
    async with runtime.move_on_after(_PATIENCE_SECONDS):
        for item in range(_OFFERED):
            await send.send(item)
            taken += 1
    answer = {0: RENDEZVOUS, _OFFERED: UNBOUNDED}.get(taken, SOME)
    trial.step("sender", answer)
    trial.observe("items taken", taken)
    await send.aclose()
    await receive.aclose()
    return answer


capacity_zero = make_question(
    _send_to_capacity_zero,
    name="channel.capacity-zero",
    question="How many items does a channel of capacity 0 take without a receiver?",
    contract=("Capacity 0 has one meaning: no place, or no limit.",),
    ref="harness_scenarios.behaviours.channel:capacity_zero",
    answers={
        RENDEZVOUS: allowed("capacity 0 is a rendezvous", _TRIO_CHANNELS),
        UNBOUNDED: interesting("capacity 0 is no limit: a sender never waits", _ASYNCIO_QUEUE),
        SOME: forbidden("capacity 0 is no place or no limit"),
    },
    repetitions=1,
    judges={"items taken": NOTED},
    requires=(Capability.DEADLINE,),
    variants=_PLAIN_QUEUE,
    catches=("channel-takes-one-more",),
)


WAITS = "the send returns when a receiver has the item"
EARLY = "the send returns before anybody receives"


async def _send_by_rendezvous(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(0)
    returned: list[str] = []
    sends = runtime.create_event()

    async def sender() -> None:
        trial.step("sender", "sends")
        await sends.set()
        await send.send("item")
        returned.append("item")
        trial.step("sender", "has sent")

    async with runtime.open_task_group() as group:
        await group.spawn(sender)
        await sends.wait()
        await give_turns(runtime)
        answer = EARLY if returned else WAITS
        trial.step("receiver", "receives")
        await receive.receive()
    await send.aclose()
    await receive.aclose()
    return answer


rendezvous_waits = make_question(
    _send_by_rendezvous,
    name="channel.rendezvous-waits",
    question="Does a send by rendezvous wait for a receiver?",
    contract=("With capacity 0 a send returns only after a receiver has taken the item.",),
    ref="harness_scenarios.behaviours.channel:rendezvous_waits",
    answers={
        WAITS: allowed("a rendezvous", _TRIO_CHANNELS),
        EARLY: forbidden("there is no place where the item could be", _TRIO_CHANNELS),
        NEVER_ENDS: forbidden("a receiver and a sender that both wait meet"),
    },
    requires=(Capability.RENDEZVOUS,),
    catches=("channel-without-limit", "channel-takes-one-more"),
)


# --- no limit ---

TAKES_ALL = "every item is taken and comes out again"
LOSES = "items are lost"
_ITEMS = 2000
_ITEM_BYTES = 1000


async def _fill_without_limit(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(None)
    is_traced = tracemalloc.is_tracing()  # perhaps by an instrument
    tracemalloc.start()
    try:
        empty = tracemalloc.get_traced_memory()[0]
        for number in range(_ITEMS):
            await send.send(bytes([number % 256]) * _ITEM_BYTES)
        full = tracemalloc.get_traced_memory()[0]
        trial.step("sender", "has sent everything")
        received = [(await receive.receive())[0] for _ in range(send.buffered())]
        left = tracemalloc.get_traced_memory()[0]
    finally:
        if not is_traced:
            tracemalloc.stop()
    trial.observe("memory for each item of 1000 B", (full - empty) // _ITEMS)
    trial.observe("memory kept when it is empty again", max(0, left - empty))
    trial.step("receiver", "has received everything")
    await send.aclose()
    await receive.aclose()
    return TAKES_ALL if received == [number % 256 for number in range(_ITEMS)] else LOSES


unbounded_grows = make_question(
    _fill_without_limit,
    name="channel.unbounded-grows",
    question="Does a channel without a limit take everything, and what does it hold?",
    contract=("A channel without a limit never makes a sender wait.", "No item is lost."),
    ref="harness_scenarios.behaviours.channel:unbounded_grows",
    answers={
        TAKES_ALL: allowed("memory is its only limit"),
        LOSES: forbidden("an item that was taken is delivered", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a channel without a limit never makes a sender wait"),
    },
    repetitions=1,
    judges={
        "memory for each item of 1000 B": info("B"),
        "memory kept when it is empty again": info("B"),
    },
    requires=(Capability.CHANNEL,),
    variants=_PLAIN_QUEUE,
    catches=("item-lost", "unbounded-has-a-limit"),
)


# --- backpressure ---

HELD_BACK = "the producer waits for room"
AHEAD = "the producer runs ahead of the capacity"
_CAPACITY = 4
_STREAM = 60


async def _produce_for_a_slow_consumer(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(_CAPACITY)
    asked: list[int] = []
    leads: list[int] = []

    async def produce() -> None:
        for number in range(1, _STREAM + 1):
            await send.send(number)
            leads.append(number - len(asked))
        trial.step("producer", "has sent everything")

    async with runtime.open_task_group() as group:
        await group.spawn(produce)
        for _ in range(_STREAM):
            await give_turns(runtime, 2)
            asked.append(1)
            await receive.receive()
        trial.step("consumer", "has received everything")
    trial.observe("longest lead of the producer", max(leads))
    await send.aclose()
    await receive.aclose()
    return HELD_BACK if max(leads) <= _CAPACITY else AHEAD


slow_consumer_stops_producer = make_question(
    _produce_for_a_slow_consumer,
    name="channel.slow-consumer-stops-producer",
    question="Does a slow consumer hold a fast producer back?",
    contract=("A producer is never further ahead than the capacity.",),
    ref="harness_scenarios.behaviours.channel:slow_consumer_stops_producer",
    answers={
        HELD_BACK: allowed("a full channel makes its senders wait"),
        AHEAD: forbidden("the channel holds more than its capacity"),
        NEVER_ENDS: forbidden("room wakes a sender, an item wakes a receiver"),
    },
    repetitions=5,
    judges={"longest lead of the producer": info("items")},
    requires=(Capability.CHANNEL,),
    variants=_PLAIN_QUEUE,
    catches=("wake-up-lost", "channel-without-limit", "channel-takes-one-more"),
)


# --- who gets the item ---

RESERVED = "the receiver that waited gets the item"
STOLEN = "a third task takes the item before it"


async def _receive_what_another_waits_for(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(8)
    waits, comes = runtime.create_event(), runtime.create_event()
    takers: list[str] = []

    async def take(who: str) -> None:
        item = await receive.receive()
        trial.step(who, f"receives the {item} item")
        if item == "first":
            takers.append(who)
            await send.send("second")

    async def wait() -> None:
        trial.step("waiter", "waits")
        await waits.set()
        await take("waiter")

    async def come_late() -> None:
        await comes.wait()
        await take("third")

    async with runtime.open_task_group() as group:
        await group.spawn(come_late)
        await group.spawn(wait)
        await waits.wait()
        await give_turns(runtime)
        await comes.set()
        trial.step("sender", "wakes the third task and sends")
        await send.send("first")
    await send.aclose()
    await receive.aclose()
    return RESERVED if takers == ["waiter"] else STOLEN


item_is_for_who_waits = make_question(
    _receive_what_another_waits_for,
    name="channel.item-is-for-who-waits",
    question="An item is sent while a receiver waits: can a third task take it first?",
    contract=("Each item reaches one receiver.",),
    ref="harness_scenarios.behaviours.channel:item_is_for_who_waits",
    answers={
        RESERVED: allowed(f"a send hands the item to the receiver; {_BOTH_DOCUMENTED}", _TRIO_CHANNELS),
        STOLEN: interesting(f"a send wakes the receiver, who may find nothing; {_BOTH_DOCUMENTED}", _ASYNCIO_QUEUE),
        NEVER_ENDS: forbidden("an item that is there wakes a receiver"),
    },
    requires=(Capability.CHANNEL,),
    variants=_PLAIN_QUEUE,
)


# --- who sends next ---

IN_ORDER = "the sender that waited is first"
OVERTAKEN = "a later sender overtakes it"
_OUT_OF_ORDER = "https://github.com/python/cpython/issues/83055 (bpo-38874)"


async def _send_past_a_waiting_sender(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(1)
    waits, comes = runtime.create_event(), runtime.create_event()
    await send.send("what fills it")

    async def wait() -> None:
        trial.step("waiter", "sends and waits for room")
        await waits.set()
        await send.send("early")

    async def come_late() -> None:
        await comes.wait()
        trial.step("third", "sends")
        await send.send("late")

    async with runtime.open_task_group() as group:
        await group.spawn(come_late)
        await group.spawn(wait)
        await waits.wait()
        await give_turns(runtime)
        await comes.set()
        trial.step("receiver", "wakes the third task and makes room")
        await receive.receive()
        first = await receive.receive()
        await receive.receive()
    trial.step("receiver", f"receives the {first} item first")
    await send.aclose()
    await receive.aclose()
    return IN_ORDER if first == "early" else OVERTAKEN


waiting_sender_keeps_its_place = make_question(
    _send_past_a_waiting_sender,
    name="channel.waiting-sender-keeps-its-place",
    question="Room is made for a sender that waits: can a later sender take it?",
    contract=("No item is lost.",),
    ref="harness_scenarios.behaviours.channel:waiting_sender_keeps_its_place",
    answers={
        IN_ORDER: allowed("who makes room takes the item of the sender that waits", _TRIO_CHANNELS),
        OVERTAKEN: interesting(
            "who makes room wakes the sender, who may find none: items are out of order", _OUT_OF_ORDER
        ),
        NEVER_ENDS: forbidden("room wakes a sender"),
    },
    requires=(Capability.CHANNEL,),
    variants=_PLAIN_QUEUE,
)


TAKE_TURNS = "both producers are served"
ONE_FIRST = "one producer is served only after the other has ended"
_SHARE = 100


async def _send_from_two_producers(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(_CAPACITY)
    begin = runtime.create_event()

    async def produce(name: str) -> None:
        await begin.wait()
        for _ in range(_SHARE):
            await send.send(name)
        trial.step(name, "has sent everything")

    async with runtime.open_task_group() as group:
        for name in ("first", "second"):
            await group.spawn(produce, name)
        await give_turns(runtime)
        await begin.set()
        received = [await receive.receive() for _ in range(2 * _SHARE)]
    await send.aclose()
    await receive.aclose()
    alone = _items_alone(received)
    trial.observe("items of one producer before the first of the other", alone)
    return ONE_FIRST if alone == _SHARE else TAKE_TURNS


def _items_alone(received: list[str]) -> int:
    return next(number for number, name in enumerate(received) if name != received[0])


producers_take_turns = make_question(
    _send_from_two_producers,
    name="channel.producers-take-turns",
    question="Two producers fill a channel of capacity 4: is each of them served?",
    contract=("No item is lost.",),
    ref="harness_scenarios.behaviours.channel:producers_take_turns",
    answers={
        TAKE_TURNS: allowed("a sender that waits is served before one that has just sent"),
        ONE_FIRST: interesting(
            "a sender that waits starves: the sender that has just been woken fills the room of both", _OUT_OF_ORDER
        ),
        NEVER_ENDS: forbidden("room wakes a sender, an item wakes a receiver"),
    },
    repetitions=5,
    judges={"items of one producer before the first of the other": info("items")},
    requires=(Capability.CHANNEL,),
    variants=_PLAIN_QUEUE,
)


SCENARIOS: tuple[Scenario, ...] = (
    capacity_zero,
    rendezvous_waits,
    unbounded_grows,
    slow_consumer_stops_producer,
    item_is_for_who_waits,
    waiting_sender_keeps_its_place,
    producers_take_turns,
    *CLOSE_SCENARIOS,
)
