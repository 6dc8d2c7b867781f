"""What the clauses say about each backend, and backends with a planted defect that no shipped saboteur has.

The planted runners are named `"conftest:Class"`, so that a process of the kit finds them beside this file.
"""

import asyncio
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from harness.api import ErrorKind
from harness.plugins import Plugins
from harness.testing.clauses import CLAUSES
from harness.testing.contract import lacking, run_clauses
from harness.testing.wrapping import Wrapped
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


class _Instead(Wrapped):
    """Something with a few of its methods replaced."""

    def __init__(self, original, **replaced):
        super().__init__(original)
        self.__dict__.update(replaced)


class _Planted(AsyncioRunner):
    """asyncio, with what `replace` returns in the place of methods of its runtime."""

    def run(self, main, unhandled):
        async def planted(runtime):
            await main(_Instead(runtime, **self.replace(runtime)))

        super().run(planted, unhandled)


class DeafSleep(_Planted):
    """Never wakes from a long sleep, whoever cancels it; the loop is blocked."""

    def replace(self, runtime):
        async def sleep(seconds):
            while seconds > 60:
                pass
            await runtime.sleep(seconds)

        return {"sleep": sleep}


class Exiting(_Planted):
    """Ends the process in a checkpoint."""

    def replace(self, runtime):
        async def checkpoint():
            os._exit(7)

        return {"checkpoint": checkpoint}


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


class WrongScheduler(_Planted):
    """Not what the runner says."""

    expected_scheduler = "uvloop.*"

    def replace(self, runtime):
        return {}


class Talkative(_Planted):
    """Writes more to stdout and stderr than a pipe holds."""

    def replace(self, runtime):
        async def checkpoint():
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
