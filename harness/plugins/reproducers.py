"""Standalone reproducers: which script asks a question of a backend, and its text."""

from __future__ import annotations

import importlib
from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.api import Backend, Scenario
from harness.model import BackendSpec


def read_script(scenario: Scenario, backend: Backend, spec: BackendSpec) -> str:
    """Return the reproducer of a question for a backend, or nothing if its package brings none.

    An idiom that is not the default one is part of the file's name, because it changes the calls of the script; the
    other options are left to the backend, which writes them into the text.
    """
    file = find_script(scenario, backend, spec)
    if file is None:
        return ""
    text = file.read_text(encoding="utf-8")
    if not backend.script_writer:
        return text
    module, _, function = backend.script_writer.partition(":")
    return str(getattr(importlib.import_module(module), function)(dict(spec.options), text))


def list_scripts(scenario: Scenario) -> list[str]:
    """Return the runtimes, with idioms that are not the default, for which a scenario brings a reproducer."""
    folder = _folder_of(scenario)
    if folder is None or not folder.is_dir():
        return []
    return sorted(file.name.removesuffix(".py") for file in folder.iterdir() if file.name.endswith(".py"))


def find_script(scenario: Scenario, backend: Backend, spec: BackendSpec) -> Traversable | None:
    """Return the file of the reproducer of a question for a backend, if its package brings one."""
    folder = _folder_of(scenario)
    if folder is None:
        return None
    idioms = {option.name: option.default for option in backend.options if option.is_idiom}
    chosen = [f"{key}={value}" for key, value in spec.options if key in idioms and value != idioms[key]]
    names = (".".join(filter(None, (runtime, ",".join(chosen)))) for runtime in (backend.name, backend.derives_from))
    return next((file for name in names if (file := folder / f"{name}.py").is_file()), None)


def _folder_of(scenario: Scenario) -> Traversable | None:
    package, _, folder = scenario.scripts.partition(":")
    return files(package) / folder / scenario.name if package else None
