"""`harness orders`: questions under many orders of steps, and whether a difference is policy or semantics."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.model import NothingSelectedError, Observed, Request, matches_glob

from .plain import say
from .selection import complete_backend, default_jobs
from .state import State
from .stored import out_option

if TYPE_CHECKING:
    from harness.model import Run

KEPT = "orders.json"
"""In the folder beside the runs: by question and backend with its versions, how often each answer was given."""


@click.command()
@click.argument("questions", nargs=-1, metavar="[QUESTION]...")
@click.option(
    "--backend", "-b", "backends", multiple=True, metavar="SPEC", shell_complete=complete_backend,
    help="Backend spec (repeatable) [default: every backend whose schedule can be controlled].",
)  # fmt: skip
@click.option("--schedules", type=click.IntRange(2), default=200, show_default=True, help="Orders of each question.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the orders.")
@click.option("--jobs", "-j", type=click.IntRange(1), default=default_jobs, metavar="N", help="Questions at a time.")
@click.option("--again", is_flag=True, help="Also repeat questions with stored answers.")
@out_option
@click.pass_obj
def orders(
    state: State,
    *,
    questions: tuple[str, ...],
    backends: tuple[str, ...],
    schedules: int,
    seed: int,
    jobs: int,
    again: bool,
    out: Path,
) -> None:
    """Classify differences as policy or semantic, by schedules.

    A difference is policy if each runtime can give the same answer under some order that it allows, and semantic if no
    order makes them agree. Answers are kept for the versions of a runtime, so that a question is asked once.

    \b
    Examples:
      harness orders
      harness orders 'lock.*' -b asyncio -b trio --schedules 1000
    """
    from harness.compare.policy import classify
    from harness.explore.orders import NAME, select_questions
    from harness.journal import RunStore
    from harness.session import run_session

    from .explore import controlled
    from .explore_progress import open_explore_progress

    found = [
        each
        for each in select_questions(tuple(state.catalogue.scenarios.values()))
        if not questions or any(matches_glob(each.name, glob) for glob in questions)
    ]
    if not found:
        raise NothingSelectedError(f"no question matches {' '.join(questions)}; see harness list scenarios")
    kept_file = out.parent / KEPT
    kept: dict[str, dict[str, dict[str, int]]] = json.loads(kept_file.read_text()) if kept_file.exists() else {}
    missing = [each for each in found if again or not _is_kept(kept, each.name, schedules)]
    if missing:
        refs = ",".join(each.ref for each in missing)
        request = Request(
            backends=backends or tuple(controlled(state)),
            scenarios=(NAME,),
            preset="",
            parameters=(("question", refs), ("orders", str(schedules))),
            seed=seed,
        )
        with open_explore_progress(state.plugins, quiet=True):
            outcome = run_session(request, state.plugins, state.catalogue, RunStore(out), lanes=jobs)
        names = {each.ref: each.name for each in missing}
        kept |= _collect(outcome.run, names)
        kept_file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    verdicts = {each.name: classify(kept.get(each.name, {})) for each in found}
    for name, verdict in verdicts.items():
        say(f"{verdict:13} {name}")
        if verdict in ("policy", "semantic"):
            _print_answers(kept[name])
    counts = Counter(verdicts.values())
    say("\n" + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    say(f"kept: {kept_file}")


def _is_kept(kept: Mapping[str, Mapping[str, Mapping[str, int]]], name: str, schedules: int) -> bool:
    answers = kept.get(name, {})
    return bool(answers) and all(sum(each.values()) >= schedules for each in answers.values() if each)


def _collect(run: Run, names: Mapping[str, str]) -> dict[str, dict[str, dict[str, int]]]:
    """Return the answers by question and backend; the backend with the versions that ran."""
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for record in run.records:
        name = names.get(str(dict(record.cell.parameters).get("question", "")), "")
        for each in record.observations:
            if name and isinstance(each, Observed) and each.key == "answers":
                found[name][f"{record.cell.label} {_versions(record)}".strip()] = each.value
    return found


def _versions(record: Any) -> str:
    for role in record.result.roles.values() if isinstance(record.result.roles, dict) else record.result.roles:
        if role.attestation is not None:
            versions = " ".join(role.attestation.versions.values())
            return f"{versions} on Python {role.attestation.python}".strip()
    return ""


def _print_answers(answers: Mapping[str, Mapping[str, int]]) -> None:
    for backend, counts in answers.items():
        total = sum(counts.values())
        given = "; ".join(f"{answer} ({count} of {total})" for answer, count in sorted(counts.items()))
        say(f"              {backend}: {given or 'no answer under a schedule'}")
