"""`harness list`: what there is."""

from __future__ import annotations

import click
import msgspec

from harness.api import Backend, Scenario
from harness.model import format_value

from .state import State


@click.group(name="list")
def listing() -> None:
    """List backends or scenarios.

    \b
    Examples:
      harness list backends -v
      harness list scenarios
    """


@listing.command()
@click.option("--verbose", "-v", is_flag=True, help="Also options and capabilities.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def backends(state: State, *, verbose: bool, as_json: bool) -> None:
    """List the backends that the installed plugins bring."""
    found = tuple(state.catalogue.backends.values())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    state.warn_about_broken_plugins()
    for backend in found:
        click.echo(f"{backend.name:16} {backend.summary}")
        if verbose:
            _backend_details(backend)


@listing.command()
@click.option("--verbose", "-v", is_flag=True, help="Also contract, parameters and rows.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def scenarios(state: State, *, verbose: bool, as_json: bool) -> None:
    """List the scenarios that the installed plugins bring."""
    found = tuple(state.catalogue.scenarios.values())
    if as_json:
        listed = [
            {"name": s.name, "question": s.question, "contract": s.contract, "roles": list(s.roles)} for s in found
        ]
        click.echo(msgspec.json.format(msgspec.json.encode(listed)).decode())
        return
    state.warn_about_broken_plugins()
    for scenario in found:
        click.echo(f"{scenario.name:16} {scenario.question}")
        if verbose:
            _scenario_details(scenario)


def _backend_details(backend: Backend) -> None:
    for option in backend.options:
        choices = f" ({'|'.join(option.choices)})" if option.choices else ""
        click.echo(f"    option {option.name}={option.default}{choices}: {option.summary}")
    for capability, offer in backend.capabilities.items():
        click.echo(f"    {capability.value}: {offer.support.value}" + (f", {offer.note}" if offer.note else ""))


def _scenario_details(scenario: Scenario) -> None:
    click.echo(f"    roles: {', '.join(scenario.roles)}")
    for sentence in scenario.contract:
        click.echo(f"    must hold: {sentence}")
    for parameter in scenario.parameters:
        choices = f" ({'|'.join(map(format_value, parameter.choices))})" if parameter.choices else ""
        unit = f" {parameter.unit}" if parameter.unit else ""
        click.echo(f"    {parameter.name}={format_value(parameter.default)}{unit}{choices}: {parameter.summary}")
    for preset in scenario.rows:
        click.echo(f"    {preset}: {len(scenario.rows[preset])} rows")
    click.echo("")
