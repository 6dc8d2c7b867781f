"""Names and globs → backends and scenarios."""

from __future__ import annotations

import difflib
import re
from collections.abc import Container, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.api import Backend, Scenario
from harness.host.place_names import parse_place
from harness.model import BackendSpec, NothingSelectedError, UsageError

from .spec import parse_spec

if TYPE_CHECKING:
    from harness.plugins import Catalogue


def select_backends(texts: Iterable[str], catalogue: Catalogue) -> tuple[BackendSpec, ...]:
    """Return the specs of names, globs and `name:key=value` texts; all backends for none. In order, each once."""
    whole = [backend for backend in catalogue.backends.values() if not backend.control]
    names = [backend.name for backend in sorted(whole, key=_position)]
    chosen: dict[BackendSpec, None] = {}
    for text in tuple(texts) or ("*",):
        _refuse_list(text, "--backend", catalogue.backends)
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
        _refuse_list(text, "--scenario", catalogue.scenarios)
        if _is_glob(text):
            chosen |= {name: catalogue.scenarios[name] for name in names if fnmatchcase(name, text)}
        else:
            chosen[text] = catalogue.scenario(text)
    if not chosen:
        raise NothingSelectedError(
            f"no scenario matches {' '.join(texts) or '*'}{_similar(texts, names)}; all of them: harness list scenarios"
        )
    return tuple(chosen.values())


def _refuse_list(text: str, option: str, known: Container[str]) -> None:
    """Raise `UsageError` for several names in one value: the option is repeated instead."""
    names = text.split(",")
    if len(names) > 1 and all(name in known for name in names):
        words = " ".join(f"{option} {name}" for name in names)
        raise UsageError(f"cannot read {text!r} as one name; repeat the option: {words}")


def _similar(texts: Iterable[str], names: Sequence[str]) -> str:
    """Return the names that are nearest to the typed one, and the areas that there are if none is near."""
    bare = [re.sub(r"[*?\[\]]", "", text) for text in texts]
    near = [name for text in bare for name in difflib.get_close_matches(text, names, n=3, cutoff=0.5)]
    if near:
        return f"; similar: {', '.join(dict.fromkeys(near))}"
    areas = dict.fromkeys(name.partition(".")[0] for name in names)
    return f"; areas: {', '.join(areas) or 'none'}"


def _is_glob(text: str) -> bool:
    return any(character in text for character in "*?[")


def _position(declared: Backend | Scenario) -> tuple[int, str]:
    return declared.order, declared.name
