"""Brings the known differences of event loops. No adapter: any loop for asyncio is `asyncio:loop=<module>`."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.plugins import hookimpl


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Bring a file for each loop."""
    return [files(__package__) / "rloop.toml"]
