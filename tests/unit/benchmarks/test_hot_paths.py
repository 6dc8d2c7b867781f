"""Where an adapter may cost nothing it *is* the runtime's own function; the comments there say what else it costs."""

import asyncio
import importlib

import pytest

from harness_asyncio.backend import AsyncioRuntime


def test_a_checkpoint_of_asyncio_is_its_own_sleep():
    """With 0 as its default, and without a call in between; another delay it would not take for one."""
    assert AsyncioRuntime.checkpoint.__code__ is asyncio.sleep.__code__
    assert asyncio.sleep.__defaults__ == (None,)
    assert AsyncioRuntime.checkpoint.__defaults__ == (0, None)


def test_a_checkpoint_of_curio_is_its_own_sleep():
    """Likewise."""
    try:
        curio, backend = importlib.import_module("curio"), importlib.import_module("harness_curio.backend")
    except (ImportError, AttributeError) as exc:  # curio 1.6 on 3.12+ misses names of the standard library
        pytest.skip(f"curio: {exc}")
    assert backend.CurioRuntime.checkpoint.__code__ is curio.sleep.__code__
    assert backend.CurioRuntime.checkpoint.__defaults__ == (0,)


def test_a_checkpoint_lets_others_run():
    """One turn of the loop, no more: two tasks take turns."""
    turns: list[str] = []

    async def take_turns(name: str) -> None:
        for _ in range(3):
            turns.append(name)
            await AsyncioRuntime.checkpoint()

    async def both() -> None:
        await asyncio.gather(take_turns("a"), take_turns("b"))

    asyncio.run(both())
    assert turns == ["a", "b"] * 3
