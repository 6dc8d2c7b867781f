"""The end of an endpoint: its receives, its address, its descriptor, calls that come later, and its neighbours."""

from __future__ import annotations

import errno
import gc
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from harness.api import (
    RAISED,
    DatagramEndpoint,
    ErrorKind,
    Harm,
    Parameter,
    Runtime,
    Scenario,
    allowed,
    datagrams_of,
    forbidden,
    grid,
    interesting,
)
from harness.api.datagrams import Address

from .datagram_stand import (
    ARRIVES,
    CANCELS,
    FAILS,
    LAST,
    NEEDS,
    TRANSFER,
    VARIANTS,
    RawSocket,
    choose_host,
    compare,
    list_hosts,
    opened,
    receive_all,
    works,
)
from .fairness_turns import FEW_TURNS, give_turns
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question
from .stream_attempt import NEEDED, Attempt, describe_raised, settle

_MODULE = "harness_scenarios.behaviours.datagram_close"
_SEVERAL_RECEIVES = 3
_WAIT_SECONDS = 0.25
"""For the last receive to wait, also in a thread of a busy machine."""

# --- receives that wait ---

ALL_END = "each waiting receive raises that the endpoint is closed"
OTHER_END = "a waiting receive raises another error"
SOME_WAIT = "one of several receives is not woken"
INVENTED = "a waiting receive returns a datagram that was not sent"


async def _close_under_receives(runtime: Runtime, trial: Trial) -> str:
    size = trial.number % _SEVERAL_RECEIVES + 1
    endpoint = await datagrams_of(runtime).open_endpoint()
    attempts = [Attempt(runtime, trial, f"receiver {number + 1}") for number in range(size)]
    async with runtime.open_task_group() as group:
        for one in attempts:
            await group.spawn(one.make, "receive", endpoint.receive_from)
            await one.settled()
        await runtime.sleep(_WAIT_SECONDS)
        waiting = [one for one in attempts if not one.ended]
        await endpoint.aclose()
        answers = [await one.patiently() for one in waiting]
        await group.cancel()
    if len(waiting) < size and any(_kind(runtime, one) is not ErrorKind.BUSY for one in attempts if one not in waiting):
        return OTHER_END
    if NEVER_ENDS in answers:
        return NEVER_ENDS if len(set(answers)) == 1 else SOME_WAIT
    if any(one.error is None for one in waiting):
        return INVENTED
    return ALL_END if {_kind(runtime, one) for one in waiting} == {ErrorKind.CLOSED} else OTHER_END


def _kind(runtime: Runtime, attempt: Attempt) -> ErrorKind | None:
    return None if attempt.error is None else runtime.classify(attempt.error)


close_wakes = make_question(
    _close_under_receives,
    name="datagram.close-wakes-receives",
    question="An endpoint is closed while one, two or three tasks receive from it: does each of them end?",
    contract=("Closing an endpoint ends each waiting receive.",),
    ref=f"{_MODULE}:close_wakes",
    answers={
        ALL_END: allowed("the receive sees that its own side has closed"),
        OTHER_END: interesting("the receive is woken, by an error that does not tell why", harm=Harm.ERROR),
        SOME_WAIT: forbidden("closing an endpoint ends each waiting receive", harm=Harm.HANG),
        INVENTED: forbidden("nothing was sent", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the receive sleeps on a closed descriptor for ever", "close(2)"),
    },
    judges={RAISED: NOTED},
    repetitions=_SEVERAL_RECEIVES,
    variants=(*VARIANTS, "threads:close=shutdown"),
    requires=(*CANCELS, *NEEDED),
    catches=("close-wakes-the-first-receive-only", "close-wakes-no-receive"),
)

# --- calls afterwards ---

BOTH_RAISE = "each call raises that the endpoint is closed"
SILENT = "a send returns and sends nothing"
WRONG_ERROR = "a call raises an error that has another meaning"
STILL_SENT = "a datagram is sent from a closed endpoint"
SENT_AT_ONCE = "a datagram is sent right after the close"
RECEIVES_ON = "a closed endpoint receives a datagram that came after the close"
_AT_ONCE, _LATER = "at once", "some turns later"


async def _use_after_close(runtime: Runtime, trial: Trial) -> str:
    cases = [(data, connects) for connects in (False, True) for data in (b"late", b"")]
    answers = [await _send_after_close(runtime, trial, data, connects=connects) for data, connects in cases]
    answers.append(await _receive_after_close(runtime, trial))
    worst = (STILL_SENT, SENT_AT_ONCE, RECEIVES_ON, NEVER_ENDS, WRONG_ERROR, SILENT, BOTH_RAISE)
    return min(answers, key=worst.index)


async def _close(runtime: Runtime, trial: Trial, endpoint: DatagramEndpoint) -> None:
    await endpoint.aclose()
    await endpoint.aclose()
    if trial.parameters["when"] == _LATER:
        await settle(runtime)


async def _send_after_close(runtime: Runtime, trial: Trial, data: bytes, *, connects: bool) -> str:
    with RawSocket() as raw, RawSocket() as other:
        endpoint = await datagrams_of(runtime).open_endpoint(peer=raw.address if connects else None)
        await _close(runtime, trial, endpoint)
        call = Attempt(runtime, trial, "sender")
        await call.make("send", endpoint.send_to, data, None if connects else raw.address)
        await settle(runtime)
        if not connects:
            other.send(LAST, raw.address)
            if await raw.receive_all(runtime):
                return SENT_AT_ONCE if trial.parameters["when"] == _AT_ONCE else STILL_SENT
    return _grade_call(runtime, call)


def _grade_call(runtime: Runtime, call: Attempt) -> str:
    if call.error is None:
        return SILENT if call.ended else NEVER_ENDS
    return BOTH_RAISE if runtime.classify(call.error) is ErrorKind.CLOSED else WRONG_ERROR


async def _receive_after_close(runtime: Runtime, trial: Trial) -> str:
    with RawSocket() as raw:
        endpoint = await datagrams_of(runtime).open_endpoint()
        await _close(runtime, trial, endpoint)
        with suppress(OSError):
            raw.send(b"too late", endpoint.address)
        call = Attempt(runtime, trial, "receiver")
        async with runtime.open_task_group() as group:
            await group.spawn(call.make, "receive", endpoint.receive_from)
            await call.patiently()
            await group.cancel()
    return RECEIVES_ON if call.error is None and call.ended else _grade_call(runtime, call)


_WHEN = Parameter(name="when", default=_LATER, summary="when the calls are made", choices=(_LATER, _AT_ONCE))

after_close = make_question(
    _use_after_close,
    name="datagram.use-after-close",
    question="An endpoint is used after its close: what do a send and a receive do?",
    contract=("After a close nothing is sent.", "Closing twice is closing once."),
    ref=f"{_MODULE}:after_close",
    answers={
        BOTH_RAISE: allowed("the caller sees that its own side has closed"),
        SILENT: interesting("the caller does not learn that nothing was sent", "MagicStack/uvloop#338"),
        WRONG_ERROR: interesting("the error is one of the runtime's own making", "CPython PR 28110", harm=Harm.ERROR),
        SENT_AT_ONCE: interesting("the socket is closed in a later turn, and sends until then"),
        STILL_SENT: forbidden("after a close nothing is sent", harm=Harm.DATA),
        RECEIVES_ON: forbidden("a closed socket receives nothing", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a receive from a closed endpoint waits for what cannot come"),
    },
    parameters=(_WHEN,),
    rows={"quick": grid(when=_WHEN.choices)},
    repetitions=1,
    requires=(*CANCELS, *NEEDED),
    catches=("closed-endpoint-sends", "receive-after-close-waits"),
)

# --- the address ---

IN_USE = "it raises EADDRINUSE, and the first endpoint works on"
BOTH_BOUND = "two endpoints have one address"
OTHER_REFUSAL = "it raises another error"
FIRST_BROKEN = "the first endpoint works no more"


async def _bind_twice(runtime: Runtime, trial: Trial) -> str:
    for host in list_hosts():
        async with opened(runtime, host) as endpoint:
            for _ in range(3):
                try:
                    async with opened(runtime, host, endpoint.address[1]):
                        return BOTH_BOUND
                except OSError as exc:
                    trial.observe(RAISED, describe_raised(exc))
                    if exc.errno != errno.EADDRINUSE:
                        return OTHER_REFUSAL
            if not await works(runtime, endpoint):
                return FIRST_BROKEN
    return IN_USE


in_use = make_question(
    _bind_twice,
    name="datagram.address-in-use",
    question="A second endpoint is opened on the address of one that is open: what happens to both?",
    contract=("An address belongs to one endpoint.",),
    ref=f"{_MODULE}:in_use",
    answers={
        IN_USE: allowed("the system refuses it"),
        BOTH_BOUND: forbidden("the datagrams of one endpoint reach the other one", harm=Harm.DATA),
        OTHER_REFUSAL: forbidden("an address in use is EADDRINUSE", harm=Harm.ERROR),
        FIRST_BROKEN: forbidden("an open that fails changes no other endpoint", harm=Harm.SERVER),
        NEVER_ENDS: forbidden("an open that fails returns"),
    },
    repetitions=1,
    requires=NEEDS,
    catches=("second-endpoint-takes-the-address",),
)

FREE_AT_ONCE = "the address is free when the close returns"
FREE_LATER = "the address is free some turns later"
STAYS_TAKEN = "the address of a closed endpoint stays taken"
_TRIES = 3
"""Where a host has one loopback address, another program may have taken the port."""


async def _bind_again(runtime: Runtime, trial: Trial) -> str:
    del trial
    answers = []
    for connects in (False, True):
        answer = STAYS_TAKEN
        for _ in range(_TRIES):
            if answer == STAYS_TAKEN:
                answer = await _close_and_bind(runtime, connects=connects)
        answers.append(answer)
    return max(answers, key=(FREE_AT_ONCE, FREE_LATER, STAYS_TAKEN).index)


async def _close_and_bind(runtime: Runtime, *, connects: bool) -> str:
    answer = FREE_AT_ONCE
    with RawSocket() as raw:
        endpoint = await datagrams_of(runtime).open_endpoint(choose_host(), peer=raw.address if connects else None)
        raw.send(LAST, endpoint.address)
        await receive_all(endpoint)
        await endpoint.aclose()
        if not _is_free(endpoint.address):
            await settle(runtime)
            answer = FREE_LATER
    with suppress(OSError):
        async with opened(runtime, *endpoint.address) as again:
            if await works(runtime, again):
                return answer
    return STAYS_TAKEN


def _is_free(address: Address) -> bool:
    try:
        RawSocket(*address).close()
    except OSError:
        return False
    return True


bind_again = make_question(
    _bind_again,
    name="datagram.address-after-close",
    question="An endpoint is closed: is its address free at once?",
    contract=("The address of a closed endpoint is free again soon.",),
    ref=f"{_MODULE}:bind_again",
    answers={
        FREE_AT_ONCE: allowed("the socket is closed when the close returns"),
        FREE_LATER: interesting("the socket is closed in a later turn, and nothing waits for that", harm=Harm.TIME),
        STAYS_TAKEN: forbidden("the address of a closed endpoint is free again soon", harm=Harm.LEAK),
        NEVER_ENDS: forbidden("a close returns"),
    },
    repetitions=3,
    seconds=LONG_TRIAL_SECONDS,
    screening=False,
    requires=NEEDS,
    catches=("closed-endpoint-stays-open",),
)

# --- descriptors ---

NONE_LEFT = "no descriptor is left behind"
SOME_LEFT = "descriptors are left behind"
UNTIL_COLLECTED = "descriptors are left until their objects are collected"
_TIMES = 10
_TURNS_OF_AN_OPEN = 4
"""An open is cancelled after each number of turns below this; on a loop it takes three."""
_FAR = 60.0
_SPARE = 5
"""Descriptors that a runtime may open at its first use and keep."""


async def _open_and_close(runtime: Runtime, trial: Trial) -> str:
    answers = set()
    for name, act in _ACTS.items():
        answer = await _repeat(runtime, act)
        answers.add(answer)
        if answer != NONE_LEFT:
            trial.observe("case", name)
    return min(answers, key=(SOME_LEFT, UNTIL_COLLECTED, NONE_LEFT).index)


async def _repeat(runtime: Runtime, act: Callable[[Runtime], Awaitable[None]]) -> str:
    """Act many times without a collection, so that the answer does not depend on when there is one."""
    await act(runtime)
    gc.disable()
    try:
        before = _count_fds()
        for _ in range(_TIMES):
            await act(runtime)
        await settle(runtime)
        if _count_fds() <= before + _SPARE:
            return NONE_LEFT
        gc.collect()
        await settle(runtime)
        return SOME_LEFT if _count_fds() > before + _SPARE else UNTIL_COLLECTED
    finally:
        gc.enable()


def _count_fds() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names, not paths


async def _open_closed(runtime: Runtime) -> None:
    async with opened(runtime) as endpoint:
        await endpoint.send_to(b"to itself", endpoint.address)
        await endpoint.receive_from()


async def _open_in_use(runtime: Runtime) -> None:
    with RawSocket() as raw, suppress(OSError):
        await datagrams_of(runtime).open_endpoint(*raw.address)


async def _open_for_wrong_peer(runtime: Runtime) -> None:
    with suppress(Exception):
        await datagrams_of(runtime).open_endpoint(peer=("::1", 9))


async def _open_cancelled(runtime: Runtime) -> None:
    for turns in range(_TURNS_OF_AN_OPEN):
        async with runtime.open_task_group() as group:
            await group.spawn(_hold_open, runtime)
            await give_turns(runtime, turns)
            await group.cancel()


async def _hold_open(runtime: Runtime) -> None:
    async with opened(runtime):
        await runtime.sleep(_FAR)


async def _close_under_one(runtime: Runtime) -> None:
    endpoint = await datagrams_of(runtime).open_endpoint()
    async with runtime.open_task_group() as group:
        await group.spawn(_receive_until_closed, endpoint)
        await give_turns(runtime, FEW_TURNS)
        await endpoint.aclose()
        await give_turns(runtime, FEW_TURNS)
        await group.cancel()


async def _receive_until_closed(endpoint: DatagramEndpoint) -> None:
    with suppress(Exception):
        await endpoint.receive_from()


_ACTS: dict[str, Callable[[Runtime], Awaitable[None]]] = {
    "opened and closed": _open_closed,
    "opened on an address in use": _open_in_use,
    "connected to a peer of another family": _open_for_wrong_peer,
    "cancelled as it opens": _open_cancelled,
    "closed while a task receives": _close_under_one,
}

descriptors = make_question(
    _open_and_close,
    name="datagram.leaves-no-descriptors",
    question="Endpoints are closed, fail to open or are cancelled as they open, many times: are descriptors left?",
    contract=("An endpoint that is closed, or that failed to open, leaves no descriptor.",),
    ref=f"{_MODULE}:descriptors",
    answers={
        NONE_LEFT: allowed("an endpoint that is closed, or failed to open, leaves no descriptor"),
        UNTIL_COLLECTED: interesting("an object in a reference cycle has the descriptor", harm=Harm.LEAK),
        SOME_LEFT: forbidden("an endpoint that is closed, or failed to open, leaves no descriptor", harm=Harm.LEAK),
        NEVER_ENDS: forbidden("opening and closing end"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    side_by_side=False,
    requires=CANCELS,
    catches=("failed-open-keeps-its-socket", "closed-endpoint-stays-open"),
)

# --- neighbours ---

_NEIGHBOURS = 3


async def _close_one(runtime: Runtime, trial: Trial) -> str:
    for position in range(_NEIGHBOURS):
        for waits in (False, True):
            answer = await _close_one_at(runtime, position, waits=waits)
            if answer != ARRIVES:
                trial.observe("case", f"number {position + 1} of {_NEIGHBOURS}, {'' if waits else 'no '}receive waits")
                return answer
    return ARRIVES


async def _close_one_at(runtime: Runtime, position: int, *, waits: bool) -> str:
    async with AsyncExitStack() as stack:
        endpoints = [await stack.enter_async_context(opened(runtime)) for _ in range(_NEIGHBOURS)]
        raw = stack.enter_context(RawSocket())
        answers: list[str] = []

        async def receive(number: int) -> None:
            try:
                answers.append(compare([b"to %d" % number], await receive_all(endpoints[number])))
            except Exception as exc:
                if runtime.is_cancelled(exc):
                    raise
                answers.append(FAILS)

        others = [number for number in range(_NEIGHBOURS) if number != position]
        async with runtime.open_task_group() as group:
            if waits:
                for number in others:
                    await group.spawn(receive, number)
                await give_turns(runtime, FEW_TURNS)
            await endpoints[position].aclose()
            await stack.enter_async_context(opened(runtime))  # it may have the number of the closed descriptor
            await give_turns(runtime, FEW_TURNS)
            for number in others:
                for data in (b"to %d" % number, LAST):
                    raw.send(data, endpoints[number].address)
            if not waits:
                for number in others:
                    await group.spawn(receive, number)
        return next((answer for answer in answers if answer != ARRIVES), ARRIVES)


neighbours = make_question(
    _close_one,
    name="datagram.one-of-several-closed",
    question="One of three endpoints is closed, at each position, and another one opened: do the others receive on?",
    contract=("An endpoint ends alone.",),
    ref=f"{_MODULE}:neighbours",
    answers=TRANSFER,
    judges={"case": NOTED},
    repetitions=1,
    requires=NEEDS,
    catches=("close-ends-another-endpoint",),
)

SCENARIOS: tuple[Scenario, ...] = (close_wakes, after_close, in_use, bind_again, descriptors, neighbours)
