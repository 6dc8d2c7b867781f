"""Run → Comparison: judgement, computed from the stored facts and never stored among them.

Pure: the same run gives the same comparison, months later and where no scenario is installed (the run carries the
judges). A row is judged at a time:

    rows        group the records into rows and columns
    judge       the values of a row, by the judges that its scenario declares (trace: the first point of divergence)
    outcomes    outcomes of the cells
    hangs       questions that gave up waiting: their answer is a hang
    integrity   can the facts be believed? counts, exceptions, leftovers, keys
    pairs       the backend at fault where servers met clients
    expectations  which findings are known, and which known ones are gone (lineage: the heirs of each)
    summary     the grid, with the numbers that count and the reason where none does
    ratios      figures against those of the reference, with what their intervals allow to say (intervals)
    policy      whether an order of steps explains that backends answer differently
    completeness  planned cells that did not run: such a run has no verdict
    overall     a geometric mean over rows, which describes and decides nothing
    alias_check the reference against itself: can those verdicts be believed? (order_effects: what disturbed all)
    repeats     cells run again because other processes had the CPU, and whether that met all backends alike
    dependence  findings of a question whose prerequisite breaks on the same backend
    root_causes causes that findings share (traits: behaviour of a cell, with the facts that tell its cause)
    drop_in     whether a candidate behaves like its baseline
    suites      tests that differ, grouped by cause, and which of them differ alone as well
    proposals   what to write down as expected of a run that is accepted as it is
    transitions  two runs: what changed from one to the other (attribution: because of Python, the runtime or both)
"""

from __future__ import annotations

from harness.model import Comparison, Outcome, RowId, Run

from .alias_check import check_alias, withdraw_verdicts
from .columns import take_columns
from .completeness import describe_incomplete
from .dependence import mark_dependent
from .drop_in import judge_drop_in, list_doubtful
from .expectations import Expected
from .findings import WEIGHT, Judgement, bound_finding
from .hangs import name_hangs
from .integrity import judge_integrity
from .judge import judge_observations
from .outcomes import judge_flaky_cells, judge_outcomes_of_cells, judge_unavailable
from .overall import summarise_overall
from .pairs import name_culprits
from .policy import find_nature
from .proposals import Proposal, propose_expectations
from .repeats import count_repeats
from .root_causes import find_root_causes
from .rows import Row, all_records, group_rows, order_labels
from .stall_findings import judge_stalls
from .suites import list_failed, list_unconfirmed, summarise_suite
from .summary import summarise_row
from .transitions import compare_runs

__all__ = [
    "Proposal",
    "compare",
    "compare_runs",
    "find_doubtful",
    "list_failed",
    "propose_expectations",
    "summarise_suite",
    "take_columns",
]


def compare(run: Run) -> Comparison:
    """Return the results of a run: the grid, and the findings in order of weight."""
    records = all_records(run)
    labels = order_labels(run, records)
    rows = group_rows(run, records, labels)
    reference = run.started.plan.baseline or next(iter(labels), "")
    expected = Expected(run, reference)
    judged = [(row, expected.apply(row, judge_row(row))) for row in rows]
    incomplete = describe_incomplete(run, rows)
    everywhere = list(judge_unavailable(rows, run))
    if not incomplete:  # what did not occur in a part of a run may occur in the rest
        everywhere += [*expected.stale(), *expected.missed()]
    findings = [bound_finding(judgement.finding) for _, judgements in judged for judgement in judgements]
    findings += [judgement.finding for judgement in everywhere]
    summaries = tuple(
        summarise_row(row, [*judgements, *everywhere], reference, find_nature(row, run.started.answers))
        for row, judgements in judged
    )
    check = check_alias(run, summaries)
    ordered = mark_dependent(rows, sorted(findings, key=lambda finding: WEIGHT[finding.kind]))
    candidate = run.started.request.candidate
    return Comparison(
        run_id=run.started.run_id,
        labels=labels,
        reference=reference,
        self_check=check,
        rows=withdraw_verdicts(summaries) if check and check.failed else summaries,
        findings=ordered,
        note=_note_of(run, rows),
        incomplete=incomplete,
        repeats=count_repeats(run),
        overall=summarise_overall(summaries, reference),
        root_causes=find_root_causes(rows, ordered),
        drop_in=judge_drop_in(rows, candidate, run.started.expectations) if candidate else None,
    )


def find_doubtful(run: Run) -> tuple[RowId, ...]:
    """Return the rows of a run that need more rounds: its candidate differs from its baseline, or a test differs."""
    if run.started.request.suite is not None:
        return list_unconfirmed(run)
    candidate = run.started.request.candidate
    if candidate is None:
        return ()
    records = all_records(run)
    return tuple(row.id for row in list_doubtful(group_rows(run, records, order_labels(run, records)), candidate))


def judge_row(row: Row) -> list[Judgement]:
    """Return all findings about a row."""
    judgements = (judge_outcomes_of_cells, judge_flaky_cells, judge_observations, judge_integrity, judge_stalls)
    found = name_hangs(row, (judgement for judge in judgements for judgement in judge(row)))
    return name_culprits(row, list(found))


def _note_of(run: Run, rows: tuple[Row, ...]) -> str:
    """Report problems of the run itself."""
    outcomes = [cell.outcome for row in rows for cell in row.cells]
    notes = [run.note] if run.note else []
    if not run.complete and not run.note:
        notes.append("the journal has no footer: the run did not end, or was cut off")
    for outcome, text in ((Outcome.INTERRUPTED, "interrupted"), (Outcome.NOT_RUN, "not run")):
        if count := outcomes.count(outcome):
            notes.append(f"{count} of {len(outcomes)} cells {text}")
    return "; ".join(notes)
