"""Names of interpreters and virtual environments in backend specs: `name[==version][@environment]`."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

from harness.model import BackendSpec, UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def parse_place(text: str) -> BackendSpec:
    """Return the spec of `name[==version][@environment]`; the name may be a glob.

    Raises:
        UsageError: a version or the name of an environment is none.
    """
    rest, at, environment = text.partition("@")
    name, equals, version = rest.partition("==")
    if at and not is_environment_name(environment):
        raise UsageError(f"cannot read backend {text!r}: {environment!r} is no name of an environment, such as py313")
    if equals and not _is_version(version):
        raise UsageError(f"cannot read backend {text!r}: {version!r} is no version, such as 0.30.0")
    return BackendSpec(name, environment=environment, version=version)


def is_environment_name(text: str) -> bool:
    """Return whether an environment may be called so; its name is also that of a folder."""
    return _NAME.fullmatch(text) is not None


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
