"""What is installed is what was built: the wheel's names, and a plugin in a distribution of its own."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = Path(__file__).parent / "distribution"


def run(*command, env=None, cwd=None):
    return subprocess.run(
        command, env=os.environ | (env or {}), cwd=cwd, capture_output=True, text=True, check=False, timeout=200
    )


def build(project: Path, into: Path) -> Path:
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(into), str(project))
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Both wheels in one folder, before everything else on the path."""
    target = tmp_path_factory.mktemp("installed")
    demo = build(DEMO, tmp_path_factory.mktemp("demo"))
    command = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target))
    done = run(*command, str(wheel), str(demo))
    assert done.returncode == 0, done.stderr
    return {"PYTHONPATH": str(target), "NO_COLOR": "1"}


def test_the_wheels_names(wheel):
    """Nothing generic like `backends` or `scenarios` is installed at the top."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("/")[0] for name in archive.namelist()}
    packages = {name for name in names if not name.endswith(".dist-info")}
    assert packages == {
        "harness",
        "harness_asyncio",
        "harness_curio",
        "harness_perturbations",
        "harness_reports",
        "harness_scenarios",
        "harness_saboteurs",
        "harness_threads",
        "harness_trio",
        "harness_uvloop",
    }
    assert len(names - packages) == 1


def test_a_backend_of_another_distribution_is_listed(installed, tmp_path):
    """Its entry point is all that harness needs."""
    listed = run(sys.executable, "-P", "-m", "harness.cli", "list", "backends", env=installed, cwd=tmp_path)
    assert "demo " in listed.stdout, listed.stderr
    shown = run(sys.executable, "-P", "-m", "harness.cli", "plugins", env=installed, cwd=tmp_path)
    assert "harness_demo.plugin (harness-demo 0.1)" in shown.stdout


def test_a_backend_of_another_distribution_runs_the_matrix(installed, tmp_path):
    """It is attested by its own loop class and compared with the others."""
    command = ("matrix", "-b", "demo", "-b", "asyncio", "-s", "channel", "-s", "storm", "--preset", "quick")
    done = run(sys.executable, "-P", "-m", "harness.cli", *command, env=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo" in done.stdout
    journal = next((tmp_path / ".harness" / "runs").iterdir()) / "journal.jsonl"
    assert '"scheduler":"harness_demo.backend.DemoLoop"' in journal.read_text()
