"""One of several tasks at an inbox or a child, or one of several jobs, is cancelled: the others keep theirs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import (
    Bridge,
    BridgeEvent,
    BridgeJob,
    ByteStream,
    CancelScope,
    Capability,
    ErrorKind,
    Event,
    Harm,
    Inbox,
    Listener,
    Runtime,
    Scenario,
    allowed,
    bridge_of,
    forbidden,
    interesting,
)
from harness.api.processes import PIPE

from ..parts.children import UNTIL_TOLD, child_of, tell
from ..parts.sandbox import call_in_thread
from .fairness_turns import FEW_TURNS, give_turns
from .positions import SIZES, list_positions
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.several_bridge"


async def _cancel_one(
    runtime: Runtime,
    size: int,
    position: int,
    wait: Callable[[], Awaitable[object]],
    release: Callable[[], Awaitable[object]],
) -> dict[int, object]:
    """Let tasks wait, cancel one, release the others, and return the result of each."""
    scopes: dict[int, CancelScope] = {}
    results: dict[int, object] = {}

    async def wait_in_a_scope(number: int, waits: Event) -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes[number] = scope
            await waits.set()
            results[number] = await wait()

    async with runtime.open_task_group() as group:
        for number in range(size):
            waits = runtime.create_event()
            await group.spawn(wait_in_a_scope, number, waits)
            await waits.wait()
        await give_turns(runtime, FEW_TURNS)
        await scopes[position].cancel()
        await give_turns(runtime, FEW_TURNS)
        await release()
    return results


# --- receivers of an inbox ---

EACH_ITEM = "each item reaches one of the others, and the next one arrives"
ITEM_LOST = "an item is lost, or arrives twice"


async def _cancel_receivers(runtime: Runtime, trial: Trial) -> str:
    for size in SIZES:
        for position in list_positions(size):
            if not await _receive_all(runtime, size, position):
                trial.observe("case", f"receiver {position + 1} of {size} is cancelled")
                return ITEM_LOST
    return EACH_ITEM


async def _receive_all(runtime: Runtime, size: int, position: int) -> bool:
    inbox: Inbox = bridge_of(runtime).open_inbox()

    def put_all() -> None:
        for item in range(size - 1):
            inbox.put(item)

    async def release() -> None:
        await call_in_thread(runtime, put_all)

    results = await _cancel_one(runtime, size, position, inbox.receive, release)
    await call_in_thread(runtime, inbox.put, "next")
    others = set(range(size)) - {position}
    received = [results[number] for number in sorted(results)]
    return set(results) == others and set(received) == set(range(size - 1)) and await inbox.receive() == "next"


some_receivers = make_question(
    _cancel_receivers,
    name="bridge.one-of-several-receivers-cancelled",
    question="One of 1 to 10 tasks that receive from an inbox is cancelled, at each position: do the others receive?",
    contract=("Each item reaches one receiver.", "A cancelled receive has taken nothing."),
    ref=f"{_MODULE}:some_receivers",
    answers={
        EACH_ITEM: allowed("each item reaches one receiver"),
        ITEM_LOST: forbidden("each item reaches one receiver", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a receiver that waits is woken by an item"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE, Capability.BRIDGE),
    catches=(
        "second-receive-of-an-inbox-hangs",
        "inbox-doubles-items",
        "inbox-swaps-items",
    ),
)


# --- jobs ---

OWN_RESULT = "each of the others has its own result, each time"
ANOTHER_RESULT = "a job has another result than its own, or a later one"
WRONG_STATE = "a job is done before its end, or not done behind it"
_WAIT_SECONDS = 3.0


async def _cancel_jobs(runtime: Runtime, trial: Trial) -> str:
    bridge = bridge_of(runtime)
    for size in SIZES:
        for position in list_positions(size):
            jobs = _Jobs(bridge)
            asked = await call_in_thread(runtime, jobs.run, size, position, seconds=LONG_TRIAL_SECONDS)
            if asked.value != OWN_RESULT:
                trial.observe("case", f"job {position + 1} of {size} is cancelled")
                return str(asked.value) if asked.error is None else ANOTHER_RESULT
    return OWN_RESULT


class _Jobs:
    """Jobs that a thread starts, of which it cancels one."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._may_end: BridgeEvent = bridge.create_event()

    async def _work(self, number: int) -> int:
        await self._may_end.wait()
        return number

    def run(self, size: int, position: int) -> str:
        jobs: list[BridgeJob] = [self._bridge.submit(self._work, number) for number in range(size)]
        jobs.pop(position).cancel()
        early = [job.done() for job in jobs]
        self._may_end.set()
        results = [(job.result(_WAIT_SECONDS), job.result(_WAIT_SECONDS)) for job in jobs]
        if any(early) or not all(job.done() for job in jobs):
            return WRONG_STATE
        numbers = [number for number in range(size) if number != position]
        return OWN_RESULT if results == [(number, number) for number in numbers] else ANOTHER_RESULT


some_jobs = make_question(
    _cancel_jobs,
    name="bridge.one-of-several-jobs-cancelled",
    question="One of 1 to 10 jobs of a thread is cancelled, at each position: have the others their results?",
    contract=("The result of a job comes back.", "`done` returns whether the job has ended."),
    ref=f"{_MODULE}:some_jobs",
    answers={
        OWN_RESULT: allowed("the result of a job comes back"),
        ANOTHER_RESULT: forbidden("the result of a job comes back", harm=Harm.DATA),
        WRONG_STATE: forbidden("`done` returns whether the job has ended"),
        NEVER_ENDS: forbidden("the result of a job comes back"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.BRIDGE, Capability.BRIDGE_JOB),
    catches=(
        "result-of-a-job-is-given-once",
        "job-is-done-at-once",
    ),
)


# --- waits for a child ---

EACH_CODE = "each of the others has the exit code, and a later wait too"
NO_CODE = "another wait has another exit code"
_CODE = 7


async def _cancel_waits(runtime: Runtime, trial: Trial) -> str:
    for size in SIZES[:3]:
        for position in list_positions(size):
            async with child_of(runtime, f"{UNTIL_TOLD}; exit {_CODE}", stdin=PIPE) as child:
                others = dict.fromkeys(set(range(size)) - {position}, _CODE)
                codes = await _cancel_one(runtime, size, position, child.wait, lambda: tell(child))
                if codes != others or await child.wait() != _CODE:
                    trial.observe("case", f"wait {position + 1} of {size} is cancelled")
                    return NO_CODE
    return EACH_CODE


some_waits = make_question(
    _cancel_waits,
    name="process.one-of-several-waits-cancelled",
    question="One of 1 to 3 tasks that wait for a child is cancelled, at each position: have the others its exit code?",
    contract=("Any number of tasks may wait for a child.", "A cancelled wait loses no exit code."),
    ref=f"{_MODULE}:some_waits",
    answers={
        EACH_CODE: allowed("any number of tasks may wait for a child"),
        NO_CODE: forbidden("any number of tasks may wait for a child", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the end of a child is for all that wait"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE, Capability.CHILD_PROCESS),
    catches=("later-waiter-of-a-child-forgotten",),
)

# --- accepts ---

EACH_CONNECTION = "each of the others has a connection, and a later accept too"
TAKEN = "a connection is lost with the accept that was cancelled"
ONE_AT_A_TIME = "a second task is refused while one accepts"
_ACCEPTING = (1, 1, 1, 2, 3)
"""Numbers of tasks: one alone is cancelled several times first."""


async def _cancel_accepts(runtime: Runtime, trial: Trial) -> str:
    listener = await runtime.listen()
    try:
        for size in _ACCEPTING:
            for position in list_positions(size):
                answer = await _Accepts(runtime, listener).cancel_one(size, position)
                if answer != EACH_CONNECTION:
                    trial.observe("case", f"accept {position + 1} of {size} is cancelled")
                    return answer
    finally:
        await runtime.run_shielded(listener.aclose)
    return EACH_CONNECTION


class _Accepts:
    """Tasks that accept at one listener, and their clients."""

    def __init__(self, runtime: Runtime, listener: Listener) -> None:
        self._runtime = runtime
        self._listener = listener
        self._streams: list[ByteStream] = []
        self._is_refused = False

    async def cancel_one(self, size: int, position: int) -> str:
        results = await _cancel_one(self._runtime, size, position, self._accept, lambda: self._connect(size - 1))
        if not self._is_refused:
            await self._connect(1)
            await self._accept()
        for stream in self._streams:
            await stream.aclose()
        if self._is_refused:
            return ONE_AT_A_TIME
        return EACH_CONNECTION if set(results) == set(range(size)) - {position} else TAKEN

    async def _accept(self) -> bool:
        try:
            self._streams.append(await self._listener.accept())
        except Exception as exc:
            if self._runtime.is_cancelled(exc) or self._runtime.classify(exc) is not ErrorKind.BUSY:
                raise
            self._is_refused = True
        return not self._is_refused

    async def _connect(self, clients: int) -> None:
        for _ in range(clients):
            self._streams.append(await self._runtime.connect(*self._listener.address))


some_accepts = make_question(
    _cancel_accepts,
    name="listener.one-of-several-accepts-cancelled",
    question="One of 1 to 3 tasks that accept is cancelled, at each position: do the others, and later ones, accept?",
    contract=("`accept` waits for a connection and returns it.",),
    ref=f"{_MODULE}:some_accepts",
    answers={
        EACH_CONNECTION: allowed("an accept returns a connection"),
        ONE_AT_A_TIME: interesting("one task at a time may wait at a socket"),
        TAKEN: forbidden("a connection that no accept has returned is for the next one", harm=Harm.DATA),
        NEVER_ENDS: forbidden("an accept returns a connection", harm=Harm.SERVER),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE,),
    catches=("second-cancelled-accept-ends-listening", "only-the-first-waiting-accept-is-served"),
)

SCENARIOS: tuple[Scenario, ...] = (some_receivers, some_jobs, some_waits, some_accepts)
