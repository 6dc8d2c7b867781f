"""A server without a descriptor for its waiting clients: does it get an error, does it recover, does it spin?

The role's own table of descriptors is filled on purpose, and freed again.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from harness.api import (
    ByteStream,
    ErrorKind,
    Harm,
    Listener,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    interesting,
    metric,
)

from .question import NEVER_ENDS, Trial, make_question
from .raw_peer import STAYS_OPEN, RawPeer, Received, dial
from .stream_attempt import NEEDED, settle, wait_patiently

VARIANTS = ("asyncio:io=sock", "uvloop:io=sock")
"""The other way to accept on asyncio and its loops: `loop.sock_accept`."""

_MODULE = "harness_scenarios.behaviours.listener_fds"
_CLIENTS = 3
_GREETING = b"welcome"
_OUTAGE_SECONDS = 0.1
_RETRY_SECONDS = 0.01
_SPIN_SHARE = 0.5
"""Of the time in which the thread could have a CPU. One that waits takes a hundredth, one that spins all of it."""
_TOLD_OFTEN = 20
"""Errors after which an acceptor counts as one that does not wait; it gets ten thousand in a tenth of a second."""
_RECOVERY_TURNS = 2500
"""asyncio looks again after a second."""
_TRIAL_SECONDS = 10.0
_SPARE = 4


class FullTable:
    """The process has no descriptor left inside the block; the soft limit is lowered to come there soon."""

    def __enter__(self) -> Self:
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._fillers: list[int] = []
        highest = max(map(int, os.listdir("/dev/fd")))  # noqa: PTH208 - names, not paths
        soft = min(highest + _SPARE, self._limits[0])
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, self._limits[1]))
        with suppress(OSError):
            while True:
                self._fillers.append(os.open(os.devnull, os.O_RDONLY))
        return self

    def __exit__(self, *exc: object) -> None:
        for fd in self._fillers:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)


class Server:
    """An acceptor that greets each client. After an error about descriptors it accepts again."""

    def __init__(self, runtime: Runtime, trial: Trial, listener: Listener, retry_seconds: float) -> None:
        self._runtime = runtime
        self._trial = trial
        self._listener = listener
        self._retry_seconds = retry_seconds
        self.streams: list[ByteStream] = []
        self.told = 0
        self.failed: list[str] = []

    @property
    def is_told_at_once(self) -> bool:
        """Whether the acceptor gets the error and tries again at once."""
        return self.told > 1 and not self._retry_seconds

    async def serve(self) -> None:
        """Accept for ever, or until an error that is not about descriptors."""
        while True:
            try:
                stream = await self._listener.accept()
                self.streams.append(stream)
                await stream.send_all(_GREETING)
            except Exception as exc:
                if self._runtime.is_cancelled(exc):
                    raise
                kind = self._runtime.classify(exc)
                if kind is not ErrorKind.OUT_OF_FDS:
                    self.failed.append(kind.value)
                    self._trial.step("server", f"dies: {kind.value}")
                    return
                await self._wait_to_retry()

    async def _wait_to_retry(self) -> None:
        self.told += 1
        if self.told == 1:
            self._trial.step("server", "is told that it is out of descriptors")
        if self._retry_seconds:
            await self._runtime.sleep(self._retry_seconds)
        else:
            await self._runtime.checkpoint()


def read_cpu() -> tuple[float, float]:
    """Return for how many seconds this thread has run, and for how many it was ready and had no CPU."""
    try:
        ran, waited, _ = Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()
    except OSError:
        return time.thread_time(), 0.0
    return int(ran) / 1e9, int(waited) / 1e9


class Outage:
    """A server that runs out of descriptors while clients connect, and what becomes of both."""

    def __init__(self, runtime: Runtime, trial: Trial, retry_seconds: float) -> None:
        self._runtime = runtime
        self._trial = trial
        self._retry_seconds = retry_seconds
        self.cpu_share = 0.0
        self.recovery_seconds = 0.0
        self.received: list[Received] = []
        self.later = Received()

    async def suffer(self) -> Server:
        """Serve one client, run out of descriptors, recover, and serve one more."""
        listener = await self._runtime.listen()
        server = Server(self._runtime, self._trial, listener, self._retry_seconds)
        clients = [socket.socket() for _ in range(_CLIENTS)]
        peers: list[RawPeer] = []
        async with self._runtime.open_task_group() as group:
            await group.spawn(server.serve)
            peers.append(dial(listener))
            await peers[0].receive(self._runtime, len(_GREETING))  # whatever is opened at the first use is open now
            await self._run_out(listener, clients, server)
            peers += map(RawPeer, clients)
            await self._recover(peers[1:])
            peers.append(dial(listener))
            self.later = await peers[-1].receive(self._runtime, len(_GREETING))
            await group.cancel()
        for peer in peers:
            peer.reset()
        for stream in server.streams:
            await stream.abort()
        await listener.aclose()
        return server

    async def _run_out(self, listener: Listener, clients: list[socket.socket], server: Server) -> None:
        started, before = time.perf_counter(), read_cpu()
        with FullTable():
            self._trial.step("process", "has no descriptor left")
            for client in clients:
                client.connect(listener.address)
            self._trial.step("clients", "connect")
            await settle(self._runtime)
            await self._runtime.sleep(_OUTAGE_SECONDS)
            if server.is_told_at_once:
                await wait_patiently(self._runtime, lambda: server.told > _TOLD_OFTEN)
        after, seconds = read_cpu(), time.perf_counter() - started
        self._trial.step("process", "has descriptors again")
        ran, waited = after[0] - before[0], after[1] - before[1]
        self.cpu_share = ran / max(ran, seconds - waited)

    async def _recover(self, peers: list[RawPeer]) -> None:
        started = time.perf_counter()
        self.received = [Received() for _ in peers]

        def all_ended() -> bool:
            for peer, received in zip(peers, self.received, strict=True):
                peer.look(received)
            return all(received.count or received.end != STAYS_OPEN for received in self.received)

        await wait_patiently(self._runtime, all_ended, turns=_RECOVERY_TURNS)
        self.recovery_seconds = time.perf_counter() - started

    def fate(self) -> str:
        """Return what became of the clients that waited."""
        if all(received.head == _GREETING for received in self.received):
            return "served"
        if any(received.end != STAYS_OPEN for received in self.received):
            return "closed"
        return "forgotten" if self.later.head == _GREETING else "dead"


_FATES = {
    "closed": "the waiting clients are closed",
    "forgotten": "the waiting clients are forgotten",
    "dead": "the server is dead for ever",
}


async def ask_out_of_fds(runtime: Runtime, trial: Trial) -> str:
    """Clients connect while no descriptor is left; the acceptor, if told, tries again every 10 ms."""
    outage = Outage(runtime, trial, _RETRY_SECONDS)
    server = await outage.suffer()
    trial.observe("recovery", outage.recovery_seconds)
    fate = outage.fate()
    trial.step("clients", fate)
    if fate == "served":
        return f"the acceptor {'gets the error' if server.told else 'is not told'}, and the clients are served later"
    return _FATES[fate]


out_of_fds = make_question(
    ask_out_of_fds,
    name="listener.out-of-fds",
    question="What becomes of clients that connect while the server has no descriptor left?",
    contract=("Clients that wait are served when descriptors are free again, or refused; the server lives on.",),
    ref=f"{_MODULE}:out_of_fds",
    answers={
        "the acceptor gets the error, and the clients are served later": allowed(
            "accept raises EMFILE: an acceptor that does not catch it is dead, one that tries again at once spins",
            "accept(2), gh-151615",
        ),
        "the acceptor is not told, and the clients are served later": interesting(
            "the loop logs the error and looks again after a second", "gh-151615"
        ),
        "the waiting clients are closed": forbidden(
            "clients that had only to wait are accepted and closed at once", "gh-151615", harm=Harm.SERVER
        ),
        "the waiting clients are forgotten": forbidden(
            "later clients are served, those that waited never", "gh-151615", harm=Harm.SERVER
        ),
        "the server is dead for ever": forbidden(
            "no client is served any more, and no error is raised", "gh-151615", harm=Harm.SERVER
        ),
        NEVER_ENDS: forbidden("the server hangs"),
    },
    judges={"recovery": metric("s", better="lower")},
    requires=NEEDED,
    repetitions=1,
    variants=VARIANTS,
    seconds=_TRIAL_SECONDS,
    catches=("out-of-fds-closes-waiting", "out-of-fds-forgets-waiting", "out-of-fds-kills-accept"),
)


async def ask_spin(runtime: Runtime, trial: Trial) -> str:
    """As above; the acceptor, if told, tries again at once."""
    outage = Outage(runtime, trial, 0)
    server = await outage.suffer()
    trial.observe("share of its CPU", outage.cpu_share)
    trial.step("server", f"is told {'often' if server.told > 1 else 'once' if server.told else 'never'}")
    if server.told > _TOLD_OFTEN:
        return "the acceptor spins"
    return "the runtime spins" if outage.cpu_share > _SPIN_SHARE else "waits"


out_of_fds_spin = make_question(
    ask_spin,
    name="listener.out-of-fds-spin",
    question="Does a server that has no descriptor left for a waiting client, and accepts again, spin?",
    contract=("While nothing can be done the runtime waits.",),
    ref=f"{_MODULE}:out_of_fds_spin",
    answers={
        "waits": allowed("the runtime pauses by itself"),
        "the acceptor spins": interesting(
            "accept raises at once while a client waits: the acceptor has to pause (trio.serve_listeners does)",
            "accept(2), gh-151615",
        ),
        "the runtime spins": forbidden("the runtime takes all of a CPU, and no error is raised", "gh-151615"),
        NEVER_ENDS: forbidden("the server hangs"),
    },
    judges={"share of its CPU": metric("1", better="lower")},
    requires=NEEDED,
    repetitions=1,
    variants=VARIANTS,
    seconds=_TRIAL_SECONDS,
    catches=("out-of-fds-spins",),
)

SCENARIOS: tuple[Scenario, ...] = (out_of_fds, out_of_fds_spin)
