"""The probe that scenarios record with."""

import pytest

from harness.api import PeerEndedError
from harness.worker.probe import WorkerProbe


class FakePipe:
    """Shares what is due at each read, in order."""

    def __init__(self, *reads):
        self._reads = iter(reads)
        self._state = ({}, set())

    def shared(self):
        self._state = next(self._reads, self._state)
        return self._state[0]

    def ended(self):
        return self._state[1]


class FakeRuntime:
    def __init__(self):
        self.slept = 0

    async def sleep(self, seconds):
        self.slept += 1


def drive(coroutine):
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value


def probe(pipe, runtime, progress=None):
    return WorkerProbe(
        runtime=runtime,
        pipe=pipe,
        progress=progress,
        role="client",
        peers=frozenset({"server"}),
        parameters={},
        seed=0,
    )


def test_receive_waits_until_it_is_shared():
    """It polls with the runtime's own sleep."""
    runtime = FakeRuntime()
    pipe = FakePipe(({}, set()), ({}, set()), ({"address": 7}, set()))
    assert drive(probe(pipe, runtime).receive("address")) == 7
    assert runtime.slept == 2


def test_receive_ends_when_the_peers_have():
    """Nobody is left who could share it."""
    with pytest.raises(PeerEndedError, match="address"):
        probe(FakePipe(({}, {"server"})), FakeRuntime()).receive("address").send(None)


def test_advance_counts_on_the_page():
    """Progress is one word of shared memory."""
    page = memoryview(bytearray(16)).cast("Q")
    recorder = probe(FakePipe(), FakeRuntime(), page)
    recorder.advance()
    recorder.advance(41)
    assert page[0] == 42
