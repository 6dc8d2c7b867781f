"""How many of the planted faults the preset `quick` catches, of those that `default` catches.

    python -m benchmarks.detection [SCENARIO...]
    python -m benchmarks.detection 'lock.*' 'channel.*'

Runs `harness matrix --saboteurs` with the preset `quick`, and with `default` for the scenarios that must catch what
`quick` missed. A fault is caught if any of the scenarios that must catch it does. Prints the two scores, the faults
that `quick` misses with the rows that catch them, and the order of rows of scenarios that have several: the row with
the most faults first. Exits with 1 if `quick` catches less than 95 % of what `default` does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.compare import compare
from harness.journal import read_run
from harness.model import PLANTED, Run, matches_glob
from harness.plan.columns import find_caught
from harness.plugins import Plugins

LEAST_SHARE = 0.95
"""Of the faults that `default` catches, `quick` must catch this share."""
Caught = dict[str, set[str]]
"""By row, the faults that it caught."""


def list_caught(run: Run) -> Caught:
    """Return the faults that each row of a run with saboteurs caught; a row without any is there, empty."""
    comparison = compare(run)
    caught: Caught = {str(row.row): set() for row in comparison.rows}
    for finding in comparison.findings:
        if finding.known == PLANTED:
            caught[str(finding.row)].update(map(fault_of, finding.backends))
    return caught


def fault_of(label: str) -> str:
    """Return the fault of a column such as `saboteur:fault=item-lost`."""
    return label.partition("fault=")[2].partition(",")[0]


def sort_rows(caught: Caught) -> dict[str, list[str]]:
    """Return the rows of each scenario, by name, that of most faults first; of several rows only."""
    rows: dict[str, list[str]] = defaultdict(list)
    for row in caught:
        rows[row.partition("[")[0]].append(row)
    return {name: sorted(of, key=lambda row: -len(caught[row])) for name, of in rows.items() if len(of) > 1}


def describe(quick: Caught, default: Caught, planted: Iterable[str]) -> list[str]:
    """Return the lines of the report."""
    every = set(planted)
    by_quick, by_any = _all_faults(quick), _all_faults(quick) | _all_faults(default)
    score = f"caught by default: {len(by_any)}, by quick: {len(by_quick)} ({share(quick, default):.1%})"
    lines = [f"{len(every)} faults; {score}"]
    lines += [f"caught by neither: {fault}" for fault in sorted(every - by_any)]
    for fault in sorted(by_any - by_quick):
        lines.append(f"missed by quick: {fault}: {', '.join(row for row, of in default.items() if fault in of)}")
    for rows in sort_rows(default).values():
        lines.append("order: " + ", ".join(f"{row} ({len(default[row])})" for row in rows))
    return lines


def share(quick: Caught, default: Caught) -> float:
    """Return which share of the faults that `default` catches `quick` catches."""
    by_quick = _all_faults(quick)
    return len(by_quick) / max(1, len(by_quick | _all_faults(default)))


def _all_faults(caught: Caught) -> set[str]:
    return set().union(*caught.values())


def _run(preset: str, scenarios: Iterable[str]) -> Caught:
    selection = [word for name in scenarios for word in ("-s", name)]
    if not selection:
        return {}
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "harness.cli", "matrix", "--saboteurs", "--preset", preset, "-q", *selection]
        subprocess.run([*command, "--out", out], stdout=subprocess.DEVNULL, check=False)
        (folder,) = Path(out).iterdir()
        return list_caught(read_run(folder))


def _list_planted(globs: Iterable[str]) -> dict[str, set[str]]:
    """Return the faults that the selected scenarios must catch, each with their names."""
    planted: dict[str, set[str]] = defaultdict(set)
    catalogue = Plugins().catalogue()
    for name, scenario in catalogue.scenarios.items():
        if any(matches_glob(name, glob) for glob in globs):
            for saboteur in find_caught(scenario, catalogue):
                planted[saboteur.name].add(name)
    return planted


def main(globs: list[str]) -> int:
    """Run, and print the scores."""
    planted: Mapping[str, set[str]] = _list_planted(globs)
    quick = _run("quick", globs)
    missed = planted.keys() - _all_faults(quick)
    default = _run("default", sorted(set().union(*(planted[fault] for fault in missed))))
    print("\n".join(describe(quick, default, planted)))
    return int(share(quick, default) < LEAST_SHARE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["*"]))
