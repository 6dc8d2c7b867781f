"""`harness list`: backends, scenarios, executors, perturbations and environments."""

from __future__ import annotations

from collections.abc import Iterable
from shutil import get_terminal_size
from textwrap import wrap

import click

from harness.api import Backend, Capability, Scenario
from harness.model import NothingSelectedError, format_value
from harness.plan import select_backends, select_scenarios

from .env import describe_registered
from .plain import say
from .selection import complete_scenario
from .state import State, help_if_alone

_LEAST_WIDTH = 24
"""Of a question beside a long name, in characters; below it the line gets longer than the terminal."""


@click.group(name="list", invoke_without_command=True)
@click.pass_context
def listing(context: click.Context) -> None:
    """List backends, scenarios, executors and more.

    \b
    Examples:
      harness list backends -v
      harness list scenarios
    """
    help_if_alone(context)


@listing.command()
@click.option("--verbose", "-v", is_flag=True, help="Also show options and capabilities.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def backends(state: State, *, verbose: bool, as_json: bool) -> None:
    """List the backends of the installed plugins.

    \b
    Examples:
      harness list backends -v
      harness list backends --json
    """
    catalogue = state.catalogue
    found = [catalogue.backend(spec.name) for spec in select_backends((), catalogue)] if catalogue.backends else []
    if as_json:
        from .documents import encode

        click.echo(encode(found))
        return
    state.warn_about_broken_plugins()
    for backend in found:
        say(f"{backend.name:16} {backend.summary}")
        if verbose:
            _backend_details(backend)


@listing.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def executors(state: State, *, as_json: bool) -> None:
    """List the executors, and problems with using them.

    \b
    Examples:
      harness list executors
      harness list executors --json
    """
    from .documents import ListedExecutor, encode

    found = [ListedExecutor.of(executor) for executor in state.catalogue.executors.values()]
    if as_json:
        click.echo(encode(found))
        return
    state.warn_about_broken_plugins()
    for executor in found:
        say(f"{executor.name:16} {executor.summary}" + (f" (not here: {executor.problem})" if executor.problem else ""))


@listing.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def perturbations(state: State, *, as_json: bool) -> None:
    """List the perturbations for --perturb.

    \b
    Examples:
      harness list perturbations
      harness list perturbations --json
    """
    from .documents import ListedPerturbation, encode

    found = [ListedPerturbation.of(perturbation) for perturbation in state.catalogue.perturbations.values()]
    if as_json:
        click.echo(encode(found))
        return
    state.warn_about_broken_plugins()
    for perturbation in found:
        say(f"{perturbation.name + perturbation.value:19} {perturbation.summary}")


@listing.command()
def environments() -> None:
    """List the environments that `harness env create` made here.

    \b
    Examples:
      harness list environments
    """
    for line in describe_registered():
        say(line)


@listing.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_scenario)
@click.option("--family", "-f", "families", multiple=True, metavar="NAME", help="Only this family (repeatable).")
@click.option(
    "--capability",
    "-c",
    "capabilities",
    multiple=True,
    type=click.Choice([capability.value for capability in Capability]),
    help="Only scenarios that need this capability (repeatable).",
)
@click.option("--verbose", "-v", is_flag=True, help="Also show contract, parameters and rows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def scenarios(
    state: State,
    names: tuple[str, ...],
    families: tuple[str, ...],
    capabilities: tuple[str, ...],
    *,
    verbose: bool,
    as_json: bool,
) -> None:
    """List the scenarios of the installed plugins by family.

    NAME is a name or a glob.

    \b
    Examples:
      harness list scenarios 'cancel.*' '*deadline*'
      harness list scenarios --family stream -v
      harness list scenarios --capability shield
    """
    chosen = select_scenarios(names, state.catalogue) if state.catalogue.scenarios else ()
    found = [
        scenario
        for scenario in chosen
        if (not families or _family_of(scenario) in families)
        and set(capabilities) <= {capability.value for capability in scenario.requires}
    ]
    if chosen and not found:
        raise NothingSelectedError(f"no scenario is left; families: {', '.join(_by_family(chosen))}")
    if as_json:
        from .documents import ListedScenario, encode

        click.echo(encode([ListedScenario.of(scenario) for scenario in found]))
        return
    state.warn_about_broken_plugins()
    for family, members in _by_family(found).items():
        say(f"{family}:")
        for scenario in members:
            _list_scenario(scenario, indent=2 + max(len(member.name) for member in members) + 2)
            if verbose:
                _scenario_details(scenario)


def _by_family(found: Iterable[Scenario]) -> dict[str, list[Scenario]]:
    """Return scenarios by the part of their names before the dot; those without one are general."""
    families: dict[str, list[Scenario]] = {}
    for scenario in found:
        families.setdefault(_family_of(scenario), []).append(scenario)
    return families


def _family_of(scenario: Scenario) -> str:
    family, dot, _ = scenario.name.partition(".")
    return family if dot else "general"


def _list_scenario(scenario: Scenario, indent: int) -> None:
    """Print name and question in two columns, for the width of the terminal (80 where there is none)."""
    width = max(get_terminal_size().columns, indent + _LEAST_WIDTH)
    name = f"  {scenario.name}".ljust(indent)
    for line in wrap(scenario.question, width, initial_indent=name, subsequent_indent=" " * indent):
        say(line)


def _backend_details(backend: Backend) -> None:
    for option in backend.options:
        choices = f" ({'|'.join(option.choices)})" if option.choices else ""
        say(f"    option {option.name}={option.default}{choices}: {option.summary}")
    for capability, offer in backend.capabilities.items():
        say(f"    {capability.value}: {offer.support.value}" + (f", {offer.note}" if offer.note else ""))


def _scenario_details(scenario: Scenario) -> None:
    say(f"    roles: {', '.join(scenario.roles)}")
    for sentence in scenario.contract:
        say(f"    must hold: {sentence}")
    for parameter in scenario.parameters:
        choices = f" ({'|'.join(map(format_value, parameter.choices))})" if parameter.choices else ""
        unit = f" {parameter.unit}" if parameter.unit else ""
        say(f"    {parameter.name}={format_value(parameter.default)}{unit}{choices}: {parameter.summary}")
    for preset in scenario.rows:
        say(f"    {preset}: {len(scenario.rows[preset])} rows")
    say()
