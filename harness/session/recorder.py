"""Write the events of a run into its journal, and tell them to who listens."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from harness.host.signals import INTERRUPTS, follow
from harness.journal import JOURNAL_NAME, JournalWriter
from harness.model import CellProgressed, Run, RunEvent
from harness.plugins import Plugins
from harness.session.clock import RunClock
from harness.session.stop_rules import RunControl


class Recorder:
    """The open journal of a run; when it is closed, its footer says that it is complete.

    Args:
        folder: of the run.
        plugins: listen to the events.
        control: decides by the events what is not run any more.
        before: the run that the journal has, if it is resumed.
    """

    def __init__(
        self,
        folder: Path,
        plugins: Plugins,
        control: RunControl,
        before: Run | None = None,
    ) -> None:
        self._plugins = plugins
        self._control = control
        self._journal = JournalWriter(folder / JOURNAL_NAME, is_resumed=before is not None)
        self._clock = RunClock(before.last if before is not None else None)
        self._calm = ExitStack()
        self.interrupted = False
        """Whether the user ended it."""

    def __enter__(self) -> Self:
        self._calm.enter_context(INTERRUPTS.deferred())
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self.publish(self._journal.make_footer(interrupted=self.interrupted))
        finally:
            self._journal.close()
            self._calm.close()

    def publish(self, event: RunEvent) -> None:
        """Stamp an event with its time, write it, then tell it."""
        event = self._clock.stamp(event)
        if not isinstance(event, CellProgressed):
            self._journal.write(event)
            self._control.see(event)
        self._plugins.notify(event)

    def follow_all(self, stages: Iterable[Generator[RunEvent, None, None]]) -> None:
        """Publish every event of one stage after the other, until the user interrupts one."""
        try:
            self.interrupted = any(follow(stage, self.publish) for stage in stages)
            INTERRUPTS.check()
        except KeyboardInterrupt:
            self.interrupted = True  # between two stages; the journal says which cells were planned
