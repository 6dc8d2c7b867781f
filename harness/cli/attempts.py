"""Attempts at a cell: which cells are run again, and why; how a problem is printed."""

from __future__ import annotations

from collections import Counter

from harness.model import CellFinished, CellRetried, CellStarted, HelperContinued, RunEvent, RunExtended, RunStarted


class Attempts:
    """Which cells are run again: after a bad end (a retry), or because others had the CPU (a repeat)."""

    def __init__(self) -> None:
        self._retries: dict[str, int] = {}
        """How often each cell may be run again after a bad end."""
        self._retry: dict[str, int] = {}
        self._starts: Counter[str] = Counter()
        self._confirmed: set[str] = set()
        """Cells of which a finding in a forked process is being confirmed."""

    def see(self, event: RunEvent) -> None:
        """Take note of an event."""
        match event:
            case RunStarted(plan=plan):
                self._retries.update((cell.id, cell.retries) for cell in plan.cells if cell.retries)
            case RunExtended(cells=cells):
                self._retries.update((cell.id, cell.retries) for cell in cells if cell.retries)
            case CellStarted(cell_id=cell_id):
                self._starts[cell_id] += 1
            case CellRetried(result=result, attempt=attempt):
                self._starts.pop(result.cell_id, None)
                if event.confirms:
                    self._confirmed.add(result.cell_id)
                else:
                    self._confirmed.discard(result.cell_id)
                    self._retry[result.cell_id] = attempt
            case CellFinished(result=result):
                self._starts.pop(result.cell_id, None)
                self._retry.pop(result.cell_id, None)
                self._confirmed.discard(result.cell_id)

    def describe(self, cell_id: str) -> str:
        """Return ` (retry 1/2)`, ` (repeat 1)` or nothing: number or purpose of the present attempt at a cell."""
        parts = []
        if retry := self._retry.get(cell_id):
            most = self._retries.get(cell_id)  # nothing in a run that is resumed
            parts.append(f"retry {retry}/{most}" if most else f"retry {retry}")
        if (repeat := self._starts[cell_id] - 1) > 0:
            parts.append(f"repeat {repeat}")
        if cell_id in self._confirmed:
            parts.append("to confirm a finding")
        return f" ({', '.join(parts)})" if parts else ""


def describe_problem(event: CellFinished | CellRetried) -> str:
    """Return the outcome of a cell that did not complete, on one line."""
    return printable_id(f"{event.result.outcome.value}: {event.result.cell_id}: {event.result.reason}")


def describe_continued(event: HelperContinued) -> str:
    """Return that a helper process was stopped and goes on, on one line."""
    return printable_id(f"{event.helper} was stopped (SIGSTOP) and is continued")


def printable_id(text: str) -> str:
    """Return a text of plugins with a question mark for each character that a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)
