"""The interpreter of a role's worker, and whether the started backend is the requested one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from harness.api import Backend
from harness.model import FORMAT, Attestation, BackendSpec, Cell, Environment, Outcome

Refusal = tuple[Outcome, str]
_OF_ONE_INTERPRETER = ("PYTHONPATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX")
_SAID_BYTES = 4096


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter, and its expected versions. Without a name it is the runner's own, which is as it is."""

    name: str = ""
    interpreter: str = sys.executable
    python: str = ""
    """Its self-description when the run was planned."""
    version: str = ""
    """The version in the spec."""
    distribution: str = ""
    """The distribution that the version belongs to."""
    injected: str = ""
    """Folder of the packages that its workers import, where it has no harness of its own."""

    def find_refusal(self, attestation: Attestation) -> Refusal | None:
        """Return why a worker that sent its hello may not go on."""
        if not self.name:
            return None
        if attestation.format != FORMAT:
            speaks = f"speaks version {attestation.format}, this is {FORMAT}"
            return Outcome.INVALID_ENV, f"the worker in env {self.name} {speaks}: {self._say_again()}"
        if self.python and attestation.python != self.python:
            changed = f"was Python {self.python} when this was planned, and is {attestation.python}"
            return Outcome.INVALID_ENV, f"env {self.name} {changed}: {self._say_again()}"
        found = attestation.versions.get(self.distribution, "")
        if self.version and found and not _is_version(found, self.version):
            asked = f"{self.distribution}=={self.version}"
            return Outcome.WRONG_BACKEND, f"asked for {asked}, got {found} in env {self.name}"
        return None

    def describe_failed_start(self, said: bytes, code: int) -> Refusal | None:
        """Return the outcome of a worker that ended before its hello, by the end of its stderr."""
        if not self.name or code <= 0:
            return None
        why = find_error(said.decode(errors="replace")).removeprefix(f"{self.interpreter}: ")
        why = why or f"exit code {code} without a word"
        return Outcome.INVALID_ENV, f"no worker starts in env {self.name} ({self.interpreter}): {why}"

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables without those that are about another interpreter."""
        if not self.name:
            return dict(environment)
        own = {name: value for name, value in environment.items() if name not in _OF_ONE_INTERPRETER}
        if not self.injected:
            return own
        # Compiled files go to a folder of ours as well, so that nothing is written into the environment.
        return own | {"PYTHONPATH": self.injected, "PYTHONPYCACHEPREFIX": f"{self.injected}/__pycache__"}

    def _say_again(self) -> str:
        return "run harness env create again"


HERE = Interpreter()
"""The runner's own interpreter."""


def find_interpreter(spec: BackendSpec, backend: Backend, environments: Mapping[str, Environment]) -> Interpreter:
    """Return where a spec's worker runs; its environment must not be missing."""
    if not spec.place:
        return HERE
    environment = environments[spec.place]
    return Interpreter(
        name=spec.place,
        interpreter=environment.interpreter,
        python=environment.python,
        version=spec.version,
        distribution=next(iter(backend.distributions), ""),
        injected=environment.injected,
    )


def find_missing(cell: Cell, environments: Mapping[str, Environment]) -> str:
    """Return which environment of a cell is not there (any more), or an empty string."""
    for place in {assigned.backend.place for assigned in cell.roles} - {""}:
        known = environments.get(place)
        if known is None:
            return f"there is no environment {place!r}: make it with harness env create {place}"
        if not os.access(known.interpreter, os.X_OK):
            return f"env {place} has no interpreter {known.interpreter} any more: run harness env create again"
    return ""


def find_error(said: str) -> str:
    """Return the line that explains the failure from an interpreter's startup output, or nothing."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "Error" in line), lines[0] if lines else "")


def keep_end(before: bytes, more: bytes) -> bytes:
    """Return the end of the output, enough to find an error in."""
    return (before + more)[-_SAID_BYTES:]


def _is_version(found: str, asked: str) -> bool:
    try:
        return SpecifierSet(f"=={asked}", prereleases=True).contains(Version(found))
    except InvalidVersion:
        return True  # a module that does not tell: the installed distribution was looked at when this was planned
