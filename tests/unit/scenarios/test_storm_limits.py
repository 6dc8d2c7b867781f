"""The largest legal storm, and which limit of the host binds it."""

from __future__ import annotations

import pytest

from harness_scenarios.storm.limits import (
    FDS_OF_THE_PROCESS,
    STALL_SECONDS,
    bounds_of_burst,
    bounds_of_rate,
    describe_limits,
    find_obstacle,
    tightest,
)
from harness_scenarios.storm.posix import HostLimits, read_host_limits
from harness_scenarios.storm.scenario import storm

HUGE = 10**9
DEFAULTS = {parameter.name: parameter.default for parameter in storm.parameters}


def host(**limits):
    """Return a host that limits nothing but what is given."""
    return HostLimits(**({"open_files": HUGE, "ports": HUGE, "port_seconds": 1.0, "listen_queue": HUGE} | limits))


def refuse(host_limits, **parameters):
    """Return why a storm is refused."""
    return find_obstacle(DEFAULTS | parameters, host_limits)


@pytest.mark.parametrize(
    ("limits", "parameters", "limit", "most"),
    [
        ({"open_files": 1066}, {}, "file limit of the server (1066)", 500),
        ({"ports": 300}, {}, "port range (300 ports for each of 1 addresses)", 300),
        ({"ports": 300}, {"sources": 4}, "port range (300 ports for each of 4 addresses)", 600),
        ({"listen_queue": 128}, {}, "somaxconn (128)", 128),
        ({"listen_queue": 128}, {"acceptors": 3}, "somaxconn (128)", 384),
        ({}, {"backlog": 50}, "backlog (50)", 50),
    ],
)
def test_a_burst_up_to_the_limit_is_legal_and_one_more_is_refused_with_the_limit_named(limits, parameters, limit, most):
    """Each limit binds where it is the tightest; the reason says which, its value, the most, and what to raise."""
    parameters = {"mode": "burst", "backlog": HUGE, **parameters}
    assert refuse(host(**limits), connections=most, **parameters) == ""
    reason = refuse(host(**limits), connections=most + 1, **parameters)
    assert reason.startswith(f"a storm of {most + 1:,} connections at once is too large: {limit} allows {most:,} ")
    assert tightest(bounds_of_burst(DEFAULTS | parameters, host(**limits))).advice in reason


def test_client_and_server_have_a_file_limit_each():
    """The server needs a listener for each acceptor besides."""
    bounds = {bound.limit: bound.most for bound in bounds_of_burst(DEFAULTS | {"acceptors": 10}, host(open_files=1000))}
    client, server = bounds["file limit of the client (1000)"], bounds["file limit of the server (1000)"]
    assert (client, server) == ((1000 - FDS_OF_THE_PROCESS) // 2, (1000 - FDS_OF_THE_PROCESS - 10) // 2)


def test_a_rate_leaves_room_for_a_stall_of_the_server():
    """What becomes due in that time needs an fd and a place in the queue."""
    reason = refuse(host(listen_queue=100), rate=501, backlog=200)
    assert STALL_SECONDS == 0.2
    assert reason.startswith("a storm of 501 connections/s is too large: somaxconn (100) allows 500 connections/s; ")
    assert refuse(host(listen_queue=100), rate=500, backlog=200) == ""
    assert refuse(host(open_files=265), rate=500) == ""
    assert "file limit" in refuse(host(open_files=265), rate=501)


def test_the_client_closes_first_so_its_ports_are_taken_until_they_are_reused():
    """28,000 ports last for 467/s where each is kept for a minute, and for 28,000/s where it is a second."""
    storm_of_28_000 = {"rate": 28_000, "backlog": HUGE}
    assert refuse(host(ports=28_000, port_seconds=1.0), length=120.0, **storm_of_28_000) == ""
    reason = refuse(host(ports=28_000, port_seconds=60.0), length=120.0, **storm_of_28_000)
    assert "port range (28000 ports for each of 1 addresses) allows 466 connections/s" in reason
    assert "take more sources" in reason
    assert refuse(host(ports=28_000, port_seconds=60.0), length=1.0, **storm_of_28_000) == ""


def test_a_port_that_was_asked_for_with_its_address_is_kept_for_a_minute():
    """Whatever the host reuses: two addresses are then fewer connections than one."""
    rates = [
        tightest(bounds_of_rate(DEFAULTS | {"sources": sources, "length": 60.0}, host(ports=28_000))).most
        for sources in (1, 2)
    ]
    assert rates[0] > rates[1] > 0


def test_without_a_backlog_the_queue_is_the_runtimes_own():
    """It is not known here, and it is what such a storm is about."""
    assert refuse(host(listen_queue=10), mode="burst", connections=5000, backlog=None) == ""


def test_a_search_is_refused_if_its_base_is_illegal_or_too_short_for_a_p90():
    """A p90 needs 100 connections. The queue does not bind: a search is to find the rate at which it grows."""
    assert refuse(host(), mode="saturate", base_rate=100, step_length=1.0) == ""
    reason = refuse(host(), mode="saturate", base_rate=100, step_length=0.5)
    assert reason == ("base_rate × step_length is 50 connections and a p90 needs 100: take a step_length of 1 or more")
    assert "file limit" in refuse(host(open_files=100), mode="saturate")
    assert refuse(host(listen_queue=1), mode="saturate") == ""


def test_a_file_limit_below_what_the_process_needs_allows_nothing():
    """And says so, instead of a negative number."""
    assert "file limit of the client (20) allows 0 connections at once" in refuse(host(open_files=20), mode="burst")


def test_several_sources_need_a_loopback_network():
    """Elsewhere than on Linux only 127.0.0.1 is there."""
    assert "sources is at most 1" in refuse(host(has_loopback_network=False), sources=2)
    assert refuse(host(has_loopback_network=False), sources=1) == ""


def test_a_host_that_says_nothing_refuses_nothing():
    """Limits that are not known do not bind."""
    assert refuse(HostLimits(), mode="burst", connections=HUGE, backlog=None) == ""


@pytest.mark.parametrize("name", ["request_file", "reply_file"])
def test_files_are_there_and_hold_something(tmp_path, name):
    """Before the storm, not in each of its connections."""
    path = tmp_path / "payload"
    assert f"{name}={path} cannot be read: No such file or directory" == refuse(host(), **{name: str(path)})
    path.touch()
    assert "is empty" in refuse(host(), **{name: str(path)})
    path.write_bytes(b"x")
    assert refuse(host(), **{name: str(path)}) == ""
    assert refuse(host(), **{name: None}) == ""


def test_the_rows_of_every_preset_are_legal_with_a_usual_file_limit():
    """1024 open files, 4096 in the queue, ports for a minute."""
    usual = host(open_files=1024, ports=28_232, port_seconds=60.0, listen_queue=4096)
    for rows in storm.rows.values():
        assert [find_obstacle(DEFAULTS | row, usual) for row in rows] == [""] * len(rows)


def test_this_host_is_described():
    """With both largest storms; the scenario offers it to `harness doctor`."""
    text = describe_limits(DEFAULTS)
    assert storm.limits() == text
    assert "connections at once" in text
    assert "connections/s" in text
    assert read_host_limits() == read_host_limits()


def test_the_declared_preflight_reads_this_host():
    """No host allows a billion connections at once with a backlog of 1024."""
    assert storm.preflight(DEFAULTS) == ""
    assert "too large" in storm.preflight(DEFAULTS | {"mode": "burst", "connections": HUGE})
