"""Which code of a plugin is being called: a signal ends a call that does not return, and names it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class PluginCall:
    """A call that has not returned yet."""

    def __init__(self, what: str) -> None:
        self.what = what
        """Name of the plugin and of its part, for messages."""
        self.signals = 0
        """How often a signal was raised in it."""
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self._began


class PluginCalls:
    """The call that this process is in; signals belong to a process, so there is one of these."""

    def __init__(self) -> None:
        self.current: PluginCall | None = None
        """The innermost call; nothing while no code of a plugin runs."""
        self.on_begin: Callable[[], None] = lambda: None
        """Called when a call begins; by default, no signal waits for it."""

    @contextmanager
    def running(self, what: str) -> Iterator[None]:
        """Within the block code of a plugin runs. What raises in it is not caught here."""
        outer, self.current = self.current, PluginCall(what)
        self.on_begin()
        try:
            yield
        finally:
            self.current = outer


CALLS = PluginCalls()
"""Those of this process."""
