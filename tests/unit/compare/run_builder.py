"""Runs that read well: `a_run(cell("trio", observed={"lost": 3}), cell("curio", observed={"lost": 0}), judges=...)`."""

from harness.api import Chart, Judge
from harness.compare import compare
from harness.model import (
    Attestation,
    BackendCard,
    BackendSpec,
    Cell,
    CellRecord,
    CellResult,
    CellSummary,
    ErrorReport,
    Finding,
    FindingKind,
    Observation,
    Observed,
    Outcome,
    Plan,
    Request,
    RoleBackend,
    RoleResult,
    Run,
    RunStarted,
    ScenarioCard,
    SkippedCell,
    Step,
    Unhandled,
)


def spec(text: str) -> BackendSpec:
    """Parse `name:key=value`."""
    name, _, options = text.partition(":")
    pairs = tuple(tuple(option.split("=")) for option in options.split(",")) if options else ()
    return BackendSpec(name, pairs)


def attested(holds: bool = True) -> Attestation:
    """Return an attestation that holds, or not."""
    scheduler = "trio.Runner" if holds else "asyncio.Loop"
    return Attestation(
        scheduler=scheduler,
        expected="trio.*",
        python="3.11.7",
        implementation="cpython",
        gil=True,
        versions={"trio": "0.35.0"},
    )


def error(kind: str = "ValueError", message: str = "no", leaves: tuple[str, ...] = ()) -> ErrorReport:
    """Return an exception with a short traceback."""
    traceback = f'Traceback (most recent call last):\n  File "s.py", line 1, in main\n{kind}: {message}\n'
    return ErrorReport(type=kind, message=message, traceback=traceback, leaves=leaves)


def unhandled(kind: str = "OSError", message: str = "lost", context: str = "task died") -> Unhandled:
    """Return an exception that nobody awaited."""
    return Unhandled(context=context, error=error(kind, message))


def steps(role: str = "main", **actors: str) -> list[Observation]:
    """Return the steps of actors, `reader="wait wake end"`, one actor after the other."""
    return [
        Step(role=role, actor=actor, what=what, at=0.1 * number)
        for actor, text in actors.items()
        for number, what in enumerate(text.split())
    ]


def cell(
    backend: str,
    outcome: Outcome = Outcome.COMPLETED,
    *facts: Observation,
    reason: str = "",
    round: int = 1,  # noqa: A002 - the word of the domain
    scenario: str = "drain",
    parameters: dict | None = None,
    holds: bool | None = True,
    observed: dict | None = None,
    evidence: str = "",
    **result: object,
) -> CellRecord:
    """Return a record. `observed` maps keys to a value, or to a list of the values of repetitions.

    `result` goes to the result of its only role; a backend `a+b` is a cell with a server and a client.
    """
    names = ["server", "client"] if "+" in backend else ["main"]
    roles = tuple(RoleBackend(n, spec(b)) for n, b in zip(names, backend.split("+"), strict=True))
    the_cell = Cell(
        scenario=scenario, roles=roles, parameters=tuple(sorted((parameters or {}).items())), round=round, seed=round
    )
    ran = outcome not in (Outcome.UNAVAILABLE, Outcome.UNSUPPORTED, Outcome.NOT_RUN)
    attestation = attested(holds) if ran and holds is not None else None
    results = tuple(
        RoleResult(
            role=role.role,
            backend=str(role.backend),
            outcome=outcome,
            reason=reason,
            attestation=attestation,
            **(result if role is roles[-1] else {}),
        )
        for role in roles
    )
    return CellRecord(
        cell=the_cell,
        result=CellResult(
            cell_id=the_cell.id, outcome=outcome, reason=reason, seconds=1.5, roles=results, evidence=evidence
        ),
        observations=(*facts, *observations(observed or {}, names[-1])),
    )


def observations(observed: dict, role: str = "main") -> list[Observation]:
    """Return observations of keys; a list is the values of repetitions."""
    return [
        Observed(role=role, key=key, value=value, at=0.5)
        for key, values in observed.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def a_run(
    *records: CellRecord,
    judges: dict[str, Judge] | None = None,
    headline: str = "",
    conserved: dict[str, tuple[str, ...]] | None = None,
    complete: bool = True,
    seed: int = 0,
    timeout: float | None = None,
    skipped: tuple[SkippedCell, ...] = (),
    planned: tuple[Cell, ...] = (),
    hints: dict[str, str] | None = None,
    note: str = "",
    environment: dict | None = None,
    charts: tuple[Chart, ...] = (),
    prerequisites: dict[str, tuple[str, ...]] | None = None,
) -> Run:
    """Return a run of these records; every scenario in it has the same judges. `prerequisites` are by scenario."""
    backends = dict.fromkeys(str(role.backend) for record in records for role in record.cell.roles)
    roles = {record.cell.scenario: tuple(role.role for role in record.cell.roles) for record in records}
    scenarios = [
        ScenarioCard(
            name=name,
            question="what happens?",
            contract=("nothing is lost",),
            headline=headline,
            judges=judges or {},
            conserved=conserved or {},
            roles=roles[name],
            charts=charts,
            prerequisites=(prerequisites or {}).get(name, ()),
        )
        for name in roles
    ]
    return Run(
        started=RunStarted(
            run_id="r1",
            started_at="2026-01-01T00:00:00Z",
            request=Request(timeout=timeout, preset="quick"),
            plan=Plan(cells=(*(record.cell for record in records), *planned), skipped=skipped, seed=seed),
            scenarios=tuple(scenarios),
            backends=tuple(
                BackendCard(
                    label=label, name=label.split(":")[0], summary="", install_hint=(hints or {}).get(label, "")
                )
                for label in backends
            ),
            environment=environment or {},
        ),
        records=records,
        complete=complete,
        note=note,
    )


def findings_of(run: Run, *kinds: FindingKind) -> list[Finding]:
    """Return the findings of a run, or those of some kinds."""
    return [finding for finding in compare(run).findings if not kinds or finding.kind in kinds]


def only_finding(run: Run) -> Finding:
    """Return the finding of a run that has one."""
    (finding,) = findings_of(run)
    return finding


def groups_of(finding: Finding) -> dict[str, tuple[str, ...]]:
    """Return who saw which value, as `backend 1/3` where it was not seen always."""
    groups: dict[str, tuple[str, ...]] = {}
    for group in finding.groups:
        share = "" if group.seen == group.of else f" {group.seen}/{group.of}"
        groups[group.value] = (*groups.get(group.value, ()), *(f"{label}{share}" for label in group.backends))
    return groups


def square_of(run: Run, backend: str) -> CellSummary:
    """Return a square of a run with one row."""
    (row,) = compare(run).rows
    return next(cell for cell in row.cells if cell.label == backend)
