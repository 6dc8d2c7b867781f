"""In which order the cells of a run are executed, and until when."""

from __future__ import annotations

from msgspec.structs import replace

from harness.execute import CutOff, may_share
from harness.model import Cell, Plan
from harness.plan import by_family, longest_first
from harness.plugins import Catalogue
from harness.session.costs import CellCosts
from harness.session.deadline import Deadline


class Pace:
    """By what cells are expected to take.

    Args:
        catalogue: has the scenarios.
        costs: expected durations.
        deadline: the bound of the run; nothing where it takes as long as it takes.
    """

    def __init__(self, catalogue: Catalogue, costs: CellCosts, deadline: Deadline | None = None) -> None:
        self._catalogue = catalogue
        self._costs = costs
        self._deadline = deadline

    @property
    def cut_off(self) -> CutOff | None:
        """When the cells that still run are ended."""
        return None if self._deadline is None else self._deadline.cut_off

    @property
    def left(self) -> float | None:
        """Seconds that are left for cells; nothing where there is no bound."""
        return None if self._deadline is None else self._deadline.left

    def skip_reason(self, cell: Cell) -> str:
        """Return why it is too late for a cell, or an empty string."""
        return "" if self._deadline is None else self._deadline.skip_reason(cell)

    def arrange(self, portion: Plan) -> Plan:
        """Return a portion in the order of execution: each family early if time may run out, else the longest first.

        Cells that run alone keep their order, which favours no backend.
        """
        if self._deadline is not None:
            return replace(portion, cells=by_family(portion.cells))
        shared = [cell for cell in portion.cells if may_share(cell, self._catalogue)]
        alone = [cell for cell in portion.cells if not may_share(cell, self._catalogue)]
        return replace(portion, cells=(*longest_first(shared, self._costs.expect), *alone))
