"""The shape of the project is kept by machine."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("harness", "backends", "scenarios", "saboteurs", "perturbations", "reports")


PLANTED = {
    "harness/plan/select.py": "harness.journal",
    "harness/journal/store.py": "harness.compare",
    "harness/host/noise.py": "harness.execute",
    "harness/model/work.py": "harness.wire",
    "harness/compare/rows.py": "harness_scenarios.plugin",
    "harness/session/budget.py": "trio",
    "reports/harness_reports/figures.py": "harness.session",
    "scenarios/harness_scenarios/load/echo.py": "harness.session",
    "scenarios/harness_scenarios/load/sink.py": "asyncio",
    "backends/harness_threads/plugin.py": "harness.testing",
    "backends/harness_asyncio/plugin.py": "harness.explore.shrink",
    "backends/harness_trio/plugin.py": "harness.plugins.load",
    "perturbations/harness_perturbations/plugin.py": "harness.execute",
    "saboteurs/harness_saboteurs/plugin.py": "harness.testing.contract",
}
"""Imports that the contracts refuse, by the file that each is planted in: one of each kind, and some former holes."""


def check_imports(folder):
    """Return the result of the contracts on the source roots below a folder."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    roots = os.pathsep.join(str(folder / top).removesuffix("/harness") for top in SOURCES)
    environment = {**os.environ, "PYTHONPATH": roots, "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_import_contracts_hold():
    """Stages do not import each other; plugins see the API only; a scenario imports no runtime."""
    checked = check_imports(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Return what the contracts say of a copy of the tree with a forbidden import of each kind."""
    copy = tmp_path_factory.mktemp("planted")
    for top in SOURCES:
        shutil.copytree(ROOT / top, copy / top, ignore=shutil.ignore_patterns("__pycache__", "examples", "*.html"))
    (copy / "tests").mkdir()
    for file in ("pyproject.toml", "tests/import_contracts.py"):
        shutil.copy(ROOT / file, copy / file)
    for file, module in PLANTED.items():
        with (copy / file).open("a") as source:
            source.write(f"\nimport {module}\n")
    return check_imports(copy)


@pytest.mark.parametrize("file", PLANTED)
def test_a_forbidden_import_is_refused(planted, file):
    """By its name."""
    parts = Path(file).with_suffix("").parts[0 if file.startswith("harness/") else 1 :]
    lines = [line.strip(" -") for line in planted.stdout.splitlines()]
    assert planted.returncode == 1, planted.stderr
    assert [line for line in lines if line.startswith(f"{'.'.join(parts)} -> {PLANTED[file]}")] != []


def test_every_plugin_root_has_a_list_of_what_it_may_import():
    """A root that is added is bound by a contract, or this fails; stages are bound by layers that are exhaustive."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contracts = settings["contracts"]
    bound = [root for contract in contracts if contract["type"] == "allowed" for root in contract["source_modules"]]
    assert sorted(bound) == sorted(set(settings["root_packages"]) - {"harness"})
    assert [contract.get("exhaustive") for contract in contracts if contract["type"] == "layers"] == [True]
    installed = {path.parent.name for top in SOURCES[1:] for path in (ROOT / top).glob("*/__init__.py")}
    assert installed == set(bound)


def test_no_module_has_a_name_that_says_nothing():
    """A module is named for the thing that is in it."""
    empty = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
    sources = [path for top in SOURCES for path in (ROOT / top).rglob("*.py")]
    assert [path for path in sources if path.stem in empty] == []
    assert [path for path in sources if path.read_text().count("\n") > 500] == []


def test_a_backend_can_be_read_beside_another_one():
    """Each backend that adapts a runtime has the same files; a loop that is asyncio's has only its factory."""
    names = {"plugin", "backend", "structure", "synchronisation", "channels", "streams", "offload", "introspection"}
    roots = [path.parent for path in (ROOT / "backends").glob("*/backend.py")]
    files = {root.name: {path.stem for path in root.glob("*.py")} for root in roots}
    assert files.pop("harness_uvloop") < files["harness_asyncio"]
    assert {name: names - found for name, found in files.items()} == {name: set() for name in files}


def test_a_worker_imports_little():
    """What a worker imports before the runtime is a short list: its start-up is part of every measurement."""
    code = "import sys, runpy\nimport harness.worker.role\nprint(' '.join(sys.modules))"
    listed = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    unwanted = {
        "pluggy",
        "rich",
        "click",
        "psutil",
        "asyncio",
        "trio",
        "importlib.metadata",
        "harness.model.comparison",
    }
    assert unwanted & set(listed.split()) == set()
