"""Make the sample reports in `reports/examples` again, and pictures of them, from a matrix that is run now.

    python benchmarks/sample_reports.py                    a small matrix: a minute
    python benchmarks/sample_reports.py --budget 10m       options go to `harness matrix`
    python benchmarks/sample_reports.py --of FOLDER        the latest run in FOLDER/.harness, which was made there

The run lies in a temporary folder that is the working directory, and the checkout is shown as `~/harness`, so no path
of this machine is in a report. The picture of the page needs a `chromium` on the PATH; without one it is left as it is.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "reports" / "examples"
FORMATS = {"html": "report.html", "terminal": "report.txt"}
SELECTION = ("-s", "lock.*", "-s", "channel", "--preset", "quick")
"""A small matrix: each new sample is kept for ever in the repository, and a page of the default one has megabytes."""
PLANTED = ("-b", "asyncio", "-b", "trio", "-b", "saboteur:fault=wake-up-lost", "-s", "channel.s*")
"""A run with a planted hang."""
ONLY_RESULTS = "header.top, main > :not(#results), footer { display: none }"
"""A style: a browser without a window draws nothing above the place to which a page has scrolled."""
PICTURES = ROOT / "docs" / "how-to" / "images"
WIDTH, LINES = 100, 44
"""Of the picture of the terminal, in characters and lines."""
UNEXPECTED = 1
"""Exit code of a matrix that found something; its reports are samples as good as any."""


def main(options: list[str]) -> None:
    """Run a matrix, or take one that was run, and render it in each format."""
    if options[:1] == ["--of"]:
        render(Path(options[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            matrix = [*_harness(), "matrix", *(options or SELECTION)]
            done = subprocess.run(matrix, cwd=folder, stdout=subprocess.DEVNULL, check=False)
            if done.returncode not in (0, UNEXPECTED):
                sys.exit(f"the matrix ended with exit code {done.returncode}")
            render(Path(folder))
    draw_page()
    draw_finding()
    for sample in sorted(EXAMPLES.iterdir()):
        print(f"{sample.name}: {sample.stat().st_size:,} bytes")


def render(folder: Path) -> None:
    """Render the latest run that was made in a folder."""
    for name, file in FORMATS.items():
        report = [*_harness(), "report", "latest", "--format", name, "--output", str(EXAMPLES / file)]
        subprocess.run(report, cwd=folder, check=True)
        sample = EXAMPLES / file
        sample.write_text(hide_checkout(sample.read_text()))
    draw_terminal(folder)


def hide_checkout(text: str) -> str:
    """Return a text in which the path of this checkout, also one that is cut, is `~/harness`."""
    whole = str(ROOT)
    for length in range(len(whole), whole.index("/", 1), -1):
        text = text.replace(whole if length == len(whole) else f"{whole[:length]}…", "~/harness")
    return text


def draw_terminal(folder: Path) -> None:
    """Draw a terminal's view of the run: its last screen."""
    report = [*_harness(), "--color", "always", "report", "latest"]
    wide = {**os.environ, "COLUMNS": str(WIDTH)}
    done = subprocess.run(report, cwd=folder, env=wide, stdout=subprocess.PIPE, check=True, text=True)
    shown = done.stdout.splitlines()[-LINES:]
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi("\n".join(shown)))
    console.save_svg(str(EXAMPLES / "terminal.svg"), title="harness matrix")


def draw_page() -> None:
    """Draw the first screen of the page."""
    take_picture((EXAMPLES / "report.html").as_uri(), EXAMPLES / "page.png", "1280,1100")


def draw_finding() -> None:
    """Draw the page of a run with a planted hang, and the row in which it is found, for the documentation."""
    with tempfile.TemporaryDirectory() as folder:
        matrix = [*_harness(), "matrix", *PLANTED]
        subprocess.run(matrix, cwd=folder, stdout=subprocess.DEVNULL, check=False)
        (page,) = Path(folder).glob(".harness/runs/*/report.html")
        page.write_text(hide_checkout(page.read_text()))
        (row,) = re.findall(r'"id":"(row-[^"]+)","anchor":"[^"]+","n":"channel.slow', page.read_text())
        take_picture(page.as_uri(), PICTURES / "page-with-a-bug.png", "1000,700")
        page.write_text(page.read_text().replace("</head>", f"<style>{ONLY_RESULTS}</style></head>", 1))
        take_picture(f"{page.as_uri()}#open={row}", PICTURES / "row-with-a-bug.png", "1000,1150")


def take_picture(address: str, file: Path, size: str) -> None:
    """Draw what a browser shows of an address."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print(f"no chromium on the PATH: {file.name} is left as it is")
        return
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size}"]
    target = [f"--screenshot={file}", address]
    subprocess.run([browser, *options, *target], check=True, stderr=subprocess.DEVNULL, timeout=120)


def _harness() -> list[str]:
    return [sys.executable, "-P", "-m", "harness.cli"]


if __name__ == "__main__":
    EXAMPLES.mkdir(exist_ok=True)
    main(sys.argv[1:])
