"""A latch, and the grammar of programs that use it.

The latch is the team's own code on the Runtime contract: tasks wait until it was counted down to nothing. The grammar
adds two operations and a kind of resource, whose ledger says when a task must not wait any more.
"""

from __future__ import annotations

from typing import Any

from harness.api import Runtime
from harness.explore.clauses import Clause
from harness.explore.grammar import Grammar, Rule
from harness.explore.play import Play, Player
from harness.explore.program import Operation, Resource
from harness.explore.resources import Shared, waiting
from harness.explore.scenarios import make_exploration


class Latch:
    """Opens when it has been counted down as often as it was made for."""

    def __init__(self, runtime: Runtime, count: int) -> None:
        self._left = count
        self._opened = runtime.create_event()

    async def count_down(self) -> None:
        """Count down by one; open at nothing."""
        self._left -= 1
        if self._left == 0:
            await self._opened.set()

    async def wait(self) -> None:
        """Wait until it is open."""
        await self._opened.wait()


class LatchModel(Shared):
    """How often the completed operations have counted it down."""

    make_latch = Latch
    """Replaced by tests."""

    def __init__(self, play: Play, index: int, resource: Resource) -> None:
        super().__init__(play, index, resource)
        self.counted = 0

    async def open(self) -> None:
        """Make the latch."""
        self.native = self.make_latch(self.play.runtime, self.size)

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """No task waits for a latch that is open."""
        if self.counted < self.size:
            return None
        return Clause.LOST_WAKE_UP, f"waits in {what} of {self.name}, which is open"


async def count_down(player: Player, operation: Operation) -> None:
    """Count down."""
    model: Any = player.play.models[operation.target]
    model.counted += 1
    await model.native.count_down()


async def wait_open(player: Player, operation: Operation) -> None:
    """Wait until the latch is open."""
    model: Any = player.play.models[operation.target]
    with waiting(player, model, "wait"):
        await model.native.wait()
    if model.counted < model.size:
        player.play.breach(Clause.EARLY_WAKE_UP, f"{player.name} passes {model.name} before it is open")


GRAMMAR = Grammar(
    resources=(("latch", (1, 2, 3)),),
    weights={"count-down": 5, "await": 6, "checkpoint": 4, "sleep": 2, "cancel": 2},
    rules={
        "count-down": Rule(
            name="count-down", perform=count_down, clause="the last count opens the latch", needs="latch"
        ),
        "await": Rule(
            name="await", perform=wait_open, clause="an open latch lets every task pass", needs="latch", waits=True
        ),
    },
    kinds={"latch": LatchModel},
)

latch = make_exploration("latch", GRAMMAR, f"{__name__}:latch", "a latch of our own")
