"""Read files of known differences: expected divergences, and breaches of the Runtime contract.

A file is TOML with a table `[[expected]]` or `[[breach]]` for each; its keys are the fields of
`harness.model.Expectation` and `harness.model.KnownBreach`.
"""

from __future__ import annotations

import tomllib
from importlib.resources.abc import Traversable

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from harness.model import Expectation, KnownBreach, UsageError


class _File(msgspec.Struct, forbid_unknown_fields=True):
    expected: list[Expectation] = []
    breach: list[KnownBreach] = []


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a file: `expectations`, and `breaches` of the contract."""

    expectations: tuple[Expectation, ...] = ()
    breaches: tuple[KnownBreach, ...] = ()


def read_known(file: Traversable, source: str = "") -> Known:
    """Return the known differences of a file. `source` names its plugin in messages; the default is the file's path.

    Raises:
        UsageError: the file cannot be read, or is not a list of expectations and breaches.
    """
    source = source or str(file)
    try:
        document = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _File)
    except OSError as exc:
        raise UsageError(f"cannot read expectations {source}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise UsageError(f"cannot read expectations {source}: {exc}") from exc
    for expectation in document.expected:
        _check(expectation, expectation.scenario, source)
    for breach in document.breach:
        _check(breach, breach.clause, source)
        _check_globs(breach, source)
    return Known(
        expectations=tuple(msgspec.structs.replace(expectation, source=source) for expectation in document.expected),
        breaches=tuple(msgspec.structs.replace(breach, source=source) for breach in document.breach),
    )


def read_expectations(file: Traversable, source: str = "") -> tuple[Expectation, ...]:
    """Return the expectations of a file, as `read_known` does.

    Raises:
        UsageError: as there.
    """
    return read_known(file, source).expectations


def _check(known: Expectation | KnownBreach, about: str, source: str) -> None:
    if not known.backends:
        raise UsageError(f"cannot read expectations {source}: {about!r} has no backends")
    if not known.reason.strip():
        raise UsageError(
            f"cannot read expectations {source}: {about!r} has no reason; write why it is accepted, or take it out"
        )
    for name, condition in known.when.items():
        if not is_condition(name, condition):
            raise UsageError(
                f"cannot read expectations {source}: {about!r} has the condition {name} = "
                f"{condition!r}, which is no version specifier such as '>=3.11,<3.13'"
            )


def _check_globs(breach: KnownBreach, source: str) -> None:
    for pattern in breach.backends:
        if "[" in pattern:
            raise UsageError(
                f"cannot read expectations {source}: {breach.clause!r} has the backend {pattern!r}, which no spec "
                "matches: only * and ? stand for something else"
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
