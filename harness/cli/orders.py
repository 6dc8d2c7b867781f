"""`harness orders`: questions under many orders of steps, and whether a difference is policy or semantics."""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from packaging.specifiers import SpecifierSet

from harness.model import (
    Nature,
    NothingSelectedError,
    Observed,
    PossibleAnswers,
    Request,
    RowId,
    describe_runtime,
    matches_glob,
)

from .plain import say
from .selection import complete_backend, default_jobs
from .state import State
from .stored import out_option

if TYPE_CHECKING:
    from harness.model import Run

ORDERS = 200
Answers = Mapping[str, Mapping[str, PossibleAnswers]]
"""By row and column."""


@click.command()
@click.argument("questions", nargs=-1, metavar="[QUESTION]...")
@click.option(
    "--backend", "-b", "backends", multiple=True, metavar="SPEC", shell_complete=complete_backend,
    help="Backend spec (repeatable) [default: every backend whose schedule can be controlled].",
)  # fmt: skip
@click.option("--schedules", type=click.IntRange(2), default=ORDERS, show_default=True, help="Orders of each question.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the orders.")
@click.option("--jobs", "-j", type=click.IntRange(1), default=default_jobs, metavar="N", help="Cells at a time.")
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
    order makes them agree. Answers are stored for the versions of a runtime, so that a question is asked once.

    \b
    Examples:
      harness orders
      harness orders 'lock.*' -b asyncio -b trio --schedules 1000
    """
    from harness.compare.policy import classify

    asker = Asker(state, out, backends, questions)
    if not asker.rows:
        raise NothingSelectedError(f"no question matches {' '.join(questions)}; see harness list scenarios")
    asker.ask(asker.labels if again else asker.find_missing(schedules), schedules, seed, jobs)
    answers = asker.read()
    natures = {
        row: classify({label: each.counts for label, each in answers.get(row, {}).items()}) for row in asker.rows
    }
    for row, nature in natures.items():
        say(f"{nature:13} {row}")
        if nature in (Nature.POLICY, Nature.SEMANTIC):
            _print_answers(answers[row])
    counts = Counter(natures.values())
    say("\n" + ", ".join(f"{counts[nature]} {nature}" for nature in Nature if counts[nature]))


def ask_once(state: State, out: Path, backends: Sequence[str], jobs: int, *, quiet: bool) -> None:
    """Ask the questions that have no stored answers for a runtime in its version."""
    asker = Asker(state, out, backends)
    if missing := asker.find_missing(ORDERS):
        if not quiet:
            say(f"asking {len(asker.rows)} questions under {ORDERS} orders, once for {', '.join(missing)}", err=True)
        asker.ask(missing, ORDERS, 0, jobs, quiet=quiet)


class Asker:
    """Finds the answers that are possible on each runtime, and stores them beside the runs."""

    def __init__(self, state: State, out: Path, backends: Sequence[str] = (), questions: Sequence[str] = ()) -> None:
        from harness.explore.orders import select_questions
        from harness.host.machine import describe_environment
        from harness.journal import RunStore

        self._state = state
        self._store = RunStore(out)
        self._environment = describe_environment(state.catalogue.distributions)
        self._questions = questions
        self.rows = [
            str(RowId(each.name, tuple(sorted(parameters.items()))))
            for each in select_questions(tuple(state.catalogue.scenarios.values()))
            if not questions or any(matches_glob(each.name, glob) for glob in questions)
            for parameters in each.preset_rows("default")
        ]
        self._runtimes = dict(self._describe(backends))

    @property
    def labels(self) -> list[str]:
        """The backends that can be asked here."""
        return list(self._runtimes)

    def _describe(self, backends: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield each column that can be asked here, with its versions."""
        from harness.plan.select import select_backends

        for spec in select_backends(backends, self._state.catalogue):
            backend = self._state.catalogue.backend_of(spec)
            is_here = not backend.requires_python or platform.python_version() in SpecifierSet(backend.requires_python)
            runtime = describe_runtime(backend.distributions, self._environment)
            if backend.schedules and is_here and not spec.place and "not installed" not in runtime:
                yield str(spec), runtime

    def read(self) -> Answers:
        """Return the stored answers of these rows and runtimes."""
        from harness.journal import read_answers

        found: dict[str, dict[str, PossibleAnswers]] = defaultdict(dict)
        for each in read_answers(self._store.root):
            if self._runtimes.get(each.label) == each.runtime and each.row in self.rows:
                found[each.row][each.label] = each
        return found

    def find_missing(self, orders: int) -> list[str]:
        """Return the columns that lack an answer to a question, or were asked under fewer orders."""
        answers = self.read()
        return [
            label
            for label in self.labels
            if any((each := answers.get(row, {}).get(label)) is None or each.orders < orders for row in self.rows)
        ]

    def ask(self, labels: Sequence[str], orders: int, seed: int, jobs: int, *, quiet: bool = False) -> None:
        """Ask the questions and store the answers."""
        from harness.explore.orders import FAMILIES, NAME
        from harness.journal import write_answers
        from harness.session import run_session

        from .progress import open_progress

        if not labels:
            return
        globs = ",".join(self._questions or [f"{family}.*" for family in FAMILIES])
        request = Request(
            backends=tuple(labels),
            scenarios=(NAME,),
            preset="",
            parameters=(("questions", globs), ("orders", str(orders))),
            seed=seed,
        )
        plugins, catalogue = self._state.plugins, self._state.catalogue
        with open_progress(plugins, quiet=quiet, colourless=self._state.colourless, lanes=jobs):
            outcome = run_session(request, plugins, catalogue, self._store, lanes=jobs)
        write_answers(self._store.root, self._collect(outcome.run, labels, orders))

    def _collect(self, run: Run, labels: Sequence[str], orders: int) -> Iterator[PossibleAnswers]:
        """Yield an entry for each row and column; one without answers for what cannot be asked in this way."""
        counts = {
            (record.cell.label, each.value["row"]): each.value["counts"]
            for record in run.records
            for each in record.observations
            if isinstance(each, Observed) and each.key == "answers"
        }
        for label in labels:
            for row in self.rows:
                found = counts.get((label, row), {})
                runtime = self._runtimes[label]
                yield PossibleAnswers(row=row, label=label, runtime=runtime, orders=orders, counts=found)


def _print_answers(answers: Mapping[str, PossibleAnswers]) -> None:
    for label, each in answers.items():
        total = sum(each.counts.values())
        given = "; ".join(f"{answer} ({count} of {total})" for answer, count in sorted(each.counts.items()))
        say(f"              {label}: {given or 'no answer under a schedule'}")
