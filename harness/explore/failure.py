"""A program that failed, as it stands in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .clauses import REASONS, Clause
from .program import Program, describe_program, encode_program

if TYPE_CHECKING:
    from .confirm import Confirmation


@dataclass(frozen=True, slots=True)
class Failing:
    """A program of a batch that failed."""

    number: int
    schedule: str
    """The schedule under which it failed."""
    clause: Clause
    detail: str
    ended_process: bool = False
    """Whether it hung, crashed or was killed, so that it can only be run in a process of its own."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed first, and the smallest program that fails in the same way."""

    program: str
    """`SEED/NUMBER`."""
    clause: Clause
    detail: str
    found_under: str
    """The schedule under which the program failed."""
    schedule: str
    """The schedule under which the smallest one fails."""
    found_size: int
    tried: int
    smallest: Program
    native: Program
    """One that fails in the runtime's own order, if there is one; else the smallest."""

    def to_text(self, family: str, confirmation: Confirmation) -> str:
        """Return it on one line, for a report."""
        where = f"{family}/{self.program} ({confirmation.label}, {confirmation.stock} on the stock scheduler)"
        return f"{where}: {self.detail}; {'; '.join(describe_program(self.smallest))}"

    def to_data(self, family: str, confirmation: Confirmation) -> dict[str, Any]:
        """Return it as an observation, with what confirmed it."""
        return {
            "program": f"{family}/{self.program}",
            "clause": self.clause.value,
            "contract": REASONS[self.clause],
            "detail": self.detail,
            "label": confirmation.label,
            "stock": confirmation.stock,
            "schedule": self.schedule,
            "found_under": self.found_under,
            "operations": self.smallest.size,
            "found_size": self.found_size,
            "tried": self.tried,
            "text": describe_program(self.smallest),
            "smallest": encode_program(self.smallest),
            "script": confirmation.script,
            "script_fails": confirmation.script_fails,
        }


def program_key(clause: Clause) -> str:
    """Return the key under which the text of a failing program is observed."""
    return f"program of {clause.value}"
