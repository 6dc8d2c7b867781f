"""The run so far, held in memory: what phases look at, fed by the events that are recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.journal import RunAssembly
from harness.model import Cell, Moment, Request, Run, RunEvent, RunStarted
from harness.session.stop_rules import StopRules

Publish = Callable[[RunEvent], None]
"""Records an event that is decided on; the run so far has it when this returns."""


class RunSoFar:
    """Sees every event of a run, and gives the run as its journal would if it ended now.

    Args:
        request: has the rules for stopping.
        events: of the journal, if the run is resumed.
    """

    def __init__(self, request: Request, events: Iterable[RunEvent] = ()) -> None:
        self._rules = StopRules(request)
        self._assembly: RunAssembly | None = None
        for event in events:
            self._assemble(event)
        self.is_resumed = self._assembly is not None
        """Whether a journal was there before."""
        if self.is_resumed:
            self._rules.recall(self.run)

    @property
    def run(self) -> Run:
        """The run, with a record of each cell that is planned by now."""
        assert self._assembly is not None, "a run begins with its header"
        return self._assembly.run("the run goes on")

    @property
    def last(self) -> Moment | None:
        """When the last event was recorded."""
        return self._assembly.last if self._assembly is not None else None

    @property
    def has_ended(self) -> bool:
        """Whether the run went to its end, which its last event shows: it was neither interrupted nor killed."""
        footer = self._assembly.footer if self._assembly is not None else None
        return footer is not None and not footer.interrupted

    @property
    def stopped(self) -> str:
        """Why nothing more is run; empty while there is no reason."""
        return self._rules.stopped

    def skip_reason(self, cell: Cell) -> str:
        """Return why a cell is not run, or an empty string."""
        return self._rules.skip_reason(cell)

    def see(self, event: RunEvent) -> None:
        """Take the next event."""
        self._assemble(event)
        self._rules.see(event)

    def _assemble(self, event: RunEvent) -> None:
        if self._assembly is not None:
            self._assembly.see(event)
        elif isinstance(event, RunStarted):
            self._assembly = RunAssembly(event)
        else:
            raise ValueError(f"a run begins with its header, not with {type(event).__name__}")
