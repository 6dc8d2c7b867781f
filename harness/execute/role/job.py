"""The job of a role's worker."""

from __future__ import annotations

from harness.api import Backend, Scenario
from harness.model import FORMAT, Cell, RoleBackend
from harness.wire import WorkerJob


def make_job(
    cell: Cell,
    assigned: RoleBackend,
    backend: Backend,
    scenario: Scenario,
    perturb: tuple[tuple[str, str], ...] = (),
    after_run: tuple[tuple[str, str], ...] = (),
) -> WorkerJob:
    """Return the job of a role's worker. The fds are those of no process yet."""
    return WorkerJob(
        format=FORMAT,
        role=assigned.role,
        backend=str(assigned.backend),
        options=dict(assigned.backend.options),
        peers=tuple(other.role for other in cell.roles if other.role != assigned.role),
        parameters=cell.assigned,
        seed=cell.seed,
        perturb=perturb,
        after_run=after_run,
        runner=backend.runner,
        scenario=scenario.ref,
        own_implementation=backend.implements.get(cell.scenario, "") or scenario.native_body(backend),
        distributions=backend.distributions,
        schedules=backend.schedules,
        dialect=backend.dialect,
        in_force=backend.in_force,
        module=scenario.worker,
        report_fd=-1,
        order_fd=-1,
        progress_fd=-1,
        stacks_fd=-1,
    )
