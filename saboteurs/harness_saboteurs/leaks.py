"""Faults that keep what has ended: an fd, a task, memory."""

from __future__ import annotations

import mmap
import os
from types import TracebackType
from typing import Any

from harness.testing.wrapping import Group, Sender, Stream

from .faults import fault

_KEPT_BYTES = 16 << 10


@fault("stream-keeps-an-fd")
class _StreamKeepsAnFd(Stream):
    """A stream that is closed leaves an fd open."""

    async def aclose(self) -> None:
        self.runtime.left_open.append(os.open(os.devnull, os.O_RDONLY))
        await self.inner.aclose()


@fault("group-keeps-a-task")
class _GroupKeepsATask(Group):
    """A group that has ended leaves a task of its own behind."""

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        await self.healthy.spawn_detached(self.sleep_for_ever, name="left behind")
        return await super().__aexit__(kind, exc, trace)


@fault("channel-keeps-memory")
class _ChannelKeepsMemory(Sender):
    """A channel that is closed keeps 16 KiB."""

    async def aclose(self) -> None:
        kept = mmap.mmap(-1, _KEPT_BYTES)  # pages of its own, not free ones of the allocator
        kept.write(os.urandom(_KEPT_BYTES))
        self.runtime.left_open.append(kept)
        await self.inner.aclose()
