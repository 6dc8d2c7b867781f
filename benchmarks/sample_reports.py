"""Make the sample reports in `reports/examples` again, from a matrix that is run now.

    python benchmarks/sample_reports.py                    the default matrix: some minutes
    python benchmarks/sample_reports.py --preset quick     options go to `harness matrix`

The run lies in a temporary folder that is the working directory, so no path of this machine is in a report.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "reports" / "examples"
FORMATS = {
    "html": "report.html",
    "markdown": "report.md",
    "junit": "report.junit.xml",
    "json": "report.json",
    "terminal": "report.txt",
    "issue": "issue.md",
}
UNEXPECTED = 1
"""Exit code of a matrix that found something; its reports are samples as good as any."""


def main(options: list[str]) -> None:
    """Run a matrix and render it in each format."""
    with tempfile.TemporaryDirectory() as folder:
        matrix = [*_harness(), "matrix", *options]
        done = subprocess.run(matrix, cwd=folder, stdout=subprocess.DEVNULL, check=False)
        if done.returncode not in (0, UNEXPECTED):
            sys.exit(f"the matrix ended with exit code {done.returncode}")
        for name, file in FORMATS.items():
            report = [*_harness(), "report", "latest", "--format", name, "--output", str(EXAMPLES / file)]
            subprocess.run(report, cwd=folder, check=True)
            print(f"{file}: {(EXAMPLES / file).stat().st_size:,} bytes")


def _harness() -> list[str]:
    return [sys.executable, "-P", "-m", "harness.cli"]


if __name__ == "__main__":
    EXAMPLES.mkdir(exist_ok=True)
    main(sys.argv[1:])
