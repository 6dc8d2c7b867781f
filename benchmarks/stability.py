"""Whether each question gives the same set of answers in every round, on each backend.

    python -m benchmarks.stability ROUNDS SCENARIO... [-- OPTION...]
    python -m benchmarks.stability 20 'end.*' 'bridge.*' -- -b asyncio -b trio -b asyncio@py313

Runs `harness matrix --stress-count ROUNDS`, in forked cells, with the further options. The answers of a cell are the
values of its graded and exact keys, each counted once, and its outcome if it is not completed. Prints the questions
whose answers differ between rounds, with the number of rounds of each set, and exits with 1 if there are any.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from harness.api import Exact, Outcomes
from harness.journal import read_run
from harness.model import CellRecord, Observed, Outcome
from harness.plugins import Catalogue, Plugins

Answers = frozenset[str]


def read_answers(record: CellRecord, catalogue: Catalogue) -> Answers:
    """Return the set of answers of a cell."""
    judges = catalogue.scenario(record.cell.scenario).judges
    judged = {key for key, judge in judges.items() if isinstance(judge, Exact | Outcomes)}
    seen = (one for one in record.observations if isinstance(one, Observed) and one.key in judged)
    outcome = record.result.outcome
    failure = [] if outcome is Outcome.COMPLETED else [f"{outcome.value}: {record.result.reason}"]
    return frozenset([*(f"{one.key}: {one.value}" for one in seen), *failure])


def count_answers(records: Iterable[CellRecord], catalogue: Catalogue) -> dict[tuple[str, str], Counter[Answers]]:
    """Return, by row and backend, how many rounds gave each set of answers."""
    counts: dict[tuple[str, str], Counter[Answers]] = defaultdict(Counter)
    for record in records:
        if record.result.outcome is not Outcome.NOT_RUN:
            counts[str(record.cell.row), record.cell.label][read_answers(record, catalogue)] += 1
    return counts


def describe_varied(counts: dict[tuple[str, str], Counter[Answers]]) -> list[str]:
    """Return the lines of the rows whose rounds differ: the usual set, and how the others differ from it."""
    lines = []
    for (row, label), sets in sorted(counts.items()):
        (usual, times), *others = sets.most_common()
        if others:
            lines.append(f"{row} on {label}: {times} of {sets.total()} rounds agree")
            lines += [f"  {count}: {_difference(usual, answers)}" for answers, count in others]
    return lines


def _difference(usual: Answers, answers: Answers) -> str:
    more = [f"also {answer!r}" for answer in sorted(answers - usual)]
    return "; ".join([*more, *(f"without {answer!r}" for answer in sorted(usual - answers))])


def main(rounds: int, scenarios: list[str], options: list[str]) -> int:
    """Run, and print the questions that vary."""
    with tempfile.TemporaryDirectory() as out:
        selection = [word for name in scenarios for word in ("-s", name)]
        command = [sys.executable, "-m", "harness.cli", "matrix", *selection, *options]
        command += ["--stress-count", str(rounds), "-q", "--out", out]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        folders = list(Path(out).iterdir())
        if not folders:
            return done.returncode
        counts = count_answers(read_run(folders[0]).records, Plugins().catalogue())
    varied = describe_varied(counts)
    print("\n".join(varied))
    print(f"{len(counts)} questions on backends, {sum(c.total() for c in counts.values())} cells; verdict of the run:")
    print(f"exit code {done.returncode}; answers vary in {sum(len(c) > 1 for c in counts.values())}")
    return int(bool(varied))


if __name__ == "__main__":
    words = sys.argv[2:]
    split = words.index("--") if "--" in words else len(words)
    sys.exit(main(int(sys.argv[1]), words[:split], words[split + 1 :]))
