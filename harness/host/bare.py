"""Interpreters without harness: they list their distributions, and get the code of a worker by path.

A worker needs the standard library, harness's own packages and its runtime. Nothing is written into the environment:
the packages are linked in a folder of ours, and compiled files go to another one.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.model import FORMAT, BackendSpec, Environment, UsageError

if TYPE_CHECKING:
    from harness.plugins import Catalogue

FOLDER = Path(".harness/injected")
"""Links to the packages of harness and of its plugins."""
_OLDEST = (3, 11)
_SECONDS = 60.0
_PROGRAM = """
import json, platform, sys
from importlib.metadata import distributions
found = {str(each.metadata["Name"]).lower().replace("_", "-"): each.version for each in distributions()}
facts = {"python": platform.python_version(), "implementation": sys.implementation.name}
print(json.dumps({**facts, "compiler": platform.python_compiler(), "versions": found}))
"""


def equip_if_bare(found: Environment, catalogue: Catalogue) -> Environment:
    """Return an environment that lacks harness as one that is given it by path; others as they are.

    Raises:
        UsageError: its Python is too old.
    """
    if "No module named" not in found.error:
        return found
    command = [found.interpreter, "-I", "-B", "-c", _PROGRAM]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
        facts = msgspec.convert(json.loads(done.stdout), Environment)
    except (OSError, subprocess.SubprocessError, ValueError):
        return found
    if tuple(map(int, facts.python.split(".")[:2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise UsageError(f"environment {found.name!r} has Python {facts.python}; a worker needs {oldest} or later")
    return msgspec.structs.replace(
        facts,
        name=found.name,
        interpreter=found.interpreter,
        harness=version("runtime-harness"),
        format=FORMAT,
        versions={name: facts.versions[name] for name in catalogue.distributions if name in facts.versions},
        injected=str(_link_packages(catalogue)),
    )


def require_runtime(environment: Environment, spec: BackendSpec, catalogue: Catalogue) -> None:
    """Raise `UsageError` if an environment that is given harness by path lacks the runtime of a backend."""
    backend = catalogue.backends.get(spec.name)
    if not environment.injected or backend is None:
        return
    missing = [name for name in backend.distributions if name not in environment.versions]
    if missing:
        place = f"environment {environment.name!r} ({environment.interpreter}, Python {environment.python})"
        raise UsageError(f"{place} has no {', '.join(missing)}, which {spec} needs; install it there")


def _link_packages(catalogue: Catalogue) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, target in _packages(catalogue):
        link = FOLDER / name
        if link.is_symlink() and link.readlink() == target:
            continue
        with tempfile.TemporaryDirectory(dir=FOLDER.parent, prefix="link-") as scratch:  # another run may do the same
            made = Path(scratch) / name
            made.symlink_to(target)
            made.replace(link)
    return FOLDER.absolute()


def _packages(catalogue: Catalogue) -> Iterator[tuple[str, Path]]:
    """Yield name and folder of each package that a worker may import: harness and those of its plugins."""
    references = [
        *(backend.runner for backend in catalogue.backends.values()),
        *(scenario.ref for scenario in catalogue.scenarios.values()),
        *(plugin.module for plugin in catalogue.plugins),
    ]
    for name in dict.fromkeys(["harness", *(each.partition(":")[0].partition(".")[0] for each in references)]):
        found = importlib.util.find_spec(name) if name else None
        for folder in (found.submodule_search_locations or ())[:1] if found else ():
            yield name, Path(folder)
