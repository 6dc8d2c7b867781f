"""Backend specs and parameter values: text → data, with errors that show the right form."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace
from packaging.specifiers import SpecifierSet

from harness.api import Backend, BackendOption, Parameter, Value
from harness.host.place_names import parse_place
from harness.model import BackendSpec, UsageError, format_value

if TYPE_CHECKING:
    from harness.plugins import Catalogue


_MOST_CHOICES = 8


def parse_spec(text: str, catalogue: Catalogue) -> BackendSpec:
    """Return the backend spec of `name[==version][@environment][:key=value,...]`, options in canonical order.

    Raises:
        UsageError: unknown backend, environment, option or value; the nearest one is suggested.
    """
    head, colon, rest = text.partition(":")
    where = parse_place(head)
    backend, name = catalogue.backend_of(where), where.name
    _check_place(where, backend, catalogue)
    chosen: dict[str, str] = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"cannot read backend {text!r}: {part!r} is not key=value")
        option = next((option for option in backend.options if option.name == key), None)
        if option is None:
            known = (option.name for option in backend.options)
            raise UsageError(f"backend {name!r} has no option {key!r}{nearest(key, known)}")
        if option.choices and value not in option.choices:
            raise UsageError(f"backend option {name}:{key} cannot be {value!r}; {_describe_choices(value, option)}")
        if value in option.unavailable:
            raise UsageError(f"backend option {name}:{key} cannot be {value!r} here: {option.unavailable[value]}")
        if key in chosen:
            raise UsageError(f"cannot read backend {text!r}: option {key!r} is given twice; leave one out")
        chosen[key] = value
    return replace(where, options=tuple(sorted(chosen.items())))


def _describe_choices(value: str, option: BackendOption) -> str:
    """Return the choices of an option; of many, those that are near and where to see all."""
    if len(option.choices) <= _MOST_CHOICES:
        return f"it is one of {', '.join(option.choices)}"
    near = difflib.get_close_matches(value, option.choices, n=3, cutoff=0.4) or option.choices[:3]
    return f"similar: {', '.join(near)}; all {len(option.choices)}: harness list backends -v"


def _check_place(spec: BackendSpec, backend: Backend, catalogue: Catalogue) -> None:
    distribution = next(iter(backend.distributions), "")
    if spec.version and not distribution:
        raise UsageError(f"backend {spec.name!r} has no version of its own; name an environment: {spec.name}@NAME")
    if not spec.place:
        return
    wanted = f" --with {distribution}=={spec.version}" if spec.version else ""
    environment = catalogue.environments.get(spec.place)
    if environment is None:
        known = ", ".join(catalogue.environments)
        others = f"; there are {known}" if known else ""
        also = ", or give --create-envs" if spec.version and not spec.environment else ""
        command = f"harness env create {spec.place}{wanted}"
        raise UsageError(f"backend {spec}: there is no environment {spec.place!r}{others}; make it: {command}{also}")
    found = environment.versions.get(distribution, "")
    if spec.version and found and not SpecifierSet(f"=={spec.version}", prereleases=True).contains(found):
        raise UsageError(
            f"backend {spec}: environment {spec.place!r} has {distribution} {found}; "
            f"make another: harness env create NAME{wanted}"
        )


def parse_value(parameter: Parameter, text: str) -> Value:
    """Return a parameter's value.

    Raises:
        UsageError: not of the parameter's type, not one of its choices, or out of its bounds.
    """
    value = _typed(parameter, text)
    if parameter.choices and value not in parameter.choices:
        choices = ", ".join(map(format_value, parameter.choices))
        raise UsageError(f"parameter {parameter.name!r} cannot be {text!r}; it is one of {choices}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if parameter.at_least is not None and value < parameter.at_least:
            raise UsageError(f"parameter {parameter.name!r} cannot be {text}; it is at least {parameter.at_least:g}")
        if parameter.at_most is not None and value > parameter.at_most:
            raise UsageError(f"parameter {parameter.name!r} cannot be {text}; it is at most {parameter.at_most:g}")
    return value


def _typed(parameter: Parameter, text: str) -> Value:
    if text == "none" and (parameter.nullable or parameter.default is None):
        return None
    sample = parameter.default
    if sample is None:
        sample = next((choice for choice in parameter.choices if choice is not None), 0)
    try:
        if isinstance(sample, bool):
            return {"true": True, "false": False}[text.lower()]
        value: Value = type(sample)(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(text)  # JSON has neither nan nor inf: the journal could not be read back
        return value
    except (ValueError, KeyError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}.get(type(sample), "text")
        also = " or none" if parameter.nullable else ""
        raise UsageError(f"parameter {parameter.name!r} cannot be {text!r}; it is {wanted}{also}") from None


def parse_named(texts: Iterable[str], known: Collection[str], noun: str) -> dict[str, str | None]:
    """Return what stands behind `=` by name, of texts such as `memory=512M,one-cpu`; nothing for a name alone.

    Raises:
        UsageError: an unknown name, or one that is given twice.
    """
    found: dict[str, str | None] = {}
    for part in (part.strip() for several in texts for part in several.split(",")):
        name, equals, text = part.partition("=")
        if name not in known:
            raise UsageError(f"unknown {noun} {name!r}{nearest(name, known)}")
        if name in found:
            raise UsageError(f"{noun} {name!r} is given twice; leave one out")
        found[name] = text if equals else None
    return dict(sorted(found.items()))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or what there is."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known) or 'none'}"
