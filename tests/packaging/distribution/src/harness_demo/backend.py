"""Runs asyncio on `DemoLoop`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from harness.api import Runtime, UnhandledReport
from harness_asyncio.backend import AsyncioRuntime


class DemoLoop(asyncio.SelectorEventLoop):
    """A loop that attests itself."""


class DemoRunner:
    """A whole backend in a dozen lines."""

    expected_scheduler = "harness_demo.backend.DemoLoop"

    def __init__(self, options: Mapping[str, str]) -> None:
        pass

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        async def run() -> None:
            await main(AsyncioRuntime("demo", asyncio.get_running_loop()))

        with asyncio.Runner(loop_factory=DemoLoop) as runner:
            runner.run(run())
