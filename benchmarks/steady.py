"""Are the verdicts of the behaviour scenarios the same, run after run?

    python benchmarks/steady.py [RUNS] [PRESET]

Runs `harness matrix -s '*.*'` several times, each with another seed, and prints every finding that is unexpected or
that not every run has. A question whose answer a scheduler draws has frequencies; its verdict must not change with
them. Goal: twenty runs, nothing unexpected, no verdict that comes and goes.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any


def run_once(folder: Path, number: int, preset: str) -> dict[str, Any]:
    """Return the report of one run."""
    report = folder / f"{number}.json"
    program = [sys.executable, "-P", "-m", "harness.cli"]
    what = ["matrix", "-s", "*.*", "--preset", preset, "--seed", str(number)]
    where = ["-q", "--json", str(report), "--out", str(folder / "runs")]
    subprocess.run([*program, *what, *where], check=False, capture_output=True)
    document: dict[str, Any] = json.loads(report.read_text())
    return document


def main() -> None:
    """Print what varies."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    preset = sys.argv[2] if len(sys.argv) > 2 else "default"
    verdicts: Counter[tuple[str, ...]] = Counter()
    with tempfile.TemporaryDirectory() as name:
        for number in range(1, runs + 1):
            started = time.monotonic()
            report = run_once(Path(name), number, preset)
            print(f"run {number}: {time.monotonic() - started:.0f} s, {report['verdict']['text']}", flush=True)
            for finding in report["findings"]:
                state = "unexpected" if finding["unexpected"] else "known" if finding["known"] else "allowed"
                for backend in finding["backends"]:
                    verdicts[state, finding["row_id"], backend, finding["title"]] += 1
    for (state, *what), count in sorted(verdicts.items()):
        if state == "unexpected" or count < runs:
            print(f"{state:10} {count:3} of {runs}  {'  '.join(what)}")
    print(f"{sum(count == runs for count in verdicts.values())} of {len(verdicts)} verdicts in every run")


if __name__ == "__main__":
    main()
