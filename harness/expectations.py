"""Read files of expected divergences.

A file is TOML with a table `[[expected]]` for each; its keys are the fields of `harness.model.Expectation`.
"""

from __future__ import annotations

import tomllib
from importlib.resources.abc import Traversable

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from harness.model import Expectation, UsageError


class _File(msgspec.Struct, forbid_unknown_fields=True):
    expected: list[Expectation] = []


def read_expectations(file: Traversable, source: str = "") -> tuple[Expectation, ...]:
    """Return the expectations of a file. `source` says in messages who brings them; nothing is the file's path.

    Raises:
        UsageError: the file cannot be read, or is not a list of expectations.
    """
    source = source or str(file)
    try:
        document = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _File)
    except OSError as exc:
        raise UsageError(f"cannot read expectations {source}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise UsageError(f"cannot read expectations {source}: {exc}") from exc
    for expectation in document.expected:
        _check(expectation, source)
    return tuple(msgspec.structs.replace(expectation, source=source) for expectation in document.expected)


def _check(expectation: Expectation, source: str) -> None:
    if not expectation.backends or not expectation.reason:
        missing = "backends" if not expectation.backends else "reason"
        raise UsageError(f"cannot read expectations {source}: {expectation.scenario!r} has no {missing}")
    for name, condition in expectation.when.items():
        if not is_condition(name, condition):
            raise UsageError(
                f"cannot read expectations {source}: {expectation.scenario!r} has the condition {name} = "
                f"{condition!r}, which is no version specifier such as '>=3.11,<3.13'"
            )


def is_condition(name: str, condition: str) -> bool:
    """Return whether a condition of an expectation can be understood."""
    if name == "system":
        return True
    try:
        SpecifierSet(condition)
    except InvalidSpecifier:
        return False
    return True
