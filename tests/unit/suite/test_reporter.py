"""Records of a test, also of one that runs under several orders of steps."""

from types import SimpleNamespace

import pytest

from harness.suite.reporter import Reporter


class FakeInForce:
    """A scheduler in force that runs in each test."""

    wanted = "fast.Loop"
    made = 0

    def __init__(self):
        self.orders = []
        self.ran = ("fast.Loop",)

    def take_schedulers(self):
        """Return what ran."""
        return self.ran

    def list_tasks(self):
        """Return none."""
        return {}

    def order(self, seed):
        """Note it."""
        self.orders.append(seed)


@pytest.fixture
def in_force():
    """Return a scheduler in force."""
    return FakeInForce()


def run_test(in_force, results, orders=(0, 1, 2, 3)):
    """Return the record of the end of a test with a result under each order, the own one first."""
    sent = []
    reporter = Reporter(SimpleNamespace(send=sent.append), in_force, orders)
    reporter.start("t")
    reporter.begin_body()
    script = iter(results)
    reporter.add(next(script), lambda: {"type": "E", "message": "why"})
    while reporter.next_order():
        reporter.begin_body()
        reporter.add(next(script), lambda: {"type": "E", "message": "why"})
    reporter.end()
    reporter.end()
    assert list(script) == []
    assert [each.key for each in sent if each.key != "order"] == ["start", "end"]
    return sent[-1].value


def test_a_test_runs_under_each_order(in_force):
    """The result in its own order stays; the first failure has its seed."""
    end = run_test(in_force, ["passed", "passed", "passed", "failed", "failed"])
    assert end["worst"] == {"result": "passed", "type": "E", "message": "why"}
    assert end["reordered"]["asked"] == 3
    assert (end["reordered"]["failed"], end["reordered"]["first"]["seed"]) == (2, 2)
    assert in_force.orders == [0, 1, 2, 3, None]


def test_a_test_that_fails_where_no_order_changes_cannot_be_asked(in_force):
    """It looks at what makes the orders."""
    assert run_test(in_force, ["passed", "failed"])["reordered"] == {"refused": "E: why"}
    assert in_force.orders == [0, None]


@pytest.mark.parametrize("ran", [(), ("slow.Loop",)], ids=["none", "another"])
def test_a_test_without_the_scheduler_has_no_orders(in_force, ran):
    """None ran, or another one."""
    in_force.ran = ran
    assert run_test(in_force, ["passed"])["reordered"] == {}


def test_a_test_that_does_not_pass_has_no_orders(in_force):
    """It differs already, or is broken."""
    assert run_test(in_force, ["failed"])["reordered"] == {}
    assert in_force.orders == []
