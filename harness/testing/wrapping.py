"""Runtimes, and their objects, that are another one with a fault added."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, Literal

from harness.api import ErrorKind, Runtime, bridge_of, datagrams_of, names_of, processes_of, servers_of, tls_of, unix_of

Kind = Literal[
    "stream",
    "listener",
    "sender",
    "receiver",
    "group",
    "scope",
    "lock",
    "semaphore",
    "condition",
    "event",
    "child",
    "bridge",
    "servers",
    "tls",
    "endpoint",
    "datagrams",
    "unix",
    "names",
]
"""An object of a runtime."""


class Wrapped:
    """Whatever `inner` is; a subclass breaks a method of it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Part(Wrapped):
    """Something that a sabotaged runtime hands out."""

    kinds: ClassVar[tuple[Kind, ...]] = ()
    """In whose place a subclass is put."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner)
        self.runtime: Any = runtime
        """The sabotaged one, which may hold what its parts share."""

    @property
    def healthy(self) -> Runtime:
        """The runtime that is wrapped."""
        runtime: Runtime = self.runtime.inner
        return runtime

    def kind_of(self, exc: BaseException) -> ErrorKind:
        """Return the meaning of an exception."""
        return self.healthy.classify(exc)

    async def sleep_for_ever(self) -> None:
        """Wait for what never comes."""
        await self.healthy.create_event().wait()


class Stream(Part):
    """A connection, whichever side opened it."""

    kinds: ClassVar[tuple[Kind, ...]] = ("stream",)
    state = "open"
    """Facts that a subclass needs later."""


class Listener(Part):
    """A listening socket. Its streams are those of the runtime."""

    kinds: ClassVar[tuple[Kind, ...]] = ("listener",)


class Sender(Part):
    """A sending end of a channel; its clones are broken in the same way."""

    kinds: ClassVar[tuple[Kind, ...]] = ("sender",)

    def clone(self) -> Sender:
        """Return another sender of the same kind."""
        return type(self)(self.inner.clone(), self.runtime)


class Receiver(Part):
    """The receiving end of a channel."""

    kinds: ClassVar[tuple[Kind, ...]] = ("receiver",)


class Held(Part):
    """What `async with` acquires and releases."""

    async def __aenter__(self) -> Any:
        await self.acquire()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.release()


class Lock(Held):
    """A lock, or a semaphore."""

    kinds: ClassVar[tuple[Kind, ...]] = ("lock", "semaphore")


class Condition(Held):
    """A condition."""

    kinds: ClassVar[tuple[Kind, ...]] = ("condition",)


class Event(Part):
    """An event."""

    kinds: ClassVar[tuple[Kind, ...]] = ("event",)


class Child(Part):
    """A child process."""

    kinds: ClassVar[tuple[Kind, ...]] = ("child",)


class Block(Part):
    """The object that an `async with` enters, and its manager."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.manager = inner

    async def __aenter__(self) -> Any:
        self.inner: Any = await self.manager.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return await self.manager.__aexit__(kind, exc, trace)


class Group(Block):
    """A task group."""

    kinds: ClassVar[tuple[Kind, ...]] = ("group",)


class Scope(Block):
    """A cancel scope, with a deadline or without."""

    kinds: ClassVar[tuple[Kind, ...]] = ("scope",)


class Bridge(Part):
    """The calls from threads; another scheduler that it runs is sabotaged in the same way."""

    kinds: ClassVar[tuple[Kind, ...]] = ("bridge",)

    def run_scheduler(self, main: Any, unhandled: Any) -> None:
        """Run another scheduler, whose runtime is sabotaged too."""
        self.inner.run_scheduler(lambda runtime: main(type(self.runtime)(runtime)), unhandled)


class Servers(Part):
    """What starts servers. The streams of their handlers are those of the runtime."""

    kinds: ClassVar[tuple[Kind, ...]] = ("servers",)

    async def start_server(self, handler: Any, *args: Any, **kwargs: Any) -> Any:
        """Start a server that may be broken."""

        async def handle(stream: Any) -> None:
            broken: type[Part] | None = type(self.runtime).stream
            await self.handle(handler, stream if broken is None else broken(stream, self.runtime))

        return self.wrap_server(await self.inner.start_server(handle, *args, **kwargs))

    async def handle(self, handler: Any, stream: Any) -> None:
        """Run a handler."""
        await handler(stream)

    def wrap_server(self, server: Any) -> Any:
        """Return a server that may be broken."""
        return server


class TlsStream(Part):
    """A TLS stream; `Tls.stream` puts it in the place of a healthy one."""

    state = "open"
    """Facts that a subclass needs later."""


class Tls(Part):
    """A wrapped chapter of TLS; `stream` is the class of its streams."""

    kinds: ClassVar[tuple[Kind, ...]] = ("tls",)
    stream: ClassVar[type[Part]] = TlsStream

    async def connect_tls(self, *args: Any, **options: Any) -> Any:
        """Connect; the stream may be broken."""
        return self.stream(await self.inner.connect_tls(*args, **options), self.runtime)

    async def listen_tls(self, *args: Any, **options: Any) -> Any:
        """Listen; each stream that the listener accepts may be broken."""
        return _TlsAccepting(await self.inner.listen_tls(*args, **options), self)

    async def start_tls(self, stream: Any, *args: Any, **options: Any) -> Any:
        """Begin TLS on a stream, which may be a broken one."""
        plain = stream.inner if isinstance(stream, Part) else stream
        return self.stream(await self.inner.start_tls(plain, *args, **options), self.runtime)

    async def accept(self, listener: Any) -> Any:
        """Accept a connection on a listener."""
        return await listener.accept()


class _TlsAccepting(Wrapped):
    def __init__(self, inner: Any, tls: Tls) -> None:
        super().__init__(inner)
        self._tls = tls

    async def accept(self) -> Any:
        return self._tls.stream(await self._tls.accept(self.inner), self._tls.runtime)


class Endpoint(Part):
    """A UDP endpoint."""

    kinds: ClassVar[tuple[Kind, ...]] = ("endpoint",)


class Datagrams(Part):
    """The object that opens UDP endpoints."""

    kinds: ClassVar[tuple[Kind, ...]] = ("datagrams",)

    async def open_endpoint(self, *args: Any, **kwargs: Any) -> Any:
        """Open an endpoint that may be broken."""
        broken: type[Part] | None = type(self.runtime).endpoint
        opened = await self.inner.open_endpoint(*args, **kwargs)
        return opened if broken is None else broken(opened, self.runtime)


class Unix(Part):
    """Unix sockets. Their streams and listeners are broken as those over TCP are."""

    kinds: ClassVar[tuple[Kind, ...]] = ("unix",)

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        """Listen; the listener, and each stream that it accepts, may be broken."""
        return self.runtime.break_listener(await self.inner.listen_unix(path, **kwargs))

    async def connect_unix(self, path: str) -> Any:
        """Connect; the stream may be broken."""
        return self.runtime.break_part("stream", await self.inner.connect_unix(path))


class Names(Part):
    """Look-ups, and connections by name. Their streams are broken as others are."""

    kinds: ClassVar[tuple[Kind, ...]] = ("names",)

    async def connect_by_name(self, host: str, port: int) -> Any:
        """Connect; the stream may be broken."""
        return self.runtime.break_part("stream", await self.inner.connect_by_name(host, port))


class SabotagedRuntime(Wrapped):
    """A runtime that hands out broken parts: each class attribute names the class that replaces a healthy one.

    `inner` is the healthy one. A fault lists which of `stream`, `listener`, `sender`, `receiver`, `group`, `scope`,
    `lock`, `semaphore`, `condition`, `event`, `child`, `bridge`, `servers`, `tls`, `endpoint`, `datagrams`, `unix` and
    `names` it breaks; others stay healthy.
    """

    inner: Runtime
    stream: type[Part] | None = None
    listener: type[Part] | None = None
    sender: type[Part] | None = None
    receiver: type[Part] | None = None
    group: type[Part] | None = None
    scope: type[Part] | None = None
    lock: type[Part] | None = None
    semaphore: type[Part] | None = None
    condition: type[Part] | None = None
    event: type[Part] | None = None
    child: type[Part] | None = None
    broken_bridge: type[Bridge] = Bridge
    """What takes the place of the calls from threads."""
    broken_servers: type[Servers] = Servers
    """What takes the place of what starts servers."""
    broken_tls: type[Tls] = Tls
    """What takes the place of what opens TLS connections."""
    endpoint: type[Part] | None = None
    broken_datagrams: type[Datagrams] = Datagrams
    """Class that opens UDP endpoints."""
    broken_unix: type[Unix] = Unix
    """What takes the place of Unix sockets."""
    broken_names: type[Names] = Names
    """What takes the place of look-ups and connections by name."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.left_open: list[Any] = []
        """Objects that were closed in name only, so that a test can close them."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Connect; the stream may be broken."""
        return self.break_part("stream", await self.inner.connect(*args, **kwargs))

    async def listen(self, *args: Any, **kwargs: Any) -> Any:
        """Listen; the listener, and each stream that it accepts, may be broken."""
        return self.break_listener(await self.inner.listen(*args, **kwargs))

    def open_channel(self, capacity: int | None) -> tuple[Any, Any]:
        """Open a channel; its ends may be broken."""
        send, receive = self.inner.open_channel(capacity)
        return self.break_part("sender", send), self.break_part("receiver", receive)

    def create_lock(self) -> Any:
        """Create a lock that may be broken."""
        return self.break_part("lock", self.inner.create_lock())

    def create_semaphore(self, permits: int) -> Any:
        """Create a semaphore that may be broken."""
        return self.break_part("semaphore", self.inner.create_semaphore(permits))

    def create_condition(self) -> Any:
        """Create a condition that may be broken."""
        return self.break_part("condition", self.inner.create_condition())

    def create_event(self) -> Any:
        """Create an event that may be broken."""
        return self.break_part("event", self.inner.create_event())

    def open_task_group(self) -> Any:
        """Open a group that may be broken."""
        return self.break_part("group", self.inner.open_task_group())

    def open_cancel_scope(self, **kwargs: Any) -> Any:
        """Open a scope that may be broken."""
        return self.break_part("scope", self.inner.open_cancel_scope(**kwargs))

    def move_on_after(self, seconds: float) -> Any:
        """Open a scope with a time-out that may be broken."""
        return self.break_part("scope", self.inner.move_on_after(seconds))

    def fail_after(self, seconds: float) -> Any:
        """Open a scope with a time-out that may be broken."""
        return self.break_part("scope", self.inner.fail_after(seconds))

    def processes(self) -> Any:
        """Return the chapter of child processes; those that it starts may be broken."""
        chapter = processes_of(self.inner)
        return chapter if self.child is None else _Starting(chapter, self)

    def bridge(self) -> Any:
        """Return calls from threads that may be broken."""
        return type(self).broken_bridge(bridge_of(self.inner), self)

    def servers(self) -> Any:
        """Return servers that may be broken; the streams of handlers may be as well."""
        return type(self).broken_servers(servers_of(self.inner), self)

    def tls(self) -> Any:
        """Return what opens TLS connections, which may be broken."""
        return type(self).broken_tls(tls_of(self.inner), self)

    def datagrams(self) -> Any:
        """Return the object that opens endpoints; these may be broken."""
        return type(self).broken_datagrams(datagrams_of(self.inner), self)

    def unix(self) -> Any:
        """Return Unix sockets that may be broken."""
        return type(self).broken_unix(unix_of(self.inner), self)

    def names(self) -> Any:
        """Return look-ups that may be broken."""
        return type(self).broken_names(names_of(self.inner), self)

    def break_listener(self, listener: Any) -> Any:
        """Return a listener that may be broken, as each stream that it accepts."""
        return self.break_part("listener", listener if self.stream is None else _Accepting(listener, self))

    def break_part(self, kind: Kind, thing: Any) -> Any:
        """Return what takes the place of an object."""
        part: type[Part] | None = getattr(type(self), kind)
        return thing if part is None else part(thing, self)


class _Accepting(Listener):
    async def accept(self) -> Any:
        stream: type[Part] = type(self.runtime).stream
        return stream(await self.inner.accept(), self.runtime)


class _Starting(Part):
    async def start_process(self, command: Any, **streams: Any) -> Any:
        child: type[Part] = type(self.runtime).child
        return child(await self.inner.start_process(command, **streams), self.runtime)


_CHAPTERS = {name: f"broken_{name}" for name in ("bridge", "servers", "tls", "datagrams", "unix", "names")}
"""Attributes of kinds that a runtime hands out by a method of the same name."""


def sabotage(*parts: type[Part]) -> type[SabotagedRuntime]:
    """Return the runtime that hands out these parts."""
    broken: dict[str, Any] = {_CHAPTERS.get(kind, kind): part for part in parts for kind in part.kinds}
    first = parts[0]
    return type(
        first.__name__, (SabotagedRuntime,), broken | {"__doc__": first.__doc__, "__module__": first.__module__}
    )
