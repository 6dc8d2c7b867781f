"""The conditions under which a cell is executed: what its perturbations change in the runner and in the workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType

from harness.api import CellConditions, Perturbation
from harness.execute import posix
from harness.model import Cell, UserInterrupt
from harness.plugins.calls import CALLS


class PerturbationError(Exception):
    """A perturbation is missing or raised, so that the cell cannot be executed as planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What perturbations change of a cell."""

    cpus: tuple[int, ...] = ()
    """CPUs that the roles are kept on, in turn; empty for the usual placement."""
    own_limits: frozenset[str] = frozenset()
    """Limits of the cell that a perturbation sets itself."""
    in_worker: tuple[tuple[str, str], ...] = ()
    """`"module:function"` and value of the change in each worker."""
    after_run: tuple[tuple[str, str], ...] = ()
    """Likewise, of the addition to each role's run."""


UNDISTURBED = Conditions()
"""Without perturbations."""


@contextmanager
def establish(cell: Cell, perturbations: Mapping[str, Perturbation]) -> Iterator[Conditions]:
    """Keep a cell's perturbations in effect while the block runs.

    Raises:
        PerturbationError: a perturbation is not installed (any more), or raised.
    """
    changes = CellConditions(posix.usable_cpus())
    workers: list[tuple[str, str]] = []
    afterwards: list[tuple[str, str]] = []
    with ExitStack() as stack:
        for name, value in cell.perturb:
            if (perturbation := perturbations.get(name)) is None:
                raise PerturbationError(f"there is no perturbation {name!r}; harness list perturbations shows all")
            try:
                with CALLS.running(f"perturbation {name!r}"):
                    _enter(stack, perturbation, value, changes)
            except UserInterrupt:
                raise
            except BaseException as exc:
                raise PerturbationError(f"perturbation {name!r} raised {type(exc).__name__}: {exc}") from exc
            if perturbation.in_worker:
                workers.append((perturbation.in_worker, value))
            if perturbation.after_run:
                afterwards.append((perturbation.after_run, value))
        yield Conditions(
            cpus=changes.cpus,
            own_limits=frozenset(changes.own_limits),
            in_worker=tuple(workers),
            after_run=tuple(afterwards),
        )


def _enter(stack: ExitStack, perturbation: Perturbation, value: str, changes: CellConditions) -> None:
    if perturbation.in_runner is None:
        return
    context = perturbation.in_runner(value, changes)
    context.__enter__()

    def leave(kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with CALLS.running(f"the end of perturbation {perturbation.name!r}"):
                context.__exit__(kind, exc, trace)
        except UserInterrupt:
            raise
        except BaseException:  # noqa: BLE001, S110 - the cell has its result, and a plugin's error cannot change that
            pass

    stack.push(leave)
