"""Standalone reproducers of asyncio that run on uvloop. Imports no runtime."""

from __future__ import annotations

from collections.abc import Mapping

from harness_asyncio.reproducers import import_loop


def name_loop(options: Mapping[str, str], text: str) -> str:
    """Return a reproducer that runs on uvloop's event loop."""
    del options
    return import_loop(text, "uvloop")
