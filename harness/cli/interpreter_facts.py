"""`python -m harness.cli.interpreter_facts`: the facts of an environment, as JSON on the last line of stdout."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import msgspec

from harness.model import FORMAT, Environment
from harness.plugins import Plugins


def describe() -> Environment:
    """Return the distributions installed for this interpreter."""
    backends = Plugins().catalogue().backends
    distributions = sorted({name for backend in backends.values() for name in backend.distributions})
    return Environment(
        python=platform.python_version(),
        implementation=sys.implementation.name,
        compiler=platform.python_compiler(),
        harness=_installed("runtime-harness"),
        format=FORMAT,
        versions={name: found for name in distributions if (found := _installed(name))},
        backends=dict(backends),
    )


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    print(msgspec.json.encode(describe()).decode())
