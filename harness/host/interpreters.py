"""Environments: interpreters and virtual environments, each with a harness of its own, that cells can run in."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.host.bare import equip_if_bare, require_runtime
from harness.host.files import read_regular
from harness.host.place_names import is_environment_name, parse_place
from harness.model import BackendSpec, Environment, Request, UsageError

if TYPE_CHECKING:
    from harness.plugins import Catalogue

ROOT = Path(".harness/envs")
"""Where environments are made and found by their names."""
_RECORD = "harness-env.json"
_PROBE_SECONDS = 60.0


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a registered environment that are known without starting it."""

    name: str
    asked_python: str = ""
    requirements: tuple[str, ...] = ()
    made_with: str = ""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return ROOT / self.name

    @property
    def interpreter(self) -> Path:
        """Its Python; relative, so that it says nothing about whose machine this is."""
        return self.folder / "bin" / "python"


def list_registered() -> tuple[Registered, ...]:
    """Return the environments that `harness env create` made here, by name."""
    return tuple(_read(path) for path in sorted(ROOT.glob(f"*/{_RECORD}")))


def find_registered(name: str) -> Registered | None:
    """Return the environment of that name, if there is one."""
    path = ROOT / name / _RECORD
    return _read(path) if path.is_file() else None


def register(environment: Registered) -> None:
    """Have it found by its name."""
    (environment.folder / _RECORD).write_bytes(msgspec.json.encode(environment) + b"\n")


def remove_registered(name: str) -> None:
    """Remove the environment and its folder.

    Raises:
        UsageError: there is none, or its folder cannot be removed.
    """
    found = find_registered(name) if is_environment_name(name) else None
    if found is None:
        known = ", ".join(environment.name for environment in list_registered())
        raise UsageError(f"there is no environment {name!r} to remove; there are {known or 'none'}")
    try:
        shutil.rmtree(found.folder)
    except OSError as exc:
        raise UsageError(f"cannot remove {found.folder}: {exc.strerror}") from exc


def resolve_environments(request: Request, catalogue: Catalogue) -> tuple[Request, Catalogue]:
    """Return the request with the interpreter of each environment that it names, and a catalogue that knows them.

    Names found nowhere are left out: the parser of their spec reports them.

    Raises:
        UsageError: `--env` names a file that is no interpreter, an environment that no backend is run in, or one that
            lacks the runtime.
    """
    specs = [spec for spec in _specs(request) if spec.place]
    places = {spec.place: spec for spec in specs}
    given = dict(request.environments)
    for name in given:
        if name not in places:
            raise UsageError(f"no backend runs in environment {name!r} of --env; add one: --backend NAME@{name}")
    interpreters = {
        place: found for place, spec in places.items() if (found := given.get(place) or _look_up(spec, catalogue))
    }
    if not interpreters:
        return request, catalogue
    asked = {
        name: equip_if_bare(ask_environment(name, interpreter), catalogue) for name, interpreter in interpreters.items()
    }
    for spec in specs:
        if spec.place in asked:
            require_runtime(asked[spec.place], spec, catalogue)
    return (
        msgspec.structs.replace(request, environments=tuple(sorted(interpreters.items()))),
        msgspec.structs.replace(catalogue, environments=asked),
    )


def describe_others(catalogue: Catalogue) -> dict[str, Any]:
    """Return the facts stored with a run about the environments that it uses; nothing if it uses none."""
    facts = {name: environment.facts for name, environment in catalogue.environments.items()}
    return {"environments": facts} if facts else {}


def list_missing(request: Request, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield name and requirement of each environment that a version on a spec asks for and that is not there."""
    given = dict(request.environments)
    for spec in dict.fromkeys(_specs(request)):
        if spec.version and not spec.environment and spec.place not in given and not _look_up(spec, catalogue):
            yield spec.place, _requirement(spec, catalogue)


def ask_environment(name: str, interpreter: str) -> Environment:
    """Return the self-description of an interpreter; its `error` explains why it cannot be used.

    Raises:
        UsageError: there is no such program.
    """
    path = find_interpreter(name, interpreter)
    # Isolated: this process's path belongs to another interpreter.
    command = [str(path), "-I", "-m", "harness.cli.interpreter_facts"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return _unusable(name, path, f"said nothing within {_PROBE_SECONDS:g} s")
    except OSError as exc:
        return _unusable(name, path, f"cannot be started: {exc.strerror}")
    if done.returncode:
        return _unusable(name, path, _last_error(done.stderr.decode(errors="replace")))
    try:
        said = msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=Environment)
    except (msgspec.DecodeError, IndexError) as exc:
        return _unusable(name, path, f"its harness sends data that this one cannot read: {exc}")
    return msgspec.structs.replace(said, name=name, interpreter=str(path))


def find_interpreter(name: str, text: str) -> Path:
    """Return the interpreter that a path names: the program itself, or the folder of a virtual environment.

    Raises:
        UsageError: there is no such program.
    """
    # Not resolved: the interpreter of a virtual environment is a link, and knows by its name where it lies.
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        path = path / "bin" / "python"
    if not path.is_file() or not os.access(path, os.X_OK):
        raise UsageError(f"environment {name!r}: {path} is no interpreter")
    return path


def _specs(request: Request) -> Iterator[BackendSpec]:
    for text in (*request.backends, request.server, request.client, request.baseline):
        if text is not None:
            yield parse_place(text.partition(":")[0])


def _look_up(spec: BackendSpec, catalogue: Catalogue) -> str:
    found = find_registered(spec.place)
    if found is None and spec.version and not spec.environment:
        wanted = _requirement(spec, catalogue)
        found = next((other for other in list_registered() if wanted in other.requirements), None)
    return "" if found is None else str(found.interpreter)


def _requirement(spec: BackendSpec, catalogue: Catalogue) -> str:
    known = catalogue.backends.get(spec.name)
    distribution = next(iter(known.distributions), spec.name) if known is not None else spec.name
    return f"{distribution}=={spec.version}"


def _unusable(name: str, path: Path, error: str) -> Environment:
    return Environment(name=name, interpreter=str(path), error=error)


def _last_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = lines[0] if lines else "it failed without a word"
    return next((line for line in reversed(lines) if "Error" in line), first)


def _read(path: Path) -> Registered:
    try:
        return msgspec.json.decode(read_regular(path), type=Registered)
    except (OSError, msgspec.DecodeError) as exc:
        raise UsageError(f"cannot read {path}: {exc}; remove its folder") from exc
