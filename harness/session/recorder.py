"""Write the events of a run into its journal, and pass them to the listeners."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from harness.host.signals import INTERRUPTS, follow_all
from harness.journal import JOURNAL_NAME, JournalWriter
from harness.model import CellProgressed, HelperContinued, JournalLostError, RunEvent
from harness.plugins import Plugins
from harness.session.clock import RunClock
from harness.session.run_so_far import RunSoFar


class Recorder:
    """The open journal of a run; when it is closed, its footer marks it as complete.

    Args:
        folder: of the run.
        plugins: listen to the events.
        so_far: has the events of the journal, if the run is resumed, and is given each further one.
    """

    def __init__(
        self,
        folder: Path,
        plugins: Plugins,
        so_far: RunSoFar,
    ) -> None:
        self._plugins = plugins
        self._so_far = so_far
        self._journal = JournalWriter(folder / JOURNAL_NAME, is_resumed=so_far.is_resumed)
        self._clock = RunClock(so_far.last)
        self._calm = ExitStack()
        self.interrupted = False
        """Whether the user ended it."""
        self.lost: JournalLostError | None = None
        """Set when another program took the journal away; the run then ends, and its folder is another one."""

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
        if not isinstance(event, CellProgressed | HelperContinued):
            self._write(event)
            self._so_far.see(event)
        self._plugins.notify(event)

    def _write(self, event: RunEvent) -> None:
        try:
            self._journal.write(event)
        except JournalLostError as lost:
            if self.lost is not None:
                raise  # the saved journal went as well
            self.lost = lost
            self._journal.write(event)
            INTERRUPTS.request()  # no cell is started any more; the running one is ended and recorded

    def follow_all(self, stages: Iterable[Generator[RunEvent, None, None]]) -> None:
        """Publish every event of one stage after the other, until the user interrupts one."""
        self.interrupted = follow_all(stages, self.publish)
