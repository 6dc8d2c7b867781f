"""Names and globs → backends and scenarios."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.api import Backend, Scenario
from harness.host.place_names import parse_place
from harness.model import BackendSpec, NothingSelectedError

from .spec import parse_spec

if TYPE_CHECKING:
    from harness.plugins import Catalogue


def select_backends(texts: Iterable[str], catalogue: Catalogue) -> tuple[BackendSpec, ...]:
    """Return the specs of names, globs and `name:key=value` texts; all backends for none. In order, each once."""
    whole = [backend for backend in catalogue.backends.values() if not backend.control]
    names = [backend.name for backend in sorted(whole, key=_position)]
    chosen: dict[BackendSpec, None] = {}
    for text in tuple(texts) or ("*",):
        if _is_glob(text) and ":" not in text:
            where = parse_place(text)
            found = (name for name in names if fnmatchcase(name, where.name))
            chosen |= {parse_spec(str(replace(where, name=name)), catalogue): None for name in found}
        else:
            chosen[parse_spec(text, catalogue)] = None
    if not chosen:
        raise NothingSelectedError(
            f"no backend matches {' '.join(texts) or '*'}; there are {', '.join(names) or 'none'}"
        )
    return tuple(chosen)


def select_scenarios(texts: Iterable[str], catalogue: Catalogue) -> tuple[Scenario, ...]:
    """Return the scenarios of names and globs; all for none. In order, each once."""
    names = [scenario.name for scenario in sorted(catalogue.scenarios.values(), key=_position)]
    chosen: dict[str, Scenario] = {}
    for text in tuple(texts) or ("*",):
        if _is_glob(text):
            chosen |= {name: catalogue.scenarios[name] for name in names if fnmatchcase(name, text)}
        else:
            chosen[text] = catalogue.scenario(text)
    if not chosen:
        raise NothingSelectedError(
            f"no scenario matches {' '.join(texts) or '*'}; there are {', '.join(names) or 'none'}"
        )
    return tuple(chosen.values())


def _is_glob(text: str) -> bool:
    return any(character in text for character in "*?[")


def _position(declared: Backend | Scenario) -> tuple[int, str]:
    return declared.order, declared.name
