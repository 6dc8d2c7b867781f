"""The profile of a project: `[tool.harness]` in its pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from harness.api import Scenario
from harness.compare.advice import is_about
from harness.model import UsageError

FILE = "pyproject.toml"

profile_option = click.option(
    "--profile",
    is_flag=True,
    help="Take backends, environments, expectations and the features to ask about from [tool.harness].",
)


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The features that a project relies on, and its backends and environments."""

    uses: tuple[str, ...] = ()
    """Features, in words of a user; as of `harness advise`."""
    backends: tuple[str, ...] = ()
    """Backend specs."""
    environments: dict[str, str] = {}
    """By name, interpreters or virtual environments."""
    expectations: tuple[str, ...] = ()
    """Files of known differences, relative to the project."""


def read_profile(folder: Path) -> Profile:
    """Return the profile of the project in a folder.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    path = folder / FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("harness")
    except (OSError, ValueError) as exc:
        raise UsageError(f"cannot read {path}: {exc}; write a profile with: harness init") from exc
    if table is None:
        raise UsageError(f"{path} has no [tool.harness]; write it with: harness init")
    try:
        return msgspec.convert(table, Profile)
    except msgspec.ValidationError as exc:
        raise UsageError(f"cannot read [tool.harness] of {path}: {exc}") from exc


def apply_profile(profile: Profile, chosen: Mapping[str, Any], scenarios: Mapping[str, Scenario]) -> dict[str, Any]:
    """Return the options of a run with those of the profile where the command line has none."""
    own: dict[str, Any] = {
        "backends": profile.backends,
        "scenarios": select_about(profile.uses, scenarios),
        "environments": tuple(f"{name}={path}" for name, path in profile.environments.items()),
        "expectation_files": tuple(map(Path, profile.expectations)),
    }
    return {**chosen, **{name: value for name, value in own.items() if not chosen[name]}}


def select_about(uses: tuple[str, ...], scenarios: Mapping[str, Scenario]) -> tuple[str, ...]:
    """Return the scenarios about any of these features; all of them if there is no feature.

    Raises:
        UsageError: a feature has no scenario.
    """
    topics = {name: scenario.topics for name, scenario in scenarios.items()}
    for use in uses:
        if not any(is_about(name, use, topics) for name in scenarios):
            raise UsageError(f"no scenario is about {use!r}; features are {', '.join(list_features(scenarios))}")
    return tuple(name for name in scenarios if any(is_about(name, use, topics) for use in uses))


def split_features(options: Iterable[str]) -> tuple[str, ...]:
    """Return the features of several `--uses`, each of which may have several with commas between them."""
    return tuple(use.strip() for several in options for use in several.split(",") if use.strip())


def list_features(scenarios: Mapping[str, Scenario]) -> list[str]:
    """Return the words for features that scenarios declare."""
    return sorted({topic for scenario in scenarios.values() for topic in scenario.topics})
