"""Standalone reproducers that name the event loop under test. Imports no runtime."""

from __future__ import annotations

from collections.abc import Mapping

LOOP_LINE = "from asyncio import new_event_loop"
"""Start of a reproducer's choice of the event loop."""


def name_loop(options: Mapping[str, str], text: str) -> str:
    """Return a reproducer that runs on the loop of a backend spec (`loop=module[:factory]`)."""
    module, _, factory = options.get("loop", "").partition(":")
    return import_loop(text, module, factory) if module else text


def import_loop(text: str, module: str, factory: str = "") -> str:
    """Return a reproducer that takes its event loop from a factory of a module, by default `new_event_loop`."""
    chosen = f"{factory} as new_event_loop" if factory else "new_event_loop"
    return text.replace(LOOP_LINE, f"from {module} import {chosen}", 1)
