"""Generated programs in trio's words. Imports no runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.explore.program import Resource
from harness.explore.script import CannotSay, indent

_CREATE = {
    "lock": "trio.Lock()",
    "semaphore": "trio.Semaphore({size})",
    "condition": "trio.Condition()",
    "event": "trio.Event()",
    "channel": "trio.open_memory_channel({size})",
}
_THERE = {
    "lock": "not {name}.locked()",
    "semaphore": "{name}.value",
    "event": "{name}.is_set()",
    "channel": "{name}[0].statistics().current_buffer_used",
}


class TrioDialect:
    """The form of programs in trio's documentation."""

    modules: tuple[str, ...] = ("trio",)
    run = "trio.run(main)"
    cancelled = "trio.Cancelled"
    checkpoint = "await trio.lowlevel.checkpoint()"

    others: tuple[()] = ()

    def __init__(self, options: Mapping[str, str]) -> None:
        if options:
            raise CannotSay("a script is about the default idioms")

    def create(self, resource: Resource) -> str:
        """Return the expression that creates a resource."""
        if resource.kind not in _CREATE:
            raise CannotSay(resource.kind)
        return _CREATE[resource.kind].format(size="float('inf')" if resource.size < 0 else resource.size)

    def sleep(self, seconds: float) -> str:
        """`trio.sleep`."""
        return f"await trio.sleep({seconds:g})"

    def notify(self, name: str, count: int | None) -> str:
        """`Condition.notify`."""
        return f"{name}.notify_all()" if count is None else f"{name}.notify({count})"

    def set(self, name: str) -> str:
        """`Event.set`."""
        return f"{name}.set()"

    def send(self, name: str, item: str) -> str:
        """`MemorySendChannel.send`."""
        return f"{name}[0].send({item})"

    def receive(self, name: str) -> str:
        """`MemoryReceiveChannel.receive`."""
        return f"{name}[1].receive()"

    def deadline(self, seconds: float, body: list[str]) -> list[str]:
        """`trio.move_on_after`."""
        return [f"with trio.move_on_after({seconds:g}):", *indent(body)]

    def group(self, children: Sequence[str], body: list[str]) -> list[str]:
        """`trio.open_nursery`, whose errors are dropped."""
        starts = [f"group.start_soon({child})" for child in children]
        block = ["async with trio.open_nursery() as group:", *indent([*starts, *body])]
        return ["try:", *indent(block), "except* ValueError:", *indent([])]

    def cancel_group(self) -> str:
        """A child has no name for its nursery in this script."""
        raise CannotSay("cancel-group")

    def cancel(self, index: int) -> str:
        """`CancelScope.cancel`."""
        return f"scopes[{index}].cancel()"

    def cancellable(self, index: int, body: list[str]) -> list[str]:
        """A task in a scope of its own."""
        return [f"with scopes[{index}]:", *indent(body)]

    def main(self, tasks: Sequence[str], cancelled: Sequence[int], rest: float, seen: str) -> list[str]:
        """Tasks in a nursery that is cancelled in the end."""
        scopes = (
            [f"scopes = {{{', '.join(f'{index}: trio.CancelScope()' for index in cancelled)}}}"] if cancelled else []
        )
        return [
            *scopes,
            "async with trio.open_nursery() as nursery:",
            *indent(
                [
                    f"for each in ({', '.join(tasks)}{',' * (len(tasks) == 1)}): nursery.start_soon(each)",
                    f"await trio.sleep({rest:g})  # everything has come to rest",
                    f"seen = {seen}",
                    "nursery.cancel_scope.cancel()",
                ]
            ),
        ]

    def is_there(self, resource: Resource, name: str) -> str:
        """Return the expression that is true when the awaited object is there."""
        if resource.kind not in _THERE:
            raise CannotSay(resource.kind)
        return _THERE[resource.kind].format(name=name)
