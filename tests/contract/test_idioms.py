"""The other idioms of a backend: they keep the contract where it speaks, and differ where it is silent."""

import asyncio
import contextvars
import sys

import msgspec
import pytest

from harness.api import Capability, ErrorKind, Support, UnsupportedError
from harness.plugins import Plugins
from harness.testing.breaches import select_breaches
from harness.testing.clauses import CLAUSES
from harness.testing.contract import run_clauses
from harness_asyncio.backend import AsyncioRunner, AsyncioRuntime, require_eager_tasks, runtime_class
from harness_threads.backend import ThreadsRunner
from harness_trio.backend import TrioRunner

CATALOGUE = Plugins().catalogue()
BACKENDS = {name: backend for name, backend in CATALOGUE.backends.items() if not backend.control}

SUBJECTS = {
    "io": ("ByteStream.", "Listener.", "Runtime.listen", "Runtime.connect", "DatagramEndpoint.", "Datagrams."),
    "timeout": ("Runtime.run_with_timeout",),
    "group": ("TaskGroup.", "CancelScope.", "Runtime.open_task_group", "Runtime.is_cancelled"),
    "cancel": ("CancelScope.", "Runtime.open_cancel_scope", "Runtime.is_cancelled"),
    "channel": ("SendChannel.", "ReceiveChannel.", "Runtime.open_channel"),
    "offload": ("Runtime.run_in_thread", "Runtime.run_in_process"),
    "eager": ("TaskGroup.", "Runtime.open_task_group", "Runtime.spawn_detached"),
    "close": ("ByteStream.", "Listener."),
}
"""Option → what the clauses that concern it are about."""


def idioms():
    """Return (backend, option, choice) for each idiom that can be run here; uvloop's are asyncio's."""
    return [
        (backend.name, option.name, choice)
        for backend in BACKENDS.values()
        if backend.name != "uvloop" and not (backend.name == "curio" and sys.version_info >= (3, 12))
        for option in backend.options
        if option.is_idiom
        for choice in option.choices
        if choice != option.default and choice not in option.unavailable
    ]


@pytest.mark.parametrize(("name", "option", "choice"), idioms(), ids=lambda text: text)
def test_an_idiom_keeps_the_contract(name, option, choice):
    """Every clause about what the option changes holds, or is a known breach that is still one."""
    backend, options = BACKENDS[name], {option: choice}
    wanted = [
        clause
        for clause in CLAUSES
        if clause.of.startswith(SUBJECTS[option])
        and all(backend.offer(need, options).support is not Support.ABSENT for need in clause.requires)
    ]
    results = list(run_clauses(backend.runner, options, wanted, limit=10))
    broken = {result.clause for result in results if result.error or result.unhandled}
    known = select_breaches(CATALOGUE.breaches, f"{name}:{option}={choice}")
    named = known.keys() & {clause.name for clause in wanted}
    assert {name for name in named if not known[name].sometimes} <= broken <= named
    assert len(results) == len(wanted) > 0


@pytest.mark.parametrize(
    ("spec", "clause"),
    [
        ("asyncio:group=gather", "an empty datagram is sent"),
        ("uvloop:channel=queue,group=gather", "a client does not reach a server whose path is a part of its own"),
    ],
)
def test_a_breach_is_known_with_options_too(spec, clause):
    """Whatever the interpreter: the conditions are left out."""
    breaches = [msgspec.structs.replace(one, when={}) for one in CATALOGUE.breaches]
    assert clause in select_breaches(breaches, spec)


@pytest.mark.parametrize("name", BACKENDS)
def test_every_idiom_is_tested(name):
    """An option without clauses would be run with none."""
    assert {option.name for option in BACKENDS[name].options if option.is_idiom} <= SUBJECTS.keys()


def test_the_default_idioms_cost_nothing():
    """No option, or the default values: the runtime is the plain class."""
    assert runtime_class({}) is AsyncioRuntime
    assert runtime_class({"io": "streams", "group": "taskgroup", "debug": "true"}) is AsyncioRuntime


# --- what differs ---


def answer(runner, question):
    """Return what a question returns on a runtime."""
    answers = []

    async def main(runtime):
        answers.append(await question(runtime))

    runner.run(main, lambda exc, context: None)
    return answers[0]


def on_asyncio(question, **options):
    """Return the answers with the default idiom and with another."""
    return answer(AsyncioRunner({}), question), answer(AsyncioRunner(options), question)


def test_a_plain_queue_of_capacity_zero_is_unbounded():
    """Nobody receives; the default waits to be taken."""

    async def sends(runtime):
        send, _ = runtime.open_channel(0)
        async with runtime.move_on_after(0.05):
            await send.send(1)
        return send.buffered()

    assert on_asyncio(sends, channel="queue") == (0, 1)


def test_a_queue_of_threads_and_of_curio_is_unbounded_too():
    """Nobody receives."""

    async def sends(runtime):
        send, _ = runtime.open_channel(0)
        await send.send(1)
        return send.buffered()

    runners = [ThreadsRunner]
    if sys.version_info < (3, 12):
        from harness_curio.backend import CurioRunner

        runners.append(CurioRunner)
    assert [answer(runner({"channel": "queue"}), sends) for runner in runners] == [1] * len(runners)


def test_what_a_plain_queue_lacks_is_declared():
    """Offers go by option; those of another option stay."""
    backend = BACKENDS["asyncio"]
    queue = {"channel": "queue"}
    assert backend.offer(Capability.RENDEZVOUS, queue).support is Support.ABSENT
    assert backend.offer(Capability.RENDEZVOUS, {"io": "sock"}).support is Support.EMULATED
    assert backend.offer(Capability.SELECT, queue) == backend.offer(Capability.SELECT)
    absent = Support.NATIVE if sys.version_info >= (3, 13) else Support.ABSENT
    assert backend.offer(Capability.CHANNEL_CLOSE, queue).support is absent


def test_gather_leaves_siblings_running():
    """The error leaves the block at once, as itself; a TaskGroup has ended everything by then."""

    async def fails(runtime):
        ended, leave, started = [], runtime.create_event(), runtime.create_event()

        async def sibling():
            try:
                await started.set()
                await leave.wait()
            finally:
                ended.append("sibling")

        async def bad():
            await started.wait()
            raise ValueError

        try:
            async with runtime.open_task_group() as group:
                await group.spawn(sibling)
                await group.spawn(bad)
        except (ValueError, ExceptionGroup) as exc:
            seen = (type(exc).__name__, list(ended))
        await leave.set()
        await runtime.checkpoint()
        return seen

    assert on_asyncio(fails, group="gather") == (("ExceptionGroup", ["sibling"]), ("ValueError", []))


def test_gather_joins_the_tasks_of_a_body_that_fails():
    """Nobody would gather them."""

    async def fails(runtime):
        ended = []

        async def child():
            try:
                await runtime.create_event().wait()
            finally:
                await runtime.checkpoint()
                ended.append("child")

        async def body():
            async with runtime.open_task_group() as group:
                await group.spawn(child)
                await runtime.checkpoint()
                raise KeyError

        with pytest.raises(KeyError):
            await body()
        return ended

    assert answer(AsyncioRunner({"group": "gather"}), fails) == ["child"]


def test_gather_takes_a_child_that_was_cancelled_alone_for_an_error():
    """It leaves the block; the sibling runs on, as nobody has cancelled the parent."""

    async def fails(runtime):
        ended, leave = [], runtime.create_event()

        async def sibling():
            await leave.wait()
            ended.append("went on")

        async def bad():
            raise asyncio.CancelledError

        async def body():
            async with runtime.open_task_group() as group:
                await group.spawn(sibling)
                await group.spawn(bad)

        with pytest.raises(asyncio.CancelledError):
            await body()
        await leave.set()
        await runtime.checkpoint()
        return ended

    assert answer(AsyncioRunner({"group": "gather"}), fails) == ["went on"]


def test_an_executor_does_not_inherit_context_variables():
    """`to_thread` copies the context."""
    variable = contextvars.ContextVar("variable", default="not there")

    async def reads(runtime):
        variable.set("inherited")
        return await runtime.run_in_thread(variable.get)

    assert on_asyncio(reads, offload="executor") == ("inherited", "not there")


def test_wait_for_is_what_runs_the_function():
    """Before Python 3.12 it starts a task of its own."""

    async def compares(runtime):
        caller = asyncio.current_task()

        async def is_same():
            return asyncio.current_task() is caller

        return await runtime.run_with_timeout(60, is_same)

    assert on_asyncio(compares, timeout="wait_for") == (True, sys.version_info >= (3, 12))


async def reads_while_closing(runtime):
    """Return what a reader sees when its own side closes the stream."""
    listener = await runtime.listen()
    client = await runtime.connect(*listener.address)
    server = await listener.accept()
    seen = []

    async def read():
        try:
            seen.append(await client.receive_some(10))
        except OSError as exc:
            seen.append(str(runtime.classify(exc)))

    async with runtime.move_on_after(0.1), runtime.open_task_group() as group:
        await group.spawn(read)
        await runtime.sleep(0.02)
        await client.aclose()
    await server.aclose()
    await listener.aclose()
    return seen


def test_closing_a_plain_socket_does_not_wake_its_reader():
    """With `sock_recv` it waits on; a stream ends."""
    assert on_asyncio(reads_while_closing, io="sock") == ([b""], [])


def test_shutting_a_socket_down_wakes_the_thread_that_reads():
    """Which plain `close` does not."""
    answers = [answer(ThreadsRunner(options), reads_while_closing) for options in ({}, {"close": "shutdown"})]
    assert answers == [[], [b""]]


def test_trio_abandons_a_thread_if_it_is_told_to():
    """By default a cancelled caller waits for the thread."""

    async def cancels(runtime):
        import threading

        began, leave, ended = threading.Event(), threading.Event(), []

        def block():
            began.set()
            leave.wait(5)
            ended.append("thread")

        async with runtime.open_task_group() as group:
            await group.spawn(runtime.run_in_thread, block)
            while not began.is_set():
                await runtime.checkpoint()
            threading.Timer(0.1, leave.set).start()
            await group.cancel()
        seen = list(ended)
        leave.set()
        return seen

    answers = [answer(TrioRunner(options), cancels) for options in ({}, {"offload": "abandon"})]
    assert answers == [["thread"], []]


# --- eager ---


class _Loop:
    """A loop that takes a task factory and starts tasks as it is told to."""

    def __init__(self, loop, refuses):
        self._loop, self._refuses, self.factory = loop, refuses, "eager"

    def set_task_factory(self, factory):
        self.factory = factory

    def create_task(self, coro):
        if self._refuses:
            raise TypeError("unexpected keyword argument 'eager_start'")
        return self._loop.create_task(coro)


@pytest.mark.parametrize(
    ("refuses", "said"), [(True, "keyword argument 'eager_start'"), (False, "its tasks start later")]
)
def test_a_loop_that_cannot_start_eagerly_is_refused(refuses, said):
    """It says why, and has its own task factory again, so that it can be closed."""

    async def asks():
        loop = _Loop(asyncio.get_running_loop(), refuses)
        with pytest.raises(UnsupportedError, match=said):
            await require_eager_tasks(loop)
        return loop.factory

    assert asyncio.run(asks()) is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio.eager_task_factory is new in Python 3.12")
def test_an_eager_task_takes_its_first_step_in_spawn():
    """By default it does later."""

    async def spawns(runtime):
        steps = []

        async def child():
            steps.append("child")

        async with runtime.open_task_group() as group:
            await group.spawn(child)
            steps.append("parent")
        return steps

    assert on_asyncio(spawns, eager="true") == (["parent", "child"], ["child", "parent"])


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it can be eager")
def test_eager_before_python_3_12():
    """It is declared as unavailable, with the reason, and the runner refuses it too."""
    (option,) = [option for option in BACKENDS["asyncio"].options if option.name == "eager"]
    assert option.unavailable == {"true": "asyncio.eager_task_factory is new in Python 3.12"}
    with pytest.raises(UnsupportedError, match=r"Python 3\.12"):
        AsyncioRunner({"eager": "true"})


# --- detached ---


def test_trio_has_no_detached_tasks():
    """The capability is absent, and the method says so."""

    async def starts(runtime):
        with pytest.raises(UnsupportedError, match="no task without a nursery"):
            await runtime.spawn_detached(runtime.checkpoint)
        return BACKENDS["trio"].offer(Capability.DETACHED).support

    assert answer(TrioRunner({}), starts) is Support.ABSENT


def test_a_cancelled_shield_returns_at_once_or_waits():
    """On asyncio the work is left running; on trio and threads the caller waits for it."""

    async def cancels(runtime):
        started, leave, done, steps = (runtime.create_event(), runtime.create_event(), runtime.create_event(), [])

        async def work():
            await started.set()
            await leave.wait()
            steps.append("work")
            await done.set()

        async def caller():
            try:
                await runtime.run_shielded(work)
                await runtime.checkpoint()
            finally:
                steps.append("caller")

        async with runtime.open_task_group() as outer:

            async def owner():
                async with runtime.open_task_group() as group:
                    groups.append(group)
                    await group.spawn(caller)

            groups = []
            await outer.spawn(owner)
            await started.wait()
            await groups[0].cancel()
            await runtime.sleep(0.02)
            await leave.set()
        await done.wait()
        return steps

    answers = [answer(runner, cancels) for runner in (AsyncioRunner({}), TrioRunner({}), ThreadsRunner({}))]
    assert answers == [["caller", "work"], ["work", "caller"], ["work", "caller"]]


def test_whose_end_it_was_is_said_in_a_note():
    """The same is raised for a stream that this side closed and one that was lost."""

    async def sends(runtime):
        listener = await runtime.listen()
        client = await runtime.connect(*listener.address)
        await client.aclose()
        with pytest.raises(ConnectionResetError) as error:
            await client.send_all(b"x")
        await listener.aclose()
        lost = ConnectionResetError(*error.value.args)
        return runtime.classify(error.value), runtime.classify(lost)

    assert answer(AsyncioRunner({}), sends) == (ErrorKind.CLOSED, ErrorKind.BROKEN)


def test_a_report_of_the_loop_needs_no_message():
    """A child that ends after the loop is reported by uvloop without one; the error is reported all the same."""
    reports = []

    async def main(_runtime):
        asyncio.get_running_loop().call_exception_handler({"exception": OSError("late")})

    AsyncioRunner({}).run(main, lambda exc, context: reports.append((str(exc), context)))
    assert reports == [("late", "")]
