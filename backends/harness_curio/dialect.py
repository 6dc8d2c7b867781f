"""Generated programs in curio's words. Imports no runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.explore.program import Resource
from harness.explore.script import CannotSay, indent

_CREATE = {
    "lock": "curio.Lock()",
    "semaphore": "curio.Semaphore({size})",
    "condition": "curio.Condition()",
    "event": "curio.Event()",
}
_THERE = {"lock": "not {name}.locked()", "event": "{name}.is_set()", "channel": "{name}.qsize()"}


class CurioDialect:
    """The form of programs in curio's documentation."""

    modules: tuple[str, ...] = ("curio",)
    run = "curio.run(main)"
    cancelled = "curio.CancelledError"
    checkpoint = "await curio.sleep(0)"

    others: tuple[()] = ()

    def __init__(self, options: Mapping[str, str]) -> None:
        if options:
            raise CannotSay("a script is about the default idioms")

    def create(self, resource: Resource) -> str:
        """Return the expression that creates a resource."""
        if resource.kind == "channel" and resource.size:
            return f"curio.Queue({max(resource.size, 0)})"
        if resource.kind not in _CREATE:
            raise CannotSay(resource.kind)
        return _CREATE[resource.kind].format(size=resource.size)

    def sleep(self, seconds: float) -> str:
        """`curio.sleep`."""
        return f"await curio.sleep({seconds:g})"

    def notify(self, name: str, count: int | None) -> str:
        """`Condition.notify`."""
        return f"await {name}.notify_all()" if count is None else f"await {name}.notify({count})"

    def set(self, name: str) -> str:
        """`Event.set`."""
        return f"await {name}.set()"

    def send(self, name: str, item: str) -> str:
        """`Queue.put`."""
        return f"{name}.put({item})"

    def receive(self, name: str) -> str:
        """`Queue.get`."""
        return f"{name}.get()"

    def deadline(self, seconds: float, body: list[str]) -> list[str]:
        """`curio.ignore_after`."""
        return [f"async with curio.ignore_after({seconds:g}):", *indent(body)]

    def group(self, children: Sequence[str], body: list[str]) -> list[str]:
        """`curio.TaskGroup`."""
        starts = [f"await group.spawn({child})" for child in children]
        return ["async with curio.TaskGroup() as group:", *indent([*starts, *body])]

    def cancel_group(self) -> str:
        """A group of curio cannot be cancelled from inside."""
        raise CannotSay("cancel-group")

    def cancel(self, index: int) -> str:
        """`Task.cancel`."""
        return f"await tasks[{index}].cancel(blocking=False)"

    def cancellable(self, index: int, body: list[str]) -> list[str]:
        """Every task of curio can be cancelled."""
        del index
        return body

    def main(self, tasks: Sequence[str], cancelled: Sequence[int], rest: float, seen: str) -> list[str]:
        """Tasks that are cancelled in the end."""
        del cancelled
        return [
            f"tasks = [await curio.spawn(each) for each in ({', '.join(tasks)}{',' * (len(tasks) == 1)})]",
            f"await curio.sleep({rest:g})  # everything has come to rest",
            f"seen = {seen}",
            "for each in tasks: await each.cancel()",
        ]

    def is_there(self, resource: Resource, name: str) -> str:
        """Return the expression that is true when the awaited object is there."""
        if resource.kind not in _THERE:
            raise CannotSay(resource.kind)
        return _THERE[resource.kind].format(name=name)
