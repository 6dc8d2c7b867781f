"""Name look-ups: slow, many at once, cancelled, failing. The names are planted; no look-up leaves the host."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from harness.api import (
    Capability,
    Graded,
    Harm,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    interesting,
    names_of,
)

from ..parts.planted_names import Answer, PlantedNames
from ..parts.sandbox import PATIENCE_SECONDS, Sandbox, wait_until
from .question import NEVER_ENDS, NOTED, PrerequisiteError, Trial, make_question
from .stream_attempt import NEEDED, RETURNS, attempt, settle, wait_patiently

NEEDS = (*NEEDED, Capability.NAMES, Capability.PLANTED_NAMES)
NOT_PLANTED = "its look-ups are not those of socket.getaddrinfo"
"""A listed answer of each question with planted names: nothing is asked, so that no look-up leaves the host."""
PLANTED: dict[str, Graded] = {NOT_PLANTED: allowed("nothing can be asked without a name server")}
SECONDS = 20.0
"""Limit of a trial in which look-ups are held; a healthy one takes some milliseconds."""
_MODULE = "harness_scenarios.behaviours.names_lookup"
_EXECUTOR = "gh-112169: https://github.com/python/cpython/issues/112169"
_RUN = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.shutdown_default_executor"
_IDNA = "https://docs.python.org/3/library/codecs.html#module-encodings.idna"
_SLOW, _FAST, _UNKNOWN, _AGAIN = "slow.test", "fast.test", "unknown.test", "again.test"
_PORT = 4711
_FOUND = [("127.0.0.1", _PORT)]
_HOSTS = ["127.0.0.3", "127.0.0.1", "127.0.0.2"]


@asynccontextmanager
async def planted(
    runtime: Runtime, names: dict[str, Answer], *held: str, **limit: float
) -> AsyncIterator[PlantedNames]:
    """Plant names for a block.

    Raises:
        PrerequisiteError: the runtime's look-ups do not ask for them.
    """
    with PlantedNames(names, frozenset(held), **limit) as plants:
        if not await plants.are_asked(runtime):
            raise PrerequisiteError(NOT_PLANTED)
        yield plants


# --- slow ---

OTHERS_RUN = "other tasks run meanwhile, and its result comes back"
BLOCKED = "no other task runs meanwhile"
OTHER_RESULT = "another result comes back"
_TICKS = 5
_HOLD_SECONDS = 5.0
"""A scheduler that a look-up blocks is free again then."""


async def _look_up_slowly(runtime: Runtime, trial: Trial) -> str:
    """A look-up is held until another task has slept five times."""
    found: list[object] = []
    ran: list[bool] = []
    async with planted(runtime, {_SLOW: list(_HOSTS)}, _SLOW, seconds=_HOLD_SECONDS) as plants:

        async def look_up() -> None:
            found.append(list(await names_of(runtime).resolve(_SLOW, _PORT)))

        async def tick() -> None:
            await wait_until(runtime, lambda: plants.waiting > 0, SECONDS)
            ran.append(not plants.were_late)
            for _ in range(_TICKS):
                await runtime.sleep(0.001)
            plants.let_go()

        async with runtime.open_task_group() as group:
            await group.spawn(look_up)
            await group.spawn(tick)
        trial.step("look-up", f"{'was not' if all(ran) else 'was'} the only one to run")
    if not all(ran):
        return BLOCKED
    return OTHERS_RUN if found == [[(host, _PORT) for host in _HOSTS]] else OTHER_RESULT


slow = make_question(
    _look_up_slowly,
    name="names.slow-look-up",
    question="A look-up takes long: do other tasks run meanwhile?",
    contract=("Other tasks run while a name is looked up, and its addresses come back.",),
    ref=f"{_MODULE}:slow",
    answers=PLANTED
    | {
        OTHERS_RUN: allowed("it waits in a thread"),
        BLOCKED: forbidden("one slow name server stops the whole program", harm=Harm.TIME),
        OTHER_RESULT: forbidden("each address of the host comes back with the port, in their order", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the look-up has ended"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("look-up-blocks", "look-up-forgets-port", "look-up-order-reversed"),
)

# --- many ---

JOBS_GO_ON = "thread jobs run meanwhile, and each look-up has its result"
JOBS_WAIT = "thread jobs wait for look-ups, and each look-up has its result"
TASKS_WAIT = "tasks without a look-up wait too"
SOME_LOST = "a look-up has no result, or another one's"
_MANY = 100
_TURNS = 1200


async def _look_up_many(runtime: Runtime, trial: Trial) -> str:
    """A hundred look-ups are held; a job that takes no time is given to a thread."""
    names: dict[str, Answer] = {f"host{number}.test": [f"127.0.0.{number + 1}"] for number in range(_MANY)}
    found: dict[int, object] = {}
    done: list[bool] = []
    async with planted(runtime, names, *names, seconds=_HOLD_SECONDS) as plants:

        async def look_up(number: int) -> None:
            found[number] = list(await names_of(runtime).resolve(f"host{number}.test", _PORT))

        async with runtime.open_task_group() as group:
            for number in range(_MANY):
                await group.spawn(look_up, number)
            await wait_patiently(runtime, lambda: plants.waiting > 0, turns=_TURNS)
            is_blocked = plants.were_late
            await settle(runtime)
            await group.spawn(runtime.run_in_thread, done.append, True)
            goes_on = await wait_patiently(runtime, lambda: bool(done))
            trial.observe("look-ups at once", plants.waiting)
            plants.let_go()
    if is_blocked:
        return TASKS_WAIT
    if found != {number: [(f"127.0.0.{number + 1}", _PORT)] for number in range(_MANY)}:
        return SOME_LOST
    return JOBS_GO_ON if goes_on else JOBS_WAIT


many = make_question(
    _look_up_many,
    name="names.many-look-ups",
    question="A hundred look-ups take long: do jobs in threads, and other tasks, go on?",
    contract=("Tasks go on.", "Each look-up has its own result."),
    ref=f"{_MODULE}:many",
    answers=PLANTED
    | {
        JOBS_GO_ON: allowed("look-ups have threads of their own, or there are more threads than look-ups"),
        JOBS_WAIT: interesting(
            "look-ups fill the pool of threads: a slow name server stops every job of the program",
            _EXECUTOR,
            harm=Harm.TIME,
        ),
        TASKS_WAIT: forbidden("a task that looks nothing up goes on", harm=Harm.TIME),
        SOME_LOST: forbidden("each look-up has its own result", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the look-ups have ended"),
    },
    repetitions=1,
    judges={"look-ups at once": NOTED},
    requires=(*NEEDS, Capability.THREAD),
    seconds=SECONDS,
    catches=("look-up-blocks", "look-ups-share-a-result", "look-up-beyond-many-never-returns"),
)

# --- cancelled ---

BOTH_AT_ONCE = "the caller goes on at once, and the run ends"
RUN_WAITS = "the caller goes on at once, and the run ends with the look-up"
CALLER_WAITS = "the caller goes on when the look-up has ended"
NO_END = "the run does not end"


async def _cancel(runtime: Runtime, trial: Trial) -> str:
    """In a scheduler of its own a look-up is held, and cancelled; then the run ends."""
    gone_on: list[bool] = []
    async with planted(runtime, {_SLOW: ["127.0.0.1"]}, _SLOW) as plants:

        async def main(inner: Runtime) -> None:
            async with inner.open_task_group() as group:
                await group.spawn(names_of(inner).resolve, _SLOW, _PORT)
                await wait_until(inner, lambda: plants.waiting > 0, SECONDS)
                await group.cancel()
            gone_on.append(True)

        sandbox = Sandbox(runtime, main)
        await wait_until(runtime, lambda: plants.waiting > 0, SECONDS)
        went_on = await wait_until(runtime, lambda: bool(gone_on), PATIENCE_SECONDS)
        ended = went_on and await sandbox.until_ended(PATIENCE_SECONDS)
        trial.step("caller", "goes on" if went_on else "waits")
        trial.step("run", "ends" if ended else "waits")
        plants.let_go()
        if not await sandbox.until_ended():
            return NO_END
    if sandbox.raised is not None:
        raise sandbox.raised
    return BOTH_AT_ONCE if ended else RUN_WAITS if went_on else CALLER_WAITS


cancelled = make_question(
    _cancel,
    name="names.cancelled-look-up",
    question="A look-up is cancelled and goes on: when does its caller go on, and when does the run end?",
    contract=("The caller goes on, and the run ends, at the latest when the look-up has ended.",),
    ref=f"{_MODULE}:cancelled",
    answers=PLANTED
    | {
        BOTH_AT_ONCE: allowed("the thread of the look-up is left alone"),
        RUN_WAITS: interesting(
            "the run joins the threads of its executor: a program ends only when the name server has given up",
            _RUN,
            harm=Harm.TIME,
        ),
        CALLER_WAITS: interesting(
            "nothing interrupts the look-up: neither a cancellation nor a time-out has an effect", harm=Harm.TIME
        ),
        NO_END: forbidden("the look-up has ended, and so does the run", harm=Harm.HANG),
        NEVER_ENDS: forbidden("the look-up has ended"),
    },
    repetitions=1,
    requires=(*NEEDS, Capability.BRIDGE),
    seconds=SECONDS,
    screening=False,
    catches=("cancelled-look-up-never-ends",),
)

# --- failing ---

AS_IT_IS = "the error of the look-up comes back as it is"
ANOTHER_ERROR = "another error comes back"
NO_ERROR = "no error comes back"
STAYS_BROKEN = "the look-ups after it fail too"
_ERRORS = {_UNKNOWN: socket.EAI_NONAME, _AGAIN: socket.EAI_AGAIN}


async def _fail(runtime: Runtime, trial: Trial) -> str:
    """A look-up and a connect by name of hosts that fail in two ways; then of one that does not."""
    names: dict[str, Answer] = {name: socket.gaierror(number, "planned") for name, number in _ERRORS.items()}
    names[_FAST] = ["127.0.0.1"]
    calls: tuple[Callable[[str, int], Awaitable[object]], ...] = (
        names_of(runtime).resolve,
        names_of(runtime).connect_by_name,
    )
    async with planted(runtime, names):
        for name, number in _ERRORS.items():
            for call in calls:
                made = await attempt(runtime, trial, "task", f"asks for {name}", call, name, _PORT)
                if made.answer == RETURNS:
                    return NO_ERROR
                if not (isinstance(made.error, socket.gaierror) and made.error.errno == number):
                    return ANOTHER_ERROR if made.ended else NEVER_ENDS
        after = await attempt(runtime, trial, "task", "asks again", names_of(runtime).resolve, _FAST, _PORT)
    return AS_IT_IS if after.result is not None and list(after.result) == _FOUND else STAYS_BROKEN


failing = make_question(
    _fail,
    name="names.failing-look-up",
    question="A look-up fails, for good or for now: which error does the caller get, and does the next one work?",
    contract=("The error comes back with its class and number.", "The next look-up works."),
    ref=f"{_MODULE}:failing",
    answers=PLANTED
    | {
        AS_IT_IS: allowed("socket.gaierror, with EAI_NONAME or EAI_AGAIN: a program can tell them apart"),
        ANOTHER_ERROR: forbidden("a program cannot tell a wrong name from a name server that is away", harm=Harm.ERROR),
        NO_ERROR: forbidden("a failure was turned into a result", harm=Harm.DATA),
        STAYS_BROKEN: forbidden("one failure spoils no other look-up", harm=Harm.ERROR),
        NEVER_ENDS: forbidden("the look-up has failed"),
    },
    repetitions=2,
    requires=NEEDS,
    catches=("look-up-error-is-generic", "look-up-errors-are-alike", "failed-look-up-is-empty", "failed-look-up-stays"),
)

# --- malformed ---

OS_ERROR = "an OSError"
UNICODE_ERROR = "a UnicodeError, which no handler of OSError catches"
ANOTHER_CLASS = "another class of error"
_LABEL = f"{'x' * 64}.invalid"
"""A label has at most 63 bytes: refused before any look-up."""


async def _ask_malformed(runtime: Runtime, trial: Trial) -> str:
    """A look-up of a name with a part that is too long."""
    made = await attempt(runtime, trial, "task", "asks", names_of(runtime).resolve, _LABEL, _PORT)
    if not made.ended:
        return NEVER_ENDS
    match made.error:
        case None:
            return NO_ERROR
        case OSError():
            return OS_ERROR
        case UnicodeError():
            return UNICODE_ERROR
        case _:
            return ANOTHER_CLASS


malformed = make_question(
    _ask_malformed,
    name="names.malformed-name",
    question="A name has a part of more than 63 bytes: which class of error does a look-up raise?",
    contract=("It raises.",),
    ref=f"{_MODULE}:malformed",
    answers={
        OS_ERROR: allowed("as for a name that does not exist"),
        UNICODE_ERROR: interesting(
            "the codec idna refuses it: input of a user escapes `except OSError`", _IDNA, harm=Harm.ERROR
        ),
        ANOTHER_CLASS: interesting("neither an OSError nor a UnicodeError", harm=Harm.ERROR),
        NO_ERROR: forbidden("there is no such name", harm=Harm.DATA),
        NEVER_ENDS: forbidden("there is nothing to wait for"),
    },
    repetitions=2,
    requires=(*NEEDED, Capability.NAMES),
    screening=False,
    catches=("failed-look-up-is-empty",),
)

SCENARIOS: tuple[Scenario, ...] = (slow, many, cancelled, failing, malformed)
