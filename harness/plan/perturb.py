"""`--perturb one-cpu,nofile=64`: text → the conditions under which every cell of a run is executed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.api import Perturbation
from harness.model import UsageError, UserInterrupt
from harness.plugins.calls import CALLS

from .spec import parse_named


def parse_perturbations(texts: Iterable[str], perturbations: Mapping[str, Perturbation]) -> tuple[tuple[str, str], ...]:
    """Return names and values, in order of the names.

    Raises:
        UsageError: an unknown name, a value that is none, a name that is given twice, or a condition that this host
            cannot have.
    """
    named = parse_named(texts, perturbations, "perturbation")
    return tuple((name, _value(perturbations[name], text)) for name, text in named.items())


def _value(perturbation: Perturbation, text: str | None) -> str:
    name = perturbation.name
    try:
        with CALLS.running(f"perturbation {name!r}"):
            value = perturbation.parse(text)
            problem = perturbation.why_not_here(value) if perturbation.why_not_here is not None else ""
    except ValueError as exc:
        raise UsageError(f"perturbation {name} cannot be {text or ''!r}; it {exc}") from exc
    except UserInterrupt:
        raise
    except BaseException as exc:
        raise UsageError(f"perturbation {name} cannot be read: it raised {type(exc).__name__}: {exc}") from exc
    if not isinstance(value, str):
        raise UsageError(f"perturbation {name} cannot be read: its value is {type(value).__name__}, not str")
    if problem:
        raise UsageError(f"perturbation {name} cannot be used here: {problem}")
    return value
