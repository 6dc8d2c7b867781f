"""What a clause is: one sentence of the Runtime contract, as a small program that must hold on every backend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from harness.api import Capability, Runtime

ClauseFunction = Callable[[Runtime], Awaitable[None]]


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One clause. `of` names the method whose **Contract** it is; `requires` what a backend may lack."""

    name: str
    of: str
    check: ClauseFunction
    requires: tuple[Capability, ...] = ()


CLAUSES: list[Clause] = []


def clause(name: str, *, of: str, requires: tuple[Capability, ...] = ()) -> Callable[[ClauseFunction], ClauseFunction]:
    """Register a function as the check of a clause; it raises `AssertionError` if the clause does not hold."""

    def register(check: ClauseFunction) -> ClauseFunction:
        CLAUSES.append(Clause(name=name, of=of, check=check, requires=requires))
        return check

    return register


async def until(runtime: Runtime, condition: Callable[[], bool]) -> None:
    """Let others run until a condition holds. The clause's own time limit is what ends it if it never does."""
    while not condition():
        await runtime.sleep(0.001)


async def settle(runtime: Runtime) -> None:
    """Let every other task come to its wait. Enough for a task that was just spawned, on every runtime."""
    for _ in range(5):
        await runtime.checkpoint()
    await runtime.sleep(0.01)
