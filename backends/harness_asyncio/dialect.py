"""Generated programs in asyncio's words. Imports no runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.explore.program import Resource
from harness.explore.script import CannotSay, indent

_CREATE = {
    "lock": "asyncio.Lock()",
    "semaphore": "asyncio.Semaphore({size})",
    "condition": "asyncio.Condition()",
    "event": "asyncio.Event()",
}
_THERE = {"lock": "not {name}.locked()", "event": "{name}.is_set()", "channel": "{name}.qsize()"}


class AsyncioDialect:
    """The form of programs in asyncio's documentation."""

    modules: tuple[str, ...] = ("asyncio",)
    run = "asyncio.run(main())"
    cancelled = "asyncio.CancelledError"
    checkpoint = "await asyncio.sleep(0)"

    def __init__(self, options: Mapping[str, str]) -> None:
        if options:
            raise CannotSay("a script is about the default idioms")

    @property
    def others(self) -> tuple[AsyncioDialect, ...]:
        """Cancellations that are delivered a turn of the loop later, as those of `asyncio.timeout` are."""
        return () if isinstance(self, _LateCancel) else (type("Late", (_LateCancel, type(self)), {})({}),)

    def create(self, resource: Resource) -> str:
        """Return the expression that creates a resource."""
        if resource.kind == "channel" and resource.size:
            return f"asyncio.Queue({max(resource.size, 0)})"
        if resource.kind not in _CREATE:
            raise CannotSay(resource.kind)
        return _CREATE[resource.kind].format(size=resource.size)

    def sleep(self, seconds: float) -> str:
        """`asyncio.sleep`."""
        return f"await asyncio.sleep({seconds:g})"

    def notify(self, name: str, count: int | None) -> str:
        """`Condition.notify`."""
        return f"{name}.notify_all()" if count is None else f"{name}.notify({count})"

    def set(self, name: str) -> str:
        """`Event.set`."""
        return f"{name}.set()"

    def send(self, name: str, item: str) -> str:
        """`Queue.put`."""
        return f"{name}.put({item})"

    def receive(self, name: str) -> str:
        """`Queue.get`."""
        return f"{name}.get()"

    def deadline(self, seconds: float, body: list[str]) -> list[str]:
        """`asyncio.timeout`, whose error is dropped."""
        block = [f"async with asyncio.timeout({seconds:g}):", *indent(body)]
        return ["try:", *indent(block), "except TimeoutError:", *indent([])]

    def group(self, children: Sequence[str], body: list[str]) -> list[str]:
        """`asyncio.TaskGroup`, whose errors are dropped."""
        starts = [f"group.create_task({child}())" for child in children]
        block = ["async with asyncio.TaskGroup() as group:", *indent([*starts, *body])]
        return ["try:", *indent(block), "except* ValueError:", *indent([])]

    def cancel_group(self) -> str:
        """A group of asyncio cannot be cancelled from inside."""
        raise CannotSay("cancel-group")

    def cancel(self, index: int) -> str:
        """`Task.cancel`."""
        return f"tasks[{index}].cancel()"

    def cancellable(self, index: int, body: list[str]) -> list[str]:
        """Every task of asyncio can be cancelled."""
        del index
        return body

    def main(self, tasks: Sequence[str], cancelled: Sequence[int], rest: float, seen: str) -> list[str]:
        """Tasks that `asyncio.run` cancels in the end."""
        del cancelled
        return [
            f"tasks = [asyncio.create_task(each()) for each in ({', '.join(tasks)}{',' * (len(tasks) == 1)})]",
            f"await asyncio.sleep({rest:g})  # everything has come to rest",
            f"seen = {seen}",
        ]

    def is_there(self, resource: Resource, name: str) -> str:
        """Return the expression that is true when the awaited object is there."""
        if resource.kind not in _THERE:
            raise CannotSay(resource.kind)
        return _THERE[resource.kind].format(name=name)


class _LateCancel:
    def cancel(self, index: int) -> str:
        return f"asyncio.get_running_loop().call_soon(tasks[{index}].cancel)"
