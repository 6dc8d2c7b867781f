"""The storm with one role sabotaged: its process is killed, has few fds, freezes, or goes deaf."""

import os
import resource
import signal
import time

from harness.api import Probe, Runtime, Scenario
from harness_scenarios.storm.scenario import client, server, storm

AFTER = 100
"""Connections accepted before something happens, unless it is said otherwise."""
FEW_FILES = 64
FREEZE_SECONDS = 0.2


class SabotagedServer:
    """A runtime that calls a function as soon as so many connections were accepted."""

    def __init__(self, runtime: Runtime, happen, after: int = AFTER) -> None:
        self.runtime = runtime
        self.happen = happen
        self.after = after
        self.accepted = 0

    def __getattr__(self, name):
        return getattr(self.runtime, name)

    async def listen(self, **options):
        """Listen, and count what is accepted."""
        return CountingListener(await self.runtime.listen(**options), self)


class CountingListener:
    """A listener that counts."""

    def __init__(self, listener, sabotaged: SabotagedServer) -> None:
        self.listener = listener
        self.address = listener.address
        self.aclose = listener.aclose
        self.sabotaged = sabotaged

    async def accept(self):
        """Accept one more."""
        stream = await self.listener.accept()
        self.sabotaged.accepted += 1
        if self.sabotaged.accepted == self.sabotaged.after:
            self.sabotaged.happen()
        return stream


class DeafListener(CountingListener):
    """A listener that stops to accept."""

    async def accept(self):
        """Accept one more, or wait for ever."""
        if self.sabotaged.accepted == self.sabotaged.after:
            await self.sabotaged.create_event().wait()
        return await super().accept()


class DeafServer(SabotagedServer):
    """A runtime whose listeners stop to accept."""

    async def listen(self, **options):
        """Listen for a while."""
        return DeafListener(await self.runtime.listen(**options), self)


def _limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, FEW_FILES))


async def killed_server(runtime: Runtime, probe: Probe) -> None:
    """Die in the middle, without a word."""
    await server(SabotagedServer(runtime, lambda: os.kill(os.getpid(), signal.SIGKILL)), probe)


async def deaf_server(runtime: Runtime, probe: Probe) -> None:
    """Accept no more, in the middle."""
    await server(DeafServer(runtime, lambda: None), probe)


async def frozen_server(runtime: Runtime, probe: Probe) -> None:
    """Hold the scheduler once."""
    await server(SabotagedServer(runtime, lambda: time.sleep(FREEZE_SECONDS)), probe)


async def late_server(runtime: Runtime, probe: Probe) -> None:
    """Hold the scheduler at the beginning, so that connections pile up at the client."""
    await server(SabotagedServer(runtime, lambda: time.sleep(FREEZE_SECONDS), after=1), probe)


async def poor_server(runtime: Runtime, probe: Probe) -> None:
    """Have few fds."""
    _limit_files()
    await server(runtime, probe)


async def poor_client(runtime: Runtime, probe: Probe) -> None:
    """Have few fds."""
    _limit_files()
    await client(runtime, probe)


def _sabotage(name: str, **roles) -> Scenario:
    fields = {field: getattr(storm, field) for field in Scenario.__annotations__}
    changed = {"name": f"storm.{name}", "ref": f"{__name__}:{name.replace('-', '_')}"}
    return Scenario(**fields | changed | {"roles": storm.roles | roles})


server_is_killed = _sabotage("server-is-killed", server=killed_server)
server_goes_deaf = _sabotage("server-goes-deaf", server=deaf_server)
server_freezes = _sabotage("server-freezes", server=frozen_server)
server_has_few_files = _sabotage("server-has-few-files", server=poor_server)
client_has_few_files = _sabotage("client-has-few-files", server=late_server, client=poor_client)
SABOTAGED = [server_is_killed, server_goes_deaf, server_freezes, server_has_few_files, client_has_few_files]
