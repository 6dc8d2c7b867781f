"""The progress display of a terminal: one line with fixed columns, then a line for each running cell."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from harness.model import (
    CellFinished,
    CellObserved,
    CellProgressed,
    CellRetried,
    CellStarted,
    HelperContinued,
    Outcome,
    RunEvent,
    RunExtended,
    RunResumed,
    RunStarted,
)

from .attempts import Attempts, describe_continued, describe_problem, printable_id
from .time_left import TimeLeft

_QUIET = (Outcome.COMPLETED, Outcome.UNSUPPORTED, Outcome.UNAVAILABLE)
_BAR = 20
_BESIDE_BAR = 66
_BETWEEN_DRAWS = 0.1
_LONGEST_UNDRAWN = 0.5
_NONE_RUNS = "  starting the next cells"
_BETWEEN_ESTIMATES = 1.0
_LEAST_WIDTH = 40


class LiveDisplay:
    """Draws the progress of a run again and again; problems are printed above it when they happen.

    Args:
        console: of the terminal.
        side_by_side: names of the scenarios whose cells may run beside others.
        lanes: how many at a time.
        known: seconds of a cell of each scenario, in the last runs.
        clock: seconds.
    """

    def __init__(
        self,
        console: Console,
        side_by_side: Collection[str] = (),
        lanes: int = 1,
        known: Mapping[str, float] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._clock = console, clock
        self._attempts = Attempts()
        self._left = TimeLeft(side_by_side, lanes, known)
        self._running: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._done = self._total = self._round = 0
        self._drawn_at = self._estimated_at = float("-inf")
        self._estimate: float | None = None
        # Without a thread of its own: processes are started from this program.
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def __call__(self, event: RunEvent) -> None:
        """Take the next event."""
        now = self._clock()
        self._attempts.see(event)
        self._left.see(event, now)
        self._count(event)
        if isinstance(event, CellObserved):  # of which there may be thousands
            return
        # The end of the only running cell is drawn with the start of the next one, so that there always is one.
        is_due = now - self._drawn_at >= (_BETWEEN_DRAWS if self._running else _LONGEST_UNDRAWN)
        if is_due or isinstance(event, RunStarted):
            self._drawn_at = now
            self.live.update(self.draw(now), refresh=True)

    def _count(self, event: RunEvent) -> None:
        match event:
            case RunStarted(plan=plan):
                self._total = len(plan.cells) + len(plan.skipped)
            case RunResumed(cells=cells):
                self._total = cells
            case RunExtended(cells=cells, skipped=skipped):
                self._total += len(cells) + len(skipped)
            case CellStarted(cell_id=cell_id):
                self._running[cell_id] = ""
                self._round = _round_of(cell_id, self._round)
            case CellProgressed(cell_id=cell_id, seconds=seconds, progress=progress):
                self._running[cell_id] = f"{seconds:.0f} s, {progress:,} done"
            case HelperContinued():
                self._console.print(describe_continued(event), markup=False, highlight=False)
            case CellRetried(result=result):
                self._running.pop(result.cell_id, None)
            case CellFinished(result=result):
                self._running.pop(result.cell_id, None)
                self._done += 1
                self._counts[_kind_of(result.outcome)] += 1
                if result.outcome not in _QUIET:
                    self._console.print(describe_problem(event), markup=False, highlight=False)

    def draw(self, now: float) -> Group:
        """Return the lines of the display, none of them wider than the terminal."""
        width = max(self._console.width - 1, _LEAST_WIDTH)
        lines = [self._head(now, width)]
        lines += [self._line(cell_id, said, width) for cell_id, said in self._running.items()]
        if not self._running:
            lines.append(Text(_NONE_RUNS, style="dim"))
        return Group(*lines)

    def _head(self, now: float, width: int) -> Text:
        total = str(self._total)
        share = self._done / self._total if self._total else 0.0
        bar = min(_BAR, max(width - _BESIDE_BAR, 6))
        full = round(share * bar)
        text = Text.assemble(("━" * full, "green"), ("━" * (bar - full), "dim"))
        text.append(f"  {self._done:>{len(total)}}/{total} cells  round {self._round or 1:<3}")
        text.append(f"{self._time_left(now):>14} left  ", style="bold")
        for symbol, style in (("✗", "red"), ("H", "red"), ("–", "dim")):
            count = self._counts[symbol]
            text.append(f"{symbol} {count}  ", style=style if count else "dim")
        text.truncate(width)
        return text

    def _time_left(self, now: float) -> str:
        if now - self._estimated_at >= _BETWEEN_ESTIMATES:
            self._estimated_at, self._estimate = now, self._left.estimate(now)
        return "" if self._estimate is None else describe_seconds(self._estimate)

    def _line(self, cell_id: str, said: str, width: int) -> Text:
        beside = f"{self._attempts.describe(cell_id)} {said}".rstrip()
        return Text(f"  {_cut(printable_id(cell_id), width - 2 - len(beside))}{beside}", style="dim")


def describe_seconds(seconds: float) -> str:
    """Return `about 45 s`, `about 3 min`; more digits would promise more than is known."""
    if seconds < 90:
        return f"about {max(round(seconds), 1)} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def _cut(name: str, width: int) -> str:
    """Return a name that is cut from the left, because its end tells most."""
    return name if len(name) <= width else f"…{name[len(name) - max(width - 1, 0) :]}"


def _round_of(cell_id: str, otherwise: int) -> int:
    number = cell_id.rpartition("#")[2]
    return int(number) if number.isdigit() else otherwise


def _kind_of(outcome: Outcome) -> str:
    if outcome is Outcome.HUNG:
        return "H"
    if outcome is Outcome.COMPLETED:
        return "✓"
    return "–" if outcome in (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.NOT_RUN) else "✗"
