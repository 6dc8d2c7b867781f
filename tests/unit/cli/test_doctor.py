"""What the doctor says of the scenarios."""

from catalogue import scenario
from click.testing import CliRunner

from harness.cli.doctor import doctor
from harness.cli.state import State
from harness.plugins import Catalogue


class Doctored(State):
    """A state with a catalogue of its own, without plugins."""

    def __init__(self, limits):
        super().__init__("never")
        planned = scenario("storm")
        fields = {name: getattr(planned, name) for name in type(planned).__annotations__}
        known = type(planned)(**fields | {"limits": limits})
        self.catalogue = Catalogue(backends={}, scenarios={"storm": known}, renderers={}, plugins=())

    def warn_about_broken_plugins(self):
        """There are none."""


def say(limits):
    """Return the line about the scenario, or nothing."""
    result = CliRunner().invoke(doctor, obj=Doctored(limits))
    assert result.exit_code == 0, result.output
    return [line for line in result.output.splitlines() if " storm " in line]


def test_the_limits_of_a_scenario_are_shown():
    """How much of it the host allows, and which limit binds."""
    assert say(lambda: "somaxconn (4096) allows 4,096 connections at once") == [
        "✓ storm            somaxconn (4096) allows 4,096 connections at once"
    ]


def test_a_scenario_without_limits_is_not_mentioned():
    """There is nothing to say."""
    assert say(None) == []


def test_limits_that_cannot_be_read_are_unknown():
    """A plugin cannot break the doctor; the mark says so."""

    def limits():
        raise OSError(13, "no")

    assert say(limits) == ["! storm            unknown: PermissionError: [Errno 13] no"]
