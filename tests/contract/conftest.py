"""What the clauses say about each backend, and backends with a planted defect.

The planted runners are named `"conftest:Class"`, so that a process of the kit finds them beside this file.
"""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from harness.api import ErrorKind
from harness.plugins import Plugins
from harness.testing.clauses import CLAUSES
from harness.testing.contract import lacking, run_clauses
from harness_asyncio.backend import AsyncioRunner

BACKENDS = {name: backend for name, backend in Plugins().catalogue().backends.items() if not backend.control}


def run_all(backend):
    """Run every clause that the backend does not declare to lack."""
    wanted = [clause for clause in CLAUSES if lacking(backend, clause) is None]
    return {result.clause: result for result in run_clauses(backend.runner, {}, wanted)}


@pytest.fixture(scope="session")
def results():
    """Start all backends at once; a future for each, of its results by clause or of its ImportError."""
    with ThreadPoolExecutor(len(BACKENDS)) as pool:
        futures: dict[str, Future] = {name: pool.submit(run_all, backend) for name, backend in BACKENDS.items()}
        yield futures


# --- planted defects ---


class _Instead:
    """Something with a few of its methods replaced."""

    def __init__(self, original, **replaced):
        self._original = original
        self.__dict__.update(replaced)

    def __getattr__(self, name):
        return getattr(self._original, name)


class _Planted(AsyncioRunner):
    """asyncio, with what `replace` returns in the place of methods of its runtime."""

    def run(self, main, unhandled):
        async def planted(runtime):
            await main(_Instead(runtime, **self.replace(runtime)))

        super().run(planted, unhandled)


class LosesItem(_Planted):
    """A receive that is cancelled after it took its item drops it."""

    def replace(self, runtime):
        def open_channel(capacity):
            send, receive = runtime.open_channel(capacity)

            async def take():
                item = await receive.receive()
                await asyncio.sleep(0)
                return item

            return send, _Instead(receive, receive=take)

        return {"open_channel": open_channel}


class SendsAnyway(_Planted):
    """A send that is cancelled is made nevertheless."""

    def replace(self, runtime):
        def open_channel(capacity):
            send, receive = runtime.open_channel(capacity)
            behind = set()

            async def put(item):
                task = asyncio.ensure_future(send.send(item))
                behind.add(task)
                await asyncio.shield(task)

            return _Instead(send, send=put), receive

        return {"open_channel": open_channel}


class DeafReader(_Planted):
    """Closing the last sender does not wake the readers."""

    def replace(self, runtime):
        def deaf(send):
            async def aclose():
                pass

            return _Instead(send, aclose=aclose, clone=lambda: deaf(send.clone()))

        def open_channel(capacity):
            send, receive = runtime.open_channel(capacity)
            return deaf(send), receive

        return {"open_channel": open_channel}


class NeverWaits(_Planted):
    """An event that nobody waits for: what should be interrupted was over before."""

    def replace(self, runtime):
        async def wait():
            pass

        return {"create_event": lambda: _Instead(runtime.create_event(), wait=wait)}


class FirstOnly(_Planted):
    """`first_completed` that returns one winner and forgets what else completed."""

    def replace(self, runtime):
        async def first_completed(*fns):
            return (await runtime.first_completed(*fns))[:1]

        return {"first_completed": first_completed}


class EarlyDeadline(_Planted):
    """Deadlines come at half of their time."""

    def replace(self, runtime):
        def open_cancel_scope(*, deadline=None, shield=False):
            sooner = None if deadline is None else (deadline + runtime.now()) / 2
            return runtime.open_cancel_scope(deadline=sooner, shield=shield)

        return {"open_cancel_scope": open_cancel_scope}


class WrongScheduler(_Planted):
    """Not what the runner says."""

    expected_scheduler = "uvloop.*"

    def replace(self, runtime):
        return {}


class Talkative(_Planted):
    """Writes more to stdout and stderr than a pipe holds."""

    def replace(self, runtime):
        async def checkpoint():
            import os

            for fd in (1, 2):
                os.write(fd, b"x" * 200_000)
            await runtime.checkpoint()

        return {"checkpoint": checkpoint}


class StuckTasks(_Planted):
    """Blocks the scheduler in `tasks`, and nowhere else."""

    def replace(self, runtime):
        def tasks():
            while True:
                pass

        return {"tasks": tasks}


class EarlyTimeout(_Planted):
    """Ends a function at half of its time."""

    def replace(self, runtime):
        return {"run_with_timeout": lambda seconds, fn, *args: runtime.run_with_timeout(seconds / 2, fn, *args)}


class LeavesSlowFunction(_Planted):
    """A time-out that leaves the function running."""

    def replace(self, runtime):
        async def run_with_timeout(seconds, fn, *args):
            task = asyncio.ensure_future(fn(*args))
            self.behind = task
            async with asyncio.timeout(seconds):
                return await asyncio.shield(task)

        return {"run_with_timeout": run_with_timeout}


class NoShield(_Planted):
    """A shield that lets everything through."""

    def replace(self, runtime):
        async def run_shielded(fn, *args):
            return await fn(*args)

        return {"run_shielded": run_shielded}


class SwallowsCancellation(_Planted):
    """A shield behind which the cancellation is forgotten."""

    def replace(self, runtime):
        async def run_shielded(fn, *args):
            task = asyncio.ensure_future(fn(*args))
            while not task.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(task)
            return task.result()

        return {"run_shielded": run_shielded}


class OwnedTask(_Planted):
    """A detached task that dies with the task that started it."""

    def replace(self, runtime):
        async def spawn_detached(fn, *args, name=None):
            task = asyncio.ensure_future(fn(*args))
            asyncio.current_task().add_done_callback(lambda _: task.cancel())

        return {"spawn_detached": spawn_detached}


class BlamesItself(_Planted):
    """Takes a connection that was lost for one that this side closed."""

    def replace(self, runtime):
        def classify(exc):
            kind = runtime.classify(exc)
            return ErrorKind.CLOSED if kind is ErrorKind.BROKEN else kind

        return {"classify": classify}


class BlamesPeer(_Planted):
    """The other way round."""

    def replace(self, runtime):
        def classify(exc):
            kind = runtime.classify(exc)
            return ErrorKind.BROKEN if kind is ErrorKind.CLOSED else kind

        return {"classify": classify}
