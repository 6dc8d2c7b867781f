"""The options that select the cells of a run, with their completion."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from harness.api import PRESETS
from harness.model import LIMITS, LOCAL, Request, UsageError

from .finite import FiniteFloat
from .stored import out_option

F = TypeVar("F", bound=Callable[..., Any])


def complete_backend(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a backend."""
    from harness.plugins import Plugins

    backends = Plugins().catalogue().backends.values()
    return [CompletionItem(b.name, help=b.summary) for b in backends if b.name.startswith(incomplete)]


def complete_scenario(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a scenario."""
    from harness.plugins import Plugins

    scenarios = Plugins().catalogue().scenarios.values()
    return [CompletionItem(s.name, help=s.question) for s in scenarios if s.name.startswith(incomplete)]


def complete_parameter(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete `name=` of a parameter of the scenarios named so far."""
    from harness.plugins import Plugins

    named = set(context.params.get("scenarios") or ())
    scenarios = [s for s in Plugins().catalogue().scenarios.values() if not named or s.name in named]
    found = {p.name: p.summary for s in scenarios for p in s.parameters if p.name.startswith(incomplete)}
    return [CompletionItem(f"{name}=", help=summary) for name, summary in found.items()]


def complete_perturbation(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a perturbation."""
    from harness.plugins import Plugins

    perturbations = Plugins().catalogue().perturbations.values()
    return [CompletionItem(p.name, help=p.summary) for p in perturbations if p.name.startswith(incomplete)]


def complete_limit(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a limit."""
    return [CompletionItem(f"{name}=", help=bounds) for name, bounds in LIMITS.items() if name.startswith(incomplete)]


def complete_executor(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of an executor."""
    from harness.plugins import Plugins

    executors = Plugins().catalogue().executors.values()
    return [CompletionItem(e.name, help=e.summary) for e in executors if e.name.startswith(incomplete)]


def parse_seconds(text: str) -> float:
    """Return the seconds of a time as people write it: `90`, `90s`, `5m`, `1.5h`.

    Raises:
        click.BadParameter: it is not a duration above zero.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smh]?)", text.strip().lower())
    if found is None or not float(found[1]):
        raise click.BadParameter(f"invalid duration {text!r}: use 90s, 5m or 1h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


RATIO_OPTIONS = (
    click.option(
        "--baseline",
        metavar="SPEC",
        shell_complete=complete_backend,
        help="Backend that ratios refer to [default: the first].",
    ),
    click.option(
        "--allow-disparity", is_flag=True, help="Report ratios even where a parity field (e.g. capacity) differs."
    ),
)

scenario_option = click.option(
    "--scenario",
    "-s",
    "scenarios",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_scenario,
    help="Scenario: a name or a glob (repeatable; default: all).",
)

_SELECTION = (
    click.option(
        "--backend",
        "-b",
        "backends",
        multiple=True,
        metavar="SPEC",
        shell_complete=complete_backend,
        help="Backend: a name, a glob, or name[==version][@env][:key=value,...] (repeatable; default: all).",
    ),
    click.option(
        "--env",
        "environments",
        multiple=True,
        metavar="NAME=PATH",
        help="Register an interpreter or virtualenv as NAME; use it as --backend asyncio@NAME (repeatable).",
    ),
    scenario_option,
    click.option(
        "--param",
        "-p",
        "--set",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE[,VALUE]",
        shell_complete=complete_parameter,
        help="Override a parameter of the preset; several values make several rows (repeatable).",
    ),
    click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="Repeat every cell."),
    click.option(
        "--budget",
        type=parse_seconds,
        metavar="TIME",
        help="Time limit of the run, e.g. 90s, 5m: one round, then extra rounds for confidence intervals.",
    ),
    click.option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed for run order and payloads."
    ),
    click.option(
        "--timeout",
        type=FiniteFloat(min=0, min_open=True),
        default=None,
        help="Time limit of each cell in seconds.",
    ),
    click.option(
        "--perturb",
        multiple=True,
        metavar="NAME[=VALUE],...",
        shell_complete=complete_perturbation,
        help="Run every cell under a harder condition (harness list perturbations).",
    ),
    click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=VALUE,...",
        shell_complete=complete_limit,
        help="Resource limits of a cell: memory=SIZE, processes=N, cpu=SECONDS, output=SIZE, fds=N.",
    ),
    click.option(
        "--executor",
        default=LOCAL.name,
        show_default=True,
        metavar="NAME",
        shell_complete=complete_executor,
        help="Executor that starts the processes of every cell (harness list executors).",
    ),
    click.option("--fail-fast", is_flag=True, help="Stop after the first unexpected finding."),
    click.option("--max-hangs", type=click.IntRange(1), metavar="N", help="Stop after N hung cells."),
    click.option(
        "--retries",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Repeat a cell that hangs, crashes or raises; if it then completes, it is flaky.",
    ),
    click.option(
        "--stress-count",
        type=click.IntRange(1),
        default=1,
        metavar="N",
        help="Number of rounds of behaviour scenarios.",
    ),
    click.option(
        "--stress-duration",
        type=parse_seconds,
        metavar="TIME",
        help="Keep repeating behaviour scenarios for this long, e.g. 30s, 5m.",
    ),
    click.option("--partition", default="", metavar="K/N", help="Run one of N parts of the rows (see merge)."),
    click.option(
        "--saboteurs", is_flag=True, help="Run deliberately broken backends to check that each fault is caught."
    ),
    click.option("--pairs", is_flag=True, help="Run each server against each client, in scenarios with both roles."),
    click.option(
        "--variants", is_flag=True, help="Also run every backend with each of its other idioms (io=sock, ...)."
    ),
    click.option("--server", metavar="SPEC", shell_complete=complete_backend, help="Backend of the server role."),
    click.option("--client", metavar="SPEC", shell_complete=complete_backend, help="Backend of the client role."),
    *RATIO_OPTIONS,
)


def default_jobs() -> int:
    """Return how many cells may run at a time: half of their time they wait."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, 2 * usable)


jobs_option = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1),
    default=default_jobs,
    metavar="N",
    help="Number of untimed cells to run in parallel [default: two per CPU, at most 8].",
)

fresh_option = click.option(
    "--fresh",
    is_flag=True,
    help="Start every process fresh; else those of cells without a verdict on figures are forked from a warm parent.",
)

_OUTPUT = (
    out_option,
    jobs_option,
    fresh_option,
    click.option(
        "--expectations",
        "expectation_files",
        multiple=True,
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="TOML file of known differences, in addition to those shipped with plugins (repeatable).",
    ),
    click.option(
        "--create-envs", is_flag=True, help="Create missing environments for version specs such as trio==0.29."
    ),
    click.option("--json", "json_file", metavar="FILE", help="Also write the JSON report to FILE (- for stdout)."),
    click.option("--quiet", "-q", is_flag=True, help="Hide progress; show only the verdict and the findings."),
    click.option("--verbose", "-v", is_flag=True, help="Also show every observation of every cell."),
)


def selection_options(function: F) -> F:
    """Add the options that select the cells of a run."""
    return reduce(lambda decorated, option: option(decorated), reversed(_SELECTION), function)


def preset_option(default: str) -> Callable[[F], F]:
    """Return the option that selects the preset; without a default, scenarios use their own default parameters."""
    shown = default or "one row, of the scenario's own defaults"
    return click.option(
        "--preset",
        type=click.Choice(PRESETS),
        default=default or None,
        help=f"Set of rows and amount of work [default: {shown}].",
    )


def output_options(function: F) -> F:
    """Add the options for output and reporting."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OUTPUT), function)


def build_request(**chosen: Any) -> Request:
    """Return the request of the selection options.

    Raises:
        UsageError: a parameter is not `name=value`, a text is not UTF-8, or the limit is not finite.
    """
    _check_storable(chosen)
    if is_everything(chosen):
        chosen["budget"] = _EVERYTHING_SECONDS
    else:
        chosen["bounded"] = chosen["budget"] is not None
    pairs = []
    for text in chosen.pop("parameters"):
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"cannot read parameter {text!r}: it is not name=value")
        pairs.append((name, value))
    chosen["preset"] = chosen["preset"] or ""
    environments = tuple(map(_parse_environment, chosen.pop("environments", ())))
    return Request(parameters=tuple(pairs), environments=environments, **chosen)


def _parse_environment(text: str) -> tuple[str, str]:
    from harness.host.place_names import is_environment_name

    name, equals, path = text.partition("=")
    if not equals or not path or not is_environment_name(name):
        raise UsageError(f"cannot read environment {text!r}: it is not NAME=PATH, of an interpreter")
    if not path.isprintable():
        raise UsageError(f"cannot read {text!r}: it has characters that cannot be printed")
    return name, str(Path(path).expanduser().absolute())


_EVERYTHING_SECONDS = 360.0
"""Budget of a matrix of everything, so that some of its figures have an interval."""


def is_everything(chosen: dict[str, Any]) -> bool:
    """Whether the request selects no scenarios and no duration."""
    narrowing = ("scenarios", "budget", "parameters", "perturb", "saboteurs", "partition", "stress_duration")
    once = chosen["rounds"] == chosen["stress_count"] == 1
    return chosen["preset"] == "default" and once and not any(chosen[name] for name in narrowing)


def _named(chosen: dict[str, Any]) -> list[str]:
    return [chosen[name] for name in ("server", "client", "baseline") if chosen[name] is not None]


def _check_storable(chosen: dict[str, Any]) -> None:
    # The request is stored with the run, in JSON, which has no stray bytes.
    texts = (*chosen["backends"], *chosen["scenarios"], *chosen["parameters"], *_named(chosen))
    for text in texts:
        if not text.isprintable():
            raise UsageError(f"cannot read {text!r}: it has characters that cannot be printed")
