"""How much work the cells of a row do for one value."""

from __future__ import annotations

import random

import msgspec

from .cell import Cell, RowId

LEAST_TIMEOUT = 5.0
"""Seconds."""
TIMEOUT_FACTOR = 10
"""Factor on the expected duration of a cell."""


class RowWork(msgspec.Struct, frozen=True, kw_only=True):
    """The findings about a row before its rounds: the amount of work that its figures are taken with.

    `seconds` is the expected duration of a cell, by label; a backend without a figure is not in it.
    """

    row: RowId
    """Which row."""
    parameter: str
    """The parameter for the amount of work."""
    amount: int
    """The value that it has from now on."""
    own: dict[str, int] = {}
    """Amounts by label, where no single one is right for the fastest and the slowest."""
    seconds: dict[str, float] = {}
    has_timeouts: bool = True
    """Whether the expected duration also limits a cell; not where the user set the limit."""

    def assign(self, cell: Cell, seed: int) -> Cell:
        """Return a cell of the row with its work, and with the time-out that this allows.

        The work differs by up to a tenth from round to round, so that it does not keep step with events of the machine
        at intervals; all arms of a round do the same. It is drawn from the seed, the row and the round.
        """
        amount = self.own.get(cell.label, self.amount)
        least, most = -(-amount * 9 // 10), amount * 11 // 10
        share = random.Random(f"{seed}/{self.row}/{cell.round}/work").random()  # noqa: S311 - an amount, not a secret
        work = (self.parameter, least + int(share * (most - least + 1)))
        expected = self.seconds.get(cell.label)
        if expected is None or not self.has_timeouts:
            return msgspec.structs.replace(cell, work=work)
        timeout = min(cell.timeout, max(LEAST_TIMEOUT, TIMEOUT_FACTOR * expected))
        # A hang must be seen as a hang before the time is over, or it would count as slow.
        return msgspec.structs.replace(cell, work=work, timeout=timeout, hang_after=min(cell.hang_after, timeout / 2))
