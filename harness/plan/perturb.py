"""`--perturb one-cpu,nofile=64`: text → what disturbs every cell of a run."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model import UsageError

from .spec import parse_named

_SIZES = {"k": 1 << 10, "m": 1 << 20}
PERTURBATIONS = {
    "one-cpu": "all roles of a cell share one CPU",
    "cpu-hog": "processes that spin beside the cell; a number, default one for each CPU",
    "nofile": "limit of open files, e.g. nofile=64",
    "sndbuf": "send buffer of every socket, e.g. sndbuf=4k",
    "rcvbuf": "receive buffer of every socket, e.g. rcvbuf=4k",
    "gc": "aggressive: collect at every allocation; off: never",
}
"""Names, with what each does."""
_WITHOUT_VALUE = ("one-cpu", "cpu-hog")
_COLLECTORS = ("aggressive", "off")


def parse_perturbations(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the perturbations, sizes in bytes, in order of their names.

    Raises:
        UsageError: an unknown name, a value that is none, or a name that is given twice.
    """
    named = parse_named(texts, PERTURBATIONS, "perturbation")
    return tuple(
        (name, "" if text is None and name in _WITHOUT_VALUE else _value(name, text or ""))
        for name, text in named.items()
    )


def _value(name: str, text: str) -> str:
    if name == "gc":
        if text not in _COLLECTORS:
            raise UsageError(f"perturbation gc cannot be {text!r}; it is one of {', '.join(_COLLECTORS)}")
        return text
    digits, unit = (text[:-1], text[-1:].lower()) if text[-1:].lower() in _SIZES else (text, "")
    if name == "one-cpu" or not digits.isdecimal() or int(digits) < 1:
        wanted = "takes no value" if name == "one-cpu" else "is a whole number above 0, or one with k or m"
        raise UsageError(f"perturbation {name} cannot be {text!r}; it {wanted}")
    return str(int(digits) * _SIZES.get(unit, 1))
