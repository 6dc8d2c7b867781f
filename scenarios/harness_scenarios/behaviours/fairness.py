"""Scheduling among ready tasks: tasks that never wait, tasks that are always ready, timers and sockets beside them.

The unit is turns, never time: a turn is one pass of a task through its loop. A task that is to be overtaken is
made ready before the loop begins, so that on a loop it is the next to run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter

from harness.api import (
    ByteStream,
    Capability,
    Harm,
    Parameter,
    ReceiveChannel,
    Runtime,
    Scenario,
    SendChannel,
    allowed,
    forbidden,
    grid,
    info,
    interesting,
)

from .fairness_turns import give_turns
from .question import NEVER_ENDS, Trial, make_question

_BOTH_DOCUMENTED = "both are documented or undefined"
_TRIO_POINTS = "https://trio.readthedocs.io/en/stable/reference-core.html#checkpoints"
_ASYNCIO_BLOCKING = "https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code"
_PUT_NEVER_YIELDS = "https://github.com/python/cpython/issues/87285 (bpo-43119)"
_SWITCH_INTERVAL = "https://docs.python.org/3/library/sys.html#sys.setswitchinterval"
_PLAIN_QUEUE = ("asyncio:channel=queue", "uvloop:channel=queue")


# --- a task that never waits ---

STAND_STILL = "the others stand still until it ends"
RUN_MEANWHILE = "the others run meanwhile"
_BUSY_SECONDS = 0.2
"""How long the task computes at most. Threads are switched every 5 ms; on a loop no time is enough."""


async def _compute_without_waiting(runtime: Runtime, trial: Trial) -> str:
    begin = runtime.create_event()
    turns: list[int] = []
    stop: list[bool] = []

    async def run() -> None:
        await begin.wait()
        while not stop:
            turns.append(1)
            await runtime.checkpoint()
        trial.step("other", "ends")

    async with runtime.open_task_group() as group:
        await group.spawn(run)
        await give_turns(runtime)
        await begin.set()
        trial.step("busy", "computes and never waits")
        seen = _compute(lambda: len(turns))
        stop.append(True)
        trial.step("busy", "ends")
    return RUN_MEANWHILE if seen else STAND_STILL


def _compute(look: Callable[[], int]) -> int:
    """Compute until what `look` counts is more, or for as long as is allowed. Return how many more it is."""
    before, until = look(), perf_counter() + _BUSY_SECONDS
    while look() == before and perf_counter() < until:
        pass
    return look() - before


never_waits = make_question(
    _compute_without_waiting,
    name="fairness.task-that-never-waits",
    question="A task computes and never waits: do other ready tasks run meanwhile?",
    contract=("They run when it has ended.",),
    ref="harness_scenarios.behaviours.fairness:never_waits",
    answers={
        STAND_STILL: allowed("tasks are switched where they wait", _ASYNCIO_BLOCKING),
        RUN_MEANWHILE: interesting("threads are switched at any time", _SWITCH_INTERVAL),
        NEVER_ENDS: forbidden("a task that is ready runs"),
    },
    repetitions=1,
)


# --- many ready tasks ---

IN_STEP = "turn by turn"
UNEVENLY = "unevenly"
IN_A_ROW = "one takes all its turns while another has none"
_TASKS = 10
_TURNS_EACH = 50


async def _run_many(runtime: Runtime, trial: Trial) -> str:
    begin = runtime.create_event()
    turns: list[list[int]] = [[] for _ in range(_TASKS)]
    first_ended: list[list[int]] = []

    async def run(own: list[int]) -> None:
        await begin.wait()
        for number in range(_TURNS_EACH):
            own.append(number)
            await runtime.checkpoint()
        first_ended.append([len(others) for others in turns])

    async with runtime.open_task_group() as group:
        for own in turns:
            await group.spawn(run, own)
        await give_turns(runtime)
        await begin.set()
    fewest = min(first_ended[0])
    trial.step("tasks", f"when the first has taken its {_TURNS_EACH} turns, the last has taken {fewest}")
    trial.observe("turns of the last when the first has ended", fewest)
    if fewest >= _TURNS_EACH - 1:
        return IN_STEP
    return UNEVENLY if fewest else IN_A_ROW


ready_tasks_take_turns = make_question(
    _run_many,
    name="fairness.ready-tasks-take-turns",
    question="Ten tasks are always ready and give way after each turn: who runs how often?",
    contract=("Each of them ends.",),
    ref="harness_scenarios.behaviours.fairness:ready_tasks_take_turns",
    answers={
        IN_STEP: allowed("each ready task runs once before any runs twice"),
        UNEVENLY: interesting("some tasks run more often than others", _SWITCH_INTERVAL),
        IN_A_ROW: interesting("to give way is not to let others run", _SWITCH_INTERVAL),
        NEVER_ENDS: forbidden("a task that is ready runs"),
    },
    repetitions=5,
    judges={"turns of the last when the first has ended": info("turns")},
)


# --- operations that need not wait ---

GIVES_WAY = "another ready task runs between"
KEEPS_ON = "no other task runs until the loop ends"
_OPERATIONS = 200
Operation = Callable[[], Awaitable[object]]


def _make_operations(runtime: Runtime, send: SendChannel, receive: ReceiveChannel) -> dict[str, Operation]:
    """Return calls that never have to wait, as long as the channel holds items and the event is set."""
    event, lock, semaphore = runtime.create_event(), runtime.create_lock(), runtime.create_semaphore(1)

    async def wait() -> None:
        await event.set()
        await event.wait()

    async def take_lock() -> None:
        await lock.acquire()
        await lock.release()

    async def take_permit() -> None:
        await semaphore.acquire()
        await semaphore.release()

    return {
        "send": lambda: send.send("item"),
        "receive": receive.receive,
        "event": wait,
        "lock": take_lock,
        "semaphore": take_permit,
    }


async def _repeat_what_is_ready(runtime: Runtime, trial: Trial) -> str:
    kind: str = trial.parameters["operation"]
    send, receive = runtime.open_channel(None)
    for item in range(_OPERATIONS):
        await send.send(item)
    operation = _make_operations(runtime, send, receive)[kind]
    wakes = runtime.create_event()
    ran: list[int] = []
    done: list[int] = []

    async def other() -> None:
        await wakes.wait()
        ran.append(len(done))
        trial.step("other", "runs")

    async with runtime.open_task_group() as group:
        await group.spawn(other)
        await give_turns(runtime)
        await wakes.set()
        trial.step("busy", f"begins {_OPERATIONS} operations that need not wait ({kind})")
        for number in range(_OPERATIONS):
            await operation()
            done.append(number)
        trial.step("busy", "ends")
    await send.aclose()
    await receive.aclose()
    trial.observe("operations before another task runs", ran[0])
    return GIVES_WAY if ran[0] < _OPERATIONS else KEEPS_ON


ready_operation_gives_way = make_question(
    _repeat_what_is_ready,
    name="fairness.ready-operation-gives-way",
    question="A task repeats an operation that need not wait: does another ready task run between?",
    contract=("It runs when the loop has ended.",),
    ref="harness_scenarios.behaviours.fairness:ready_operation_gives_way",
    answers={
        GIVES_WAY: allowed(
            f"every operation is a checkpoint, whether it waits or not; {_BOTH_DOCUMENTED}", _TRIO_POINTS
        ),
        KEEPS_ON: interesting(
            f"an operation that need not wait does not give way; {_BOTH_DOCUMENTED}", _PUT_NEVER_YIELDS
        ),
        NEVER_ENDS: forbidden("a task that is ready runs"),
    },
    repetitions=5,
    judges={"operations before another task runs": info("operations")},
    parameters=(
        Parameter(
            name="operation",
            default="send",
            summary="what is repeated: it is ready each time",
            choices=("send", "receive", "lock", "semaphore", "event"),
        ),
    ),
    rows={"quick": grid(operation=("send", "receive", "lock", "semaphore", "event"))},
    requires=(Capability.CHANNEL,),
)


# --- a greedy producer ---

KEEPS_UP = "the consumer runs beside the producer"
AFTERWARDS = "the consumer starts when the producer has ended"
_ITEMS = 1000


async def _produce_without_limit(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(None)
    waits = runtime.create_event()
    sent: list[int] = []
    seen: list[int] = []

    async def consume() -> None:
        await waits.set()
        for _ in range(_ITEMS):
            await receive.receive()
            seen.append(len(sent))
        trial.step("consumer", "has received everything")

    async with runtime.open_task_group() as group:
        await group.spawn(consume)
        await waits.wait()
        await give_turns(runtime)
        most = 0
        for number in range(_ITEMS):
            await send.send(number)
            sent.append(number)
            most = max(most, send.buffered())
        trial.step("producer", "has sent everything")
    trial.observe("most items that lay in the channel", most)
    await send.aclose()
    await receive.aclose()
    return KEEPS_UP if seen[0] < _ITEMS else AFTERWARDS


greedy_producer = make_question(
    _produce_without_limit,
    name="fairness.greedy-producer",
    question="A producer sends 1000 items into a channel without limit, as fast as it can: when does the consumer run?",
    contract=("Every item is received.",),
    ref="harness_scenarios.behaviours.fairness:greedy_producer",
    answers={
        KEEPS_UP: allowed(f"a send gives way; {_BOTH_DOCUMENTED}", _TRIO_POINTS),
        AFTERWARDS: interesting(f"a send that need not wait does not give way; {_BOTH_DOCUMENTED}", _PUT_NEVER_YIELDS),
        NEVER_ENDS: forbidden("an item that is there wakes a receiver"),
    },
    repetitions=5,
    judges={"most items that lay in the channel": info("items")},
    requires=(Capability.CHANNEL,),
    variants=_PLAIN_QUEUE,
)


# --- timers and sockets beside ready tasks ---

PROMPTLY = "served within a few turns of the ready tasks"
LATE = "served after many turns of the ready tasks"
NOT_WHILE_BUSY = "not served while there are ready tasks"
_READY_TASKS = 5
_FEW = 10
"""Turns of each ready task until due work has run: a loop checks timers and sockets once a turn."""
_MOST = 20_000
"""Turns of each ready task after which nothing else is going to happen."""


_SLEEP_SECONDS = 0.005
_CLOCK_SECONDS = 0.002
"""Some loops round timers to milliseconds: a timer that is overdue by two is due on each of them."""


class _Crowd:
    """Tasks that are always ready, counted until something that is due has been served."""

    def __init__(self, runtime: Runtime) -> None:
        self.served: list[int] = []
        self._runtime = runtime
        self._turns_due: list[int] = []

    async def run(self, is_due: Callable[[], bool]) -> None:
        """Take turns until it is served; count those after it was due."""
        turns = 0
        while not self.served and turns < _MOST:
            await self._runtime.checkpoint()
            if is_due():
                turns += 1
                self._turns_due.append(1)

    def serve(self) -> None:
        """Record that the due work has run."""
        self.served.append(len(self._turns_due))

    def judge(self, trial: Trial) -> str:
        """Return the answer, by turns of one ready task."""
        turns = self.served[0] / _READY_TASKS
        trial.observe("turns of a ready task until it is served", turns)
        trial.step("crowd", "takes turns")
        if turns >= _MOST:
            return NOT_WHILE_BUSY
        return PROMPTLY if turns <= _FEW else LATE


async def _sleep_in_a_crowd(runtime: Runtime, trial: Trial) -> str:
    crowd = _Crowd(runtime)
    due = runtime.now() + _SLEEP_SECONDS

    async def sleep() -> None:
        trial.step("sleeper", "sleeps")
        await runtime.sleep(max(0.0, due - runtime.now()))  # on trio a negative one is an error
        crowd.serve()
        trial.step("sleeper", "wakes")

    async with runtime.open_task_group() as group:
        await group.spawn(sleep)
        for _ in range(_READY_TASKS):
            await group.spawn(crowd.run, lambda: runtime.now() >= due + _CLOCK_SECONDS)
    return crowd.judge(trial)


_SERVED_ANSWERS = {
    PROMPTLY: allowed("timers and sockets are looked at between any two turns"),
    LATE: interesting("when it runs is left to the operating system", _SWITCH_INTERVAL, harm=Harm.TIME),
    NOT_WHILE_BUSY: forbidden("a task that has become ready runs, whoever else is ready"),
    NEVER_ENDS: forbidden("a task that has become ready runs"),
}

timer_in_a_crowd = make_question(
    _sleep_in_a_crowd,
    name="fairness.timer-in-a-crowd",
    question="Five tasks are always ready: after how many of their turns does a timer that is due fire?",
    contract=("A timer fires although other tasks are ready.",),
    ref="harness_scenarios.behaviours.fairness:timer_in_a_crowd",
    answers=_SERVED_ANSWERS,
    repetitions=5,
    judges={"turns of a ready task until it is served": info("turns")},
    catches=("busy-tasks-starve",),
)


async def _read_in_a_crowd(runtime: Runtime, trial: Trial) -> str:
    crowd = _Crowd(runtime)
    arrived: list[bool] = []
    waits = runtime.create_event()

    async def read(stream: ByteStream) -> None:
        trial.step("reader", "waits for a byte")
        await waits.set()
        await stream.receive_some(1)
        crowd.serve()
        trial.step("reader", "has it")

    listener = await runtime.listen()
    near = await runtime.connect(*listener.address)
    far = await listener.accept()
    async with runtime.open_task_group() as group:
        await group.spawn(read, near)
        await waits.wait()
        await give_turns(runtime)
        for _ in range(_READY_TASKS):
            await group.spawn(crowd.run, lambda: bool(arrived))
        await far.send_all(b"x")
        arrived.append(True)
        trial.step("writer", "has sent the byte")
    for closable in (near, far, listener):
        await closable.aclose()
    return crowd.judge(trial)


socket_in_a_crowd = make_question(
    _read_in_a_crowd,
    name="fairness.socket-in-a-crowd",
    question="Five tasks are always ready: after how many of their turns is a byte that has arrived received?",
    contract=("A byte is received although other tasks are ready.",),
    ref="harness_scenarios.behaviours.fairness:socket_in_a_crowd",
    answers=_SERVED_ANSWERS,
    repetitions=5,
    judges={"turns of a ready task until it is served": info("turns")},
    catches=("busy-tasks-starve",),
)


SCENARIOS: tuple[Scenario, ...] = (
    never_waits,
    ready_tasks_take_turns,
    ready_operation_gives_way,
    greedy_producer,
    timer_in_a_crowd,
    socket_in_a_crowd,
)
