"""What `harness plugin new` writes works before anything in it is changed."""

import json
import platform
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
KINDS = ("backend", "scenario", "renderer", "executor", "perturbation")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_complete(write, kind):
    """Project, package, tests and README, each without a placeholder, and the program says what to do next."""
    written = write(kind)
    files = {path.relative_to(written.folder).as_posix(): path for path in written.folder.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", f"src/harness_my_{kind}/py.typed"} <= files.keys()
    assert [name for name in files if name.startswith("tests/test_")] != []
    assert [name for name, path in files.items() if "$" in path.read_text().replace("\n$ ", "")] == []
    assert "pip install --editable" in written.said


@pytest.mark.parametrize("kind", KINDS)
def test_it_passes_its_own_tests(write, kind):
    """All of them, and there are some."""
    done = write(kind).pytest()
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize(
    ("kind", "noun"),
    [
        ("backend", "backends"),
        ("scenario", "scenarios"),
        ("renderer", None),
        ("executor", "executors"),
        ("perturbation", "perturbations"),
    ],
)
def test_it_is_listed(write, kind, noun):
    """By `harness plugins` with its distribution, and by `harness list`; a format is one that a report has."""
    written = write(kind)
    name = f"my-{kind}"
    plugins = written.harness("plugins").stdout
    assert f"harness_my_{kind}.plugin (harness-{name} 0.1.0)" in plugins
    assert "broken:" not in plugins
    if noun is None:
        assert f"report formats: {name}" in plugins
    else:
        assert re.search(rf"^ *{name}[ =]", written.harness("list", noun).stdout, re.MULTILINE)


def test_the_backend_runs_the_matrix(write):
    """It is attested by its own loop class."""
    written = write("backend")
    done = written.harness("run", "-b", "my-backend", "-s", "channel", "-p", "items=200", "--out", "runs", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    (journal,) = (written.home / "runs").glob("*/journal.jsonl")
    assert '"scheduler":"harness_my_backend.backend.MyBackendLoop"' in journal.read_text()


@pytest.mark.parametrize("style", ["thread", pytest.param("greenlet", marks=pytest.mark.slow)])
def test_a_backend_whose_calls_block_passes_the_check(write, style):
    """Before anything in it is changed; it is attested by its own class, and formatted, linted and typed."""
    written = write("backend", style)
    done = written.harness("plugin", "check", f"my-{style}", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["held"] == said["asked"] > 100
    for command in (("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy", "src")):
        checked = written.call("-m", *command, cwd=written.folder)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_scenario_finds_a_planted_difference(write):
    """Asyncio beside itself with an item lost: the lost item is a violation, of the broken one."""
    written = write("scenario")
    backends = ("-b", "asyncio", "-b", "saboteur:fault=item-lost")
    done = written.harness("matrix", *backends, "-s", "my-scenario", "--preset", "quick")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "items lost" in done.stdout


def test_the_format_renders_a_run(write):
    """A stored run, as a table."""
    written = write("renderer")
    done = written.harness("matrix", "-b", "asyncio", "-b", "trio", "-s", "channel.capacity-zero", "--preset", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = written.harness("report", "latest", "--format", "my-renderer")
    assert shown.returncode == 0, shown.stderr
    heads, row, *_ = shown.stdout.splitlines()
    assert {"asyncio", "trio"} <= set(heads.split())
    assert row.startswith("channel.capacity-zero")


def test_the_executor_starts_the_processes(write):
    """Those of both roles of a cell; the run says by whom they were started."""
    written = write("executor")
    selection = ("-b", "asyncio", "-s", "storm", "-p", "mode=burst", "-p", "connections=2")
    done = written.harness("run", *selection, "--executor", "my-executor", "--out", "runs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "started by my-executor" in done.stdout
    (journal,) = (written.home / "runs").glob("*/journal.jsonl")
    assert '"executor":"my-executor"' in journal.read_text()


def test_the_perturbation_is_in_effect(write):
    """The cell completes under it, and the run is stored with it; a value that is none is refused."""
    written = write("perturbation")
    selection = ("run", "-b", "threads", "-s", "channel", "-p", "items=200", "--out", "runs")
    done = written.harness(*selection, "--perturb", "my-perturbation=20")
    assert done.returncode == 0, done.stdout + done.stderr
    (journal,) = (written.home / "runs").glob("*/journal.jsonl")
    assert '"perturb":[["my-perturbation","20"]]' in journal.read_text()
    refused = written.harness(*selection, "--perturb", "my-perturbation=0")
    assert refused.returncode == 2
    assert "cannot be '0'; it is a whole number of microseconds above 0" in refused.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "command", [("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy", "src")], ids=" ".join
)
def test_it_is_formatted_linted_and_typed(write, kind, command):
    """With the settings of its own pyproject.toml."""
    done = write(kind).call("-m", *command, cwd=write(kind).folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_it_is_built_and_installed(write, tmp_path):
    """In an environment of its own, with the wheel of this tree: listed, checked by its own tests, run."""
    environment = tmp_path / "venv"
    python, wheels = str(environment / "bin" / "python"), tmp_path / "wheels"
    for project in (ROOT, write("backend").folder):
        build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(project))
        subprocess.run(build, check=True, capture_output=True, timeout=200)
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(environment)), check=True, timeout=100)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "shared.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n")
    install = (sys.executable, "-m", "pip", f"--python={python}", "install", "--no-deps", "--no-index", "--quiet")
    subprocess.run((*install, *map(str, wheels.iterdir())), check=True, timeout=200)
    for command, said in (
        (("-m", "harness.cli", "plugins"), "harness_my_backend.plugin (harness-my-backend 0.1.0)"),
        (("-m", "harness.cli", "list", "backends"), "my-backend "),
        (("-m", "pytest", "-q", "-p", "no:cacheprovider", str(write("backend").folder / "tests")), " passed"),
        (
            ("-m", "pytest", "-v", "-W", "error", "--harness-backend", "my-backend", "-k", "lock"),
            "harness[my-backend]::",
        ),
    ):
        done = subprocess.run((python, "-P", *command), capture_output=True, text=True, cwd=tmp_path, timeout=200)
        assert done.returncode == 0, done.stdout + done.stderr
        assert said in done.stdout


def test_the_backend_passes_the_check(write):
    """Every question that can be asked, and what it declares absent makes a scenario unsupported."""
    done = write("backend").harness("plugin", "check", "my-backend", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    known = {finding["question"] for finding in said["findings"] if finding["verdict"] == "known"}
    listed = tomllib.loads(next(write("backend").folder.glob("src/*/known.toml")).read_text())["breach"]
    here = platform.python_version()
    assert known == {each["clause"] for each in listed if here in SpecifierSet(each.get("when", {}).get("python", ""))}
    assert (said["passed"], said["held"]) == (True, said["asked"] - len(known))
    assert said["asked"] > 100
    verdicts = {finding["question"]: finding["verdict"] for finding in said["findings"]}
    assert verdicts["a scenario that needs an absent capability is unsupported"] == "holds"
