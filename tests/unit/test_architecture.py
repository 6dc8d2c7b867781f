"""The shape of the project is kept by machine."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("harness", "backends", "scenarios", "saboteurs", "perturbations", "reports")


def test_import_contracts_hold():
    """Stages do not import each other; plugins see the API only; a scenario imports no runtime."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


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
