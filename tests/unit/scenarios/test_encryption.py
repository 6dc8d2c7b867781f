"""Loads over TLS: nothing is lost, what goes over the wire is no plain text, and what has no TLS says so."""

from types import SimpleNamespace

import pytest

from harness.api import Capability, UnsupportedError
from harness.plugins import Plugins
from harness_scenarios.load.echo import echo
from harness_scenarios.load.sink import sink
from harness_scenarios.parts.encryption import SizedStream, make_connect
from harness_scenarios.storm.scenario import storm

SMALL = [
    (echo, {"requests": 60, "connections": 3}, "replies right", 60),
    (sink, {"total_bytes": 1 << 20}, "stream", "as sent"),
    (storm, {"mode": "burst", "connections": 10}, "connections ok", 10),
]


@pytest.mark.parametrize(("scenario", "parameters", "key", "value"), SMALL, ids=["echo", "sink", "storm"])
def test_each_load_is_whole_over_tls(run_roles, backend, scenario, parameters, key, value):
    """As in plain text."""
    trial = run_roles(scenario, parameters | {"tls": True}, backend=backend)
    assert trial.errors == {}
    assert (trial[key], trial.violations) == (value, set())


def test_a_backend_without_tls_refuses(run_roles):
    """Sockets of a loop; a run knows it before, by the declaration of the parameter."""
    trial = run_roles(echo, {"tls": True, "requests": 1}, backend="asyncio:io=sock")
    assert isinstance(trial.errors["server"], UnsupportedError)
    assert echo.needs({"tls": True}) == (*echo.requires, Capability.TLS)
    assert echo.needs({"tls": False}) == echo.needs({}) == echo.requires


def test_without_certificates_no_backend_has_tls(monkeypatch):
    """The reason is what to install."""
    monkeypatch.setattr("harness.api.backend.find_missing_certificates", lambda: "install trustme")
    offers = [backend.offer(Capability.TLS).note for backend in Plugins().catalogue().backends.values()]
    assert set(offers) == {"install trustme"}


@pytest.mark.parametrize("parameters", [{"acceptors": 2}, {"sources": 2}])
def test_a_storm_over_tls_has_one_source_and_one_acceptor(parameters):
    """It is refused before the cell starts."""
    defaults = {parameter.name: parameter.default for parameter in storm.parameters}
    assert "leave sources and acceptors at 1" in storm.preflight(defaults | parameters | {"tls": True})
    assert "leave sources" not in storm.preflight(defaults | parameters)


def test_a_stream_of_known_size_ends_with_its_last_byte():
    """It asks for no more than is missing, and then for nothing."""
    asked = []

    class Stream:
        abort = aclose = None

        async def receive_some(self, max_bytes):
            asked.append(max_bytes)
            return b"xy"

    stream = SizedStream(Stream(), 4)

    def receive():
        with pytest.raises(StopIteration) as ended:
            stream.receive_some(3).send(None)
        return ended.value.value

    assert [receive(), receive(), receive()] == [b"xy", b"xy", b""]
    assert asked == [3, 2]


def test_without_tls_a_load_uses_the_method_of_the_runtime():
    """Nothing stands between."""
    runtime = SimpleNamespace(connect=print)
    assert make_connect(runtime, SimpleNamespace(parameters={"tls": False})) is print
