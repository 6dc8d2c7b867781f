"""`harness init`: the profile of a project, and a workflow with its gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from harness.api import Backend
from harness.host.place_names import parse_place
from harness.model import UsageError

from .plain import say
from .profile import FILE, list_features, select_about, split_features
from .selection import complete_backend
from .state import State

WORKFLOW = Path(".github/workflows/harness.yml")
_TESTS = ("tests", "test")
_STEPS = """\
name: runtimes
on: [push, pull_request]
permissions:
  contents: read
jobs:
  gate:
    runs-on: ubuntu-latest
    timeout-minutes: 20
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
      - run: pip install runtime-harness pytest
      - run: {install}
{gates}
      - if: ${{{{ failure() }}}}
        run: harness report latest --format markdown >> "$GITHUB_STEP_SUMMARY"
"""


@click.command(name="init")
@click.option(
    "--uses",
    multiple=True,
    metavar="FEATURE,...",
    help="Features that the project relies on [default: those whose words its source has].",
)
@click.option(
    "--backend",
    "-b",
    "backends",
    multiple=True,
    metavar="SPEC",
    shell_complete=complete_backend,
    help="Backend to compare (repeatable) [default: those that can run a test suite].",
)
@click.option("--force", is_flag=True, help="Replace a profile and a workflow that are there.")
@click.pass_obj
def init(state: State, uses: tuple[str, ...], backends: tuple[str, ...], *, force: bool) -> None:
    """Write the profile and a gate for the project in this folder.

    The profile is [tool.harness] in pyproject.toml: the features that the project relies on, and its backends. The gate
    is a workflow that runs the scenarios about these features, and the project's own tests, on each backend; it fails
    if something unexpected is found.

    \b
    Examples:
      harness init
      harness init --uses streams,timeouts,task-groups -b asyncio -b uvloop
    """
    catalogue = state.catalogue
    named = split_features(uses)
    select_about(named, catalogue.scenarios)  # refuses unknown features
    found = named or find_features(Path(), list_features(catalogue.scenarios))
    chosen = backends or tuple(_with_suites(catalogue.backends))
    for name in chosen:
        catalogue.backend(parse_place(name.partition(":")[0]).name)
    _write_profile(Path(FILE), found, chosen, force=force)
    _write_workflow(chosen, force=force)
    say(f"wrote [tool.harness] in {FILE}: uses {', '.join(found) or 'everything'}; backends {', '.join(chosen)}")
    say(f"wrote {WORKFLOW}\nnext: harness matrix --profile --preset quick")


def _read_sources(folder: Path) -> str:
    hidden = {*_TESTS, "build", "dist", "site-packages"}
    sources = [
        path
        for path in folder.rglob("*.py")
        if not any(part in hidden or part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in sources)


def find_features(folder: Path, features: Iterable[str]) -> tuple[str, ...]:
    """Return the features whose words are in the Python source of a project, outside of its tests.

    A word that is part of a longer one that is there (task, task group) counts for nothing.
    """
    squeezed = _read_sources(folder).lower().replace("_", "")
    stems = {feature: feature.replace("-", "").removesuffix("s") for feature in features}
    found = {feature: stem for feature, stem in stems.items() if stem in squeezed}
    parts = {stem for stem in found.values() for other in found.values() if stem != other and stem in other}
    return tuple(feature for feature, stem in found.items() if stem not in parts)


def _with_suites(backends: Mapping[str, Backend]) -> list[str]:
    return [name for name, backend in backends.items() if backend.in_force and not backend.control]


def _write_profile(path: Path, uses: Sequence[str], backends: Sequence[str], *, force: bool) -> None:
    import tomlkit

    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    tool = document.setdefault("tool", tomlkit.table(is_super_table=True))
    if "harness" in tool and not force:
        raise UsageError(f"{path} has [tool.harness] already; --force replaces it")
    table = tomlkit.table()
    table.add("uses", list(uses))
    table.add("backends", list(backends))
    tool["harness"] = table
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _write_workflow(backends: Sequence[str], *, force: bool) -> None:
    if WORKFLOW.exists() and not force:
        raise UsageError(f"{WORKFLOW} is there already; --force replaces it")
    tests = next((name for name in _TESTS if Path(name).is_dir()), "")
    specs = " ".join(f"-b {spec}" for spec in backends)
    gates = ["harness matrix --profile --preset quick", *([f"harness suite {tests} {specs}"] if tests else [])]
    is_distribution = "[build-system]" in Path(FILE).read_text(encoding="utf-8")
    install = "pip install ." if is_distribution else "pip install -r requirements.txt"
    text = _STEPS.format(gates="\n".join(f"      - run: {gate}" for gate in gates), install=install)
    WORKFLOW.parent.mkdir(parents=True, exist_ok=True)
    WORKFLOW.write_text(text, encoding="utf-8")
