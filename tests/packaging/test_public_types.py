"""What plugins are written against is typed and documented without a gap, as it is installed."""

import ast
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ("harness.api", "harness.model", "harness.testing")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of the programs of an environment in which the core lies as it is installed: pyright wants that."""
    home = tmp_path_factory.mktemp("types")
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(home)), check=True, timeout=100)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "shared.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n")
    (site / "harness").symlink_to(ROOT / "harness")
    return home / "bin"


@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed: pip install '.[lint]'")
@pytest.mark.parametrize("module", MODULES)
def test_every_public_symbol_has_a_type(installed, module):
    """By the verification of pyright; whatever comes from another package is that package's."""
    done = subprocess.run(
        (sys.executable, "-m", "pyright", "--verifytypes", module, "--ignoreexternal", "--outputjson"),
        cwd=installed,
        env=os.environ | {"PATH": f"{installed}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    if not done.stdout.lstrip().startswith("{"):
        pytest.skip(f"pyright cannot run here: {(done.stdout + done.stderr)[:200]}")
    said = json.loads(done.stdout)["typeCompleteness"]
    gaps = [
        (symbol["name"], [diagnostic["message"] for diagnostic in symbol["diagnostics"]])
        for symbol in said["symbols"]
        if symbol["isExported"] and (not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"])
    ]
    assert gaps == []
    assert said["exportedSymbolCounts"]["withKnownType"] > 100
    assert said["completenessScore"] == 1


def list_definitions(module: str) -> list[tuple[str, ast.AST]]:
    """Return the public classes and functions of a package's modules, with their names."""
    folder = ROOT / module.replace(".", "/")
    found = []
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_text())
        found.append((str(file.relative_to(ROOT)), tree))
        for owner in (tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")):
            found += [
                (f"{file.relative_to(ROOT)}: {getattr(owner, 'name', '')}.{node.name}", node)
                for node in owner.body
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
            ]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_everything_public_is_documented(module):
    """Modules, classes, functions and methods."""
    definitions = list_definitions(module)
    assert len(definitions) > 20
    assert [name for name, node in definitions if not ast.get_docstring(node)] == []


def test_it_says_that_it_is_typed():
    """The marker is where type checkers look for it, for the core and for every package that it ships."""
    packages = [ROOT / "harness", *ROOT.glob("backends/harness_*"), *ROOT.glob("scenarios/harness_*")]
    packages += ROOT.glob("reports/harness_*")
    assert len(packages) == 8
    assert [folder.name for folder in packages if not (folder / "py.typed").exists()] == []
