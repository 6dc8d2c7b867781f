"""Put uvloop in force for a test suite."""

from __future__ import annotations

from collections.abc import Mapping

from harness_asyncio.backend import LoopFactory
from harness_asyncio.in_force import LoopInForce


def put_in_force(options: Mapping[str, str]) -> LoopInForce:
    """Put `uvloop.Loop` in force."""
    return LoopInForce(options, _load)


def _load() -> LoopFactory:
    import uvloop  # when running loops are watched: it binds asyncio's function

    return uvloop.new_event_loop
