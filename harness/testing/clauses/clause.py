"""A clause: one sentence of the Runtime contract, as a small program that must hold on every backend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from harness.api import Capability, ErrorKind, Runtime

ClauseFunction = Callable[..., Awaitable[None]]
"""Takes the `Runtime`; with `with_runner`, also the `BackendRunner` that made it."""


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One clause. `of` names the method whose **Contract** it is; `requires` the capabilities that it needs."""

    name: str
    """The sentence."""
    of: str
    check: ClauseFunction
    """Raises `AssertionError` if it does not hold."""
    requires: tuple[Capability, ...] = ()
    with_runner: bool = False
    """Whether the check takes the `BackendRunner` too."""


CLAUSES: list[Clause] = []
"""Every clause, in the order in which they are run."""


def clause(
    name: str, *, of: str, requires: tuple[Capability, ...] = (), with_runner: bool = False
) -> Callable[[ClauseFunction], ClauseFunction]:
    """Register a function as the check of a clause; it raises `AssertionError` if the clause does not hold.

    The check must raise from its own task, outside of every task group with tasks that may still wait: some runtimes
    drop the errors of children, and a group whose body failed may wait for ever. So record inside, and require behind.
    """

    def register(check: ClauseFunction) -> ClauseFunction:
        CLAUSES.append(Clause(name=name, of=of, check=check, requires=requires, with_runner=with_runner))
        return check

    return register


def require_equal(what: str, *, expected: object, actual: object) -> None:
    """Raise `AssertionError` with both values unless they are equal."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def require(holds: object, what: str) -> None:
    """Raise `AssertionError` with the words given unless something holds."""
    if not holds:
        raise AssertionError(what)


async def require_error(runtime: Runtime, kind: ErrorKind, call: Callable[[], Awaitable[object]]) -> None:
    """Await a call and require that it raises what `classify` calls `kind`."""
    try:
        result = await call()
    except BaseException as exc:
        if runtime.is_cancelled(exc):
            raise
        found = runtime.classify(exc)
        require(found is kind, f"expected an error that is {kind.value!r}, got {exc!r}, which is {found.value!r}")
        return
    raise AssertionError(f"expected an error that is {kind.value!r}, got the result {result!r}")


async def until(runtime: Runtime, condition: Callable[[], bool]) -> None:
    """Let others run until a condition holds. The clause's own time limit is what ends it if it never does."""
    while not condition():
        await runtime.sleep(0.001)


async def settle(runtime: Runtime) -> None:
    """Let every other task most likely come to its wait.

    Likely, not certain: a clause must hold either way. It only makes sure that the interesting case is the usual one.
    """
    for _ in range(5):
        await runtime.checkpoint()
    await runtime.sleep(0.01)
