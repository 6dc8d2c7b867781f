"""Environments between two others: the Python of one with the runtime of the other one."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

from harness.host.interpreters import find_registered
from harness.host.venvs import create_environment
from harness.model import Environment, UsageError


def describe_here(distribution: str) -> Environment:
    """Return the facts of the interpreter that runs here, as far as a crossing needs them."""
    try:
        versions = {distribution: version(distribution)} if distribution else {}
    except PackageNotFoundError:
        versions = {}
    return Environment(interpreter=sys.executable, python=platform.python_version(), versions=versions)


def make_crossings(
    sides: tuple[Environment, Environment], distribution: str, say: Callable[[str], None]
) -> Iterator[str]:
    """Make the environments between two, and yield their names; what cannot be had is said.

    There is none unless Python and the distribution both differ.

    Args:
        sides: the old environment and the new one.
        distribution: of the runtime.
        say: is called with each step.
    """
    first, second = sides
    versions = [side.versions.get(distribution) for side in sides]
    if first.python == second.python or None in versions or versions[0] == versions[1]:
        return
    for python, other in ((first, versions[1]), (second, versions[0])):
        name, requirement = f"py{python.python}-{distribution}-{other}", f"{distribution}=={other}"
        try:
            if find_registered(name) is None:
                create_environment(name, python.interpreter, (requirement,), say, bare=True)
            yield name
        except UsageError as exc:
            reason = str(exc).partition("; ")[0]  # the output of a compiler follows
            say(f"{requirement} on Python {python.python} cannot be had: {reason}")
