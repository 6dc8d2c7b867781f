"""Several tasks wait for one object, and some of them are cancelled: are the others served, and is the object whole?

Each case is a number of waiters and the positions of those that are cancelled: the first, one in the middle, the last,
all but one, all. Even repetitions cancel by a call, odd ones by a deadline. A cancelled waiter has ended before the
others are served, so that nothing is decided by a race; afterwards the same object is used again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial

from harness.api import (
    CancelScope,
    Capability,
    Event,
    Harm,
    Parameter,
    Runtime,
    Scenario,
    allowed,
    forbidden,
)

from .cancel_target import PlannedFailureError
from .fairness_turns import FEW_TURNS, give_turns
from .positions import SIZES, list_positions
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question

_ATOMIC = "https://trio.readthedocs.io/en/stable/reference-core.html#cancellation-and-primitive-operations"
_SOON = 0.002
"""A deadline of a waiter. Nothing depends on how late it passes."""

WHOLE = "each of the others is served, and it is whole"
CANCELLED_SERVED = "a cancelled wait has taken a lock, unit or item"
LEFT_OUT = "a wait that was not cancelled is not served"
BROKEN = "it is not whole afterwards"


class Awaited(ABC):
    """An object that several tasks wait for, none of which is served before `give`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def prepare(self) -> None:  # noqa: B027 - nothing, by default
        """Make it unavailable."""

    @abstractmethod
    async def take(self, number: int, waits: Event) -> None:
        """Set `waits` and wait, as the task with this number."""

    @abstractmethod
    async def give(self, count: int) -> None:
        """Serve so many tasks."""

    @abstractmethod
    async def is_whole(self) -> bool:
        """Use it again, and return whether it does as it should."""

    async def close(self) -> None:  # noqa: B027 - nothing, by default
        """Leave nothing behind."""


class _Lock(Awaited):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.held = runtime.create_lock()

    async def prepare(self) -> None:
        await self.held.acquire()

    async def take(self, _number: int, waits: Event) -> None:
        await waits.set()
        async with self.held:
            await self.runtime.checkpoint()

    async def give(self, _count: int) -> None:
        await self.held.release()

    async def is_whole(self) -> bool:
        states = [self.held.locked()]
        async with self.held:
            states.append(self.held.locked())
        return [*states, self.held.locked()] == [False, True, False]


class _Semaphore(Awaited):
    def __init__(self, runtime: Runtime, permits: int = 2) -> None:
        super().__init__(runtime)
        self._permits = permits
        self.held = runtime.create_semaphore(permits)
        self._inside = 0
        self._most = 0

    async def prepare(self) -> None:
        for _ in range(self._permits):
            await self.held.acquire()

    async def take(self, _number: int, waits: Event) -> None:
        await waits.set()
        async with self.held:
            self._inside += 1
            self._most = max(self._most, self._inside)
            await self.runtime.checkpoint()
            self._inside -= 1

    async def give(self, _count: int) -> None:
        for _ in range(self._permits):
            await self.held.release()

    async def is_whole(self) -> bool:
        await self.prepare()
        waits, has_it = self.runtime.create_event(), self.runtime.create_event()

        async def take_one_more() -> None:
            await waits.set()
            await self.held.acquire()
            await has_it.set()

        async with self.runtime.open_task_group() as group:
            await group.spawn(take_one_more)
            await waits.wait()
            await give_turns(self.runtime, FEW_TURNS)
            is_open = has_it.is_set()
            await self.held.release()
        await self.give(0)
        return not is_open and self._most <= self._permits


class _Condition(Awaited):
    """A condition with a predicate, as programs use one: asyncio wakes another waiter for one that is cancelled."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.held = runtime.create_condition()
        self._tokens = 0
        self._woken = 0

    async def take(self, _number: int, waits: Event) -> None:
        async with self.held:
            await waits.set()
            while not self._tokens:
                await self.held.wait()
            self._tokens -= 1
            self._woken += 1

    async def give(self, count: int) -> None:
        async with self.held:
            self._tokens += count
            await self.held.notify(count)

    async def is_whole(self) -> bool:
        before, counts = self._woken, []
        async with self.runtime.open_task_group() as group:
            for _ in range(2):
                waits = self.runtime.create_event()
                await group.spawn(self.take, 0, waits)
                await waits.wait()
            for _ in range(2):
                await self.give(1)
                await give_turns(self.runtime, FEW_TURNS)
                counts.append(self._woken - before)
        return counts[0] <= 1 and self._woken - before == len(counts)


class _Event(Awaited):
    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._event = runtime.create_event()

    async def take(self, _number: int, waits: Event) -> None:
        await waits.set()
        await self._event.wait()

    async def give(self, _count: int) -> None:
        await self._event.set()

    async def is_whole(self) -> bool:
        await self._event.set()
        await self._event.wait()
        return self._event.is_set()


class _Channel(Awaited):
    def __init__(self, runtime: Runtime, capacity: int) -> None:
        super().__init__(runtime)
        self._capacity = capacity
        self.send, self.receive = runtime.open_channel(capacity)
        self.arrived: list[object] = []

    async def is_whole(self) -> bool:
        sent = [f"later item {number}" for number in range(self._capacity + 2)]

        async def send_all() -> None:
            for item in sent:
                await self.send.send(item)

        async with self.runtime.open_task_group() as group:
            await group.spawn(send_all)
            arrived = [await self.receive.receive() for _ in sent]
        return arrived == sent and self.send.buffered() == 0

    async def close(self) -> None:
        await self.send.aclose()
        await self.receive.aclose()


class _Receivers(_Channel):
    async def take(self, _number: int, waits: Event) -> None:
        await waits.set()
        self.arrived.append(await self.receive.receive())

    async def give(self, count: int) -> None:
        for number in range(count):
            await self.send.send(number)

    async def is_whole(self) -> bool:
        arrived = {item for item in self.arrived if isinstance(item, int)}
        return arrived == set(range(len(self.arrived))) and await super().is_whole()


class _Senders(_Channel):
    async def prepare(self) -> None:
        for _ in range(self._capacity):
            await self.send.send("what fills it")

    async def take(self, number: int, waits: Event) -> None:
        sender = self.send.clone()
        try:
            await waits.set()
            await sender.send(number)
        finally:
            await self.runtime.run_shielded(sender.aclose)

    async def give(self, count: int) -> None:
        arrived = [await self.receive.receive() for _ in range(self._capacity + count)]
        self.arrived = [item for item in arrived if item != "what fills it"]

    async def is_whole(self) -> bool:
        return len(self.arrived) == len(set(self.arrived)) and await super().is_whole()


_PRIMITIVES: dict[str, type[_Lock | _Semaphore | _Condition | _Event]] = {
    "lock": _Lock,
    "semaphore": _Semaphore,
    "condition": _Condition,
    "event": _Event,
}
_CHANNELS: dict[str, tuple[type[_Channel], int]] = {
    "receive": (_Receivers, 1),
    "receive at a rendezvous": (_Receivers, 0),
    "send": (_Senders, 1),
    "send at a rendezvous": (_Senders, 0),
}
_ALL = "each of them"


def _list_named(trial: Trial, parameter: str, known: Iterable[str]) -> Iterator[str]:
    """Yield the requests of a row, with a step for each; a trial that never ends shows the last one."""
    asked = trial.parameters[parameter]
    for name in known if asked == _ALL else (asked,):
        trial.step("question", f"asks {name}")
        yield name


def _patterns() -> Iterator[tuple[int, set[int]]]:
    """Yield each number of waiters, with the positions that are cancelled."""
    for size in SIZES:
        everyone = set(range(size))
        patterns = [{position} for position in list_positions(size)] + [everyone - {size // 2}, everyone]
        yield from ((size, pattern) for at, pattern in enumerate(patterns) if pattern not in patterns[:at])


class _Queue:
    """The tasks that wait for an object, each in a scope of its own."""

    def __init__(self, runtime: Runtime, awaited: Awaited, cancelled: set[int], *, by_deadline: bool) -> None:
        self._runtime = runtime
        self._awaited = awaited
        self._cancelled = cancelled
        self._by_deadline = by_deadline
        self._scopes: dict[int, CancelScope] = {}
        self._ended = {number: runtime.create_event() for number in cancelled}
        self.served: set[int] = set()

    async def serve(self, size: int) -> None:
        """Let them wait, cancel some, and serve the others."""
        async with self._runtime.open_task_group() as group:
            for number in range(size):
                waits = self._runtime.create_event()
                await group.spawn(self._wait, number, waits)
                await waits.wait()
            await give_turns(self._runtime, FEW_TURNS)
            for number in sorted(self._cancelled):
                if not self._by_deadline:
                    await self._scopes[number].cancel()
                await self._ended[number].wait()
            await self._awaited.give(size - len(self._cancelled))

    def _open_scope(self, number: int) -> AbstractAsyncContextManager[CancelScope]:
        if self._by_deadline and number in self._cancelled:
            return self._runtime.move_on_after(_SOON)
        return self._runtime.open_cancel_scope()

    async def _wait(self, number: int, waits: Event) -> None:
        async with self._open_scope(number) as scope:
            self._scopes[number] = scope
            await self._awaited.take(number, waits)
            self.served.add(number)
        if number in self._cancelled:
            await waits.set()  # a deadline may pass before the wait is reached
            await self._ended[number].set()


async def _cancel_at_primitives(runtime: Runtime, trial: Trial) -> str:
    for name in _list_named(trial, "primitive", _PRIMITIVES):
        answer = await _cancel_some(runtime, trial, name, partial(_PRIMITIVES[name], runtime))
        if answer != WHOLE:
            return answer
    return WHOLE


async def _cancel_at_channels(runtime: Runtime, trial: Trial) -> str:
    for name in _list_named(trial, "wait", _CHANNELS):
        kind, capacity = _CHANNELS[name]
        answer = await _cancel_some(runtime, trial, name, partial(kind, runtime, capacity))
        if answer != WHOLE:
            return answer
    return WHOLE


async def _cancel_some(runtime: Runtime, trial: Trial, name: str, create: Callable[[], Awaited]) -> str:
    for size, cancelled in _patterns():
        awaited = create()
        await awaited.prepare()
        queue = _Queue(runtime, awaited, cancelled, by_deadline=trial.number % 2 == 1)
        await queue.serve(size)
        answer = _judge(queue.served, size, cancelled)
        if answer == WHOLE and not await awaited.is_whole():
            answer = BROKEN
        await awaited.close()
        if answer != WHOLE:
            numbers = ", ".join(str(number + 1) for number in sorted(cancelled))
            trial.observe("case", f"{name}: {size} wait, cancelled: number {numbers}")
            return answer
    return WHOLE


def _judge(served: set[int], size: int, cancelled: set[int]) -> str:
    if served & cancelled:
        return CANCELLED_SERVED
    return WHOLE if len(served) == size - len(cancelled) else LEFT_OUT


_ANSWERS = {
    WHOLE: allowed("a cancelled wait has taken nothing and leaves nothing behind", _ATOMIC),
    CANCELLED_SERVED: forbidden("a cancelled wait has taken nothing", _ATOMIC),
    LEFT_OUT: forbidden("a cancellation reaches the tasks in its scope, and no other", harm=Harm.HANG),
    BROKEN: forbidden("a cancelled wait leaves nothing behind: the object can be used again", harm=Harm.DATA),
    NEVER_ENDS: forbidden("a wake-up is lost with the waiter that was cancelled"),
}
_CONTRACT = ("A cancelled wait has taken nothing.", "Each wait that was not cancelled is served.")

of_primitives = make_question(
    _cancel_at_primitives,
    name="lock.some-waiters-cancelled",
    question="Some of several waiters are cancelled: are the others served, and is the primitive whole afterwards?",
    contract=_CONTRACT,
    ref="harness_scenarios.behaviours.several_waiters:of_primitives",
    answers=_ANSWERS,
    parameters=(
        Parameter(
            name="primitive", default=_ALL, summary="primitive that the tasks wait for", choices=(_ALL, *_PRIMITIVES)
        ),
    ),
    judges={"case": NOTED},
    repetitions=2,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    catches=(
        "cancelled-acquire-goes-on",
        "waiter-behind-a-cancelled-one-forgotten",
        "cancelled-waiter-takes-a-notification",
        "event-stops-at-a-cancelled-waiter",
    ),
)

of_channels = make_question(
    _cancel_at_channels,
    name="channel.some-waiters-cancelled",
    question="Some of several senders or receivers are cancelled: are the others served, and is no item lost?",
    contract=(*_CONTRACT, "Each item reaches one receiver."),
    ref="harness_scenarios.behaviours.several_waiters:of_channels",
    answers=_ANSWERS,
    parameters=(
        Parameter(name="wait", default=_ALL, summary="call in which the tasks wait", choices=(_ALL, *_CHANNELS)),
    ),
    judges={"case": NOTED},
    repetitions=2,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE, Capability.CHANNEL, Capability.RENDEZVOUS),
    catches=(
        "cancelled-receiver-takes-the-next-item",
        "cancelled-sender-stops-its-clones",
    ),
)


# --- the holder ---

GIVEN_BACK = "the next one gets it each time, and it is whole"
SWALLOWED = "the error or the cancellation is swallowed by `async with`"
_TIMES = 3
_HELD: dict[str, Callable[[Runtime], _Lock | _Semaphore | _Condition]] = {
    "lock": _Lock,
    "semaphore": partial(_Semaphore, permits=1),
    "condition": _Condition,
}
"""Each has one holder at a time, so that the next task waits."""
_FAILS, _IS_CANCELLED, _TIMES_OUT = "fails", "is cancelled", "times out"


async def _end_in_the_block(runtime: Runtime, trial: Trial) -> str:
    for name in _list_named(trial, "primitive", _HELD):
        held = _HELD[name](runtime)
        for ends in (_FAILS, _IS_CANCELLED, _TIMES_OUT):
            are_raised = [await _hold_and_end(runtime, held, ends) for _ in range(_TIMES)]
            if not all(are_raised) or not await held.is_whole():
                trial.observe("case", f"{name}: its holder {ends} inside `async with`")
                return BROKEN if all(are_raised) else SWALLOWED
    return GIVEN_BACK


async def _hold_and_end(runtime: Runtime, held: _Lock | _Semaphore | _Condition, ends: str) -> bool:
    """Let a task end in its block while another one waits, and return whether the reason of the end left the block."""
    never, waits = runtime.create_event(), runtime.create_event()

    async def wait() -> None:
        await waits.set()
        async with held.held:
            pass

    async def hold() -> None:
        async with _open_end(runtime, ends) as scope, held.held:
            await group.spawn(wait)
            await waits.wait()
            await give_turns(runtime, FEW_TURNS)
            if ends == _FAILS:
                raise PlannedFailureError
            if ends == _IS_CANCELLED:
                await scope.cancel()
            await never.wait()
        if scope.cancelled_caught:
            raise PlannedFailureError

    async with runtime.open_task_group() as group:
        try:
            await hold()
        except PlannedFailureError:
            return True
    return False


def _open_end(runtime: Runtime, ends: str) -> AbstractAsyncContextManager[CancelScope]:
    return runtime.move_on_after(_SOON) if ends == _TIMES_OUT else runtime.open_cancel_scope()


holder_ends = make_question(
    _end_in_the_block,
    name="lock.holder-ends-in-its-block",
    question="The holder fails, is cancelled or times out inside `async with`: does the next one get it, each time?",
    contract=("`async with` releases, however its block ends.",),
    ref="harness_scenarios.behaviours.several_waiters:holder_ends",
    answers={
        GIVEN_BACK: allowed("`async with` releases, however its block ends"),
        BROKEN: forbidden("`async with` releases once, however its block ends"),
        SWALLOWED: forbidden("what ends the block is seen behind it"),
        NEVER_ENDS: forbidden("it is held by a task that has left its block"),
    },
    parameters=(Parameter(name="primitive", default=_ALL, summary="primitive that is held", choices=(_ALL, *_HELD)),),
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    catches=(
        "failed-block-keeps-its-lock",
        "cancelled-block-keeps-its-lock",
        "failed-block-gives-two-permits-back",
        "cancelled-block-keeps-its-condition",
        "async-with-swallows",
    ),
)

SCENARIOS: tuple[Scenario, ...] = (of_primitives, of_channels, holder_ends)
