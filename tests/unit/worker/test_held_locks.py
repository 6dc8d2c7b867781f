"""Which locks a frame holds is read from where it stands in the source."""

import asyncio
import inspect

import pytest

from harness.api import Resource
from harness.worker.held_locks import held_locks


class Box:
    """Has a lock as an attribute."""

    def __init__(self, lock):
        self.lock = lock


def held_by(coroutine, turns=1):
    """Return the names of the locks that a task holds where it stands, after some turns of the loop."""

    async def main():
        task = asyncio.create_task(coroutine)
        for _ in range(turns):
            await asyncio.sleep(0)
        found = [lock.label for lock in held_locks([coroutine.cr_frame], ())]
        task.cancel()
        return found

    return asyncio.run(main())


async def _in_the_body(lock):
    async with lock:
        await asyncio.sleep(9)


async def _behind_it(lock):
    async with lock:
        pass
    await lock.acquire()
    await asyncio.sleep(9)


async def _nested(lock, box):
    async with lock:
        await asyncio.sleep(0)
        async with box.lock:
            await asyncio.sleep(9)


async def _second_item(lock, taken):
    await taken.acquire()
    async with lock, taken:
        pass


async def _no_lock(lock):
    async with asyncio.timeout(9):
        await asyncio.sleep(9)


async def _a_call(make):
    async with make():
        await asyncio.sleep(9)


@pytest.mark.parametrize(
    ("make", "held"),
    [
        (lambda: _in_the_body(asyncio.Lock()), ["lock"]),
        (lambda: _behind_it(asyncio.Lock()), []),
        (lambda: _nested(asyncio.Lock(), Box(asyncio.Lock())), ["lock", "box.lock"]),
        (lambda: _second_item(asyncio.Lock(), asyncio.Lock()), []),
        (lambda: _no_lock(asyncio.Lock()), []),
        (lambda: _a_call(asyncio.Lock), []),
    ],
    ids=["in the body", "behind the body", "nested", "while the block is entered", "no lock", "nothing is called"],
)
def test_held(make, held):
    """In the body of `async with`, by names only; while the block is entered nothing is known."""
    assert held_by(make(), turns=2) == held


def test_a_lock_behind_a_wrapper_is_the_same_lock():
    """A backend may hand out its own object with the runtime's bound method."""

    class Outer:
        def __init__(self, lock):
            self.acquire = lock.acquire

    lock = asyncio.Lock()
    assert Resource.of(Outer(lock)) == Resource.of(lock) == Resource(id(lock), "Lock")


def test_a_frame_without_source_holds_nothing():
    """Code that came from a string."""
    frame = inspect.currentframe()
    code = compile("import inspect\nframe = inspect.currentframe()", "<nowhere>", "exec")
    names = {}
    exec(code, names)
    assert list(held_locks([names["frame"], frame], ())) == []
