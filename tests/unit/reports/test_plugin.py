"""What the plugin brings."""

import subprocess
import sys

from harness.compare import compare
from harness.model import RenderOptions
from harness_reports.plugin import harness_renderers

from .sample_runs import everything


def test_formats():
    """Each by its name, with its suffix, and each renders a run that has everything."""
    renderers = {renderer.name: renderer for renderer in harness_renderers()}
    assert {name: renderer.suffix for name, renderer in renderers.items()} == {
        "terminal": ".txt",
        "details": ".details.txt",
        "html": ".html",
        "markdown": ".md",
        "github": ".github.txt",
        "junit": ".junit.xml",
        "csv": ".csv",
        "issue": ".issue.md",
        "drop-in": ".drop-in.txt",
        "drop-in-markdown": ".drop-in.md",
        "drop-in-badge": ".drop-in.svg",
        "pyperf": ".pyperf.json",
        "asv": ".asv.json",
        "json": ".json",
    }
    run = everything()
    for name, renderer in renderers.items():
        figures = {"pyperf": "response p90", "asv": "response p90"}
        shown = "compared no candidate" if name.startswith("drop-in") else figures.get(name, "items lost")
        assert shown in renderer.render(run, compare(run), RenderOptions())


def test_loading_the_plugin_imports_nothing_heavy():
    """`harness list` must not wait for what renders reports."""
    code = "import harness_reports.plugin as p, sys; p.harness_renderers(); print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
