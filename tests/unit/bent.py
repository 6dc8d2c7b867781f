"""Runtimes of which one argument of one call is ignored or changed, made from the signatures of `harness.api`."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from harness.api import bridge, datagrams, names, processes, runtime, servers, tls, unix

MODULES = (runtime, processes, bridge, servers, tls, unix, names, datagrams)
PROTOCOLS = {
    name: kind
    for module in MODULES
    for name, kind in vars(module).items()
    if getattr(kind, "_is_protocol", False) and kind.__module__ == module.__name__
}
_CHAPTERS = {
    "processes": "Processes",
    "bridge": "Bridge",
    "servers": "Servers",
    "tls": "Tls",
    "unix": "UnixSockets",
    "names": "Names",
    "datagrams": "Datagrams",
}
_IN_CALLABLE = re.compile(r"Callable\[\[(?P<argument>\w+)\], ")
Spoil = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call. `name` is empty where the contract has the call as a property: it has one."""

    protocol: str
    member: str
    name: str
    spoil: str
    """`ignored`: its default, or what stands for none; `changed`: another value of its type."""

    def __str__(self) -> str:
        return f"{self.protocol}.{self.member}({self.name}) {self.spoil}"


def list_arguments() -> Iterator[Argument]:
    """Yield each argument of the contract with each way to spoil it."""
    for protocol, kind in PROTOCOLS.items():
        for member, value in vars(kind).items():
            for name, annotation, default in _list_parameters(member, value):
                yield from (
                    Argument(protocol, member, name, spoil)
                    for spoil, _ in _list_spoils(member, name, annotation, default)
                )


def find_argument(name: str) -> Argument:
    """Return an argument by its name, or one that no call has."""
    return next((each for each in list_arguments() if str(each) == name), Argument("", "", "", ""))


def _list_parameters(member: str, value: object) -> Iterator[tuple[str, str, Any]]:
    """Yield name, annotation and default (`inspect.Parameter.empty` for none; `()` for `*args`)."""
    if isinstance(value, property):
        takes = _IN_CALLABLE.match(str(inspect.signature(value.fget).return_annotation))  # type: ignore[arg-type]
        if takes:
            yield "", takes["argument"], inspect.Parameter.empty
    elif inspect.isfunction(value) and not member.startswith("_"):
        for parameter in list(inspect.signature(value).parameters.values())[1:]:
            is_rest = parameter.kind is inspect.Parameter.VAR_POSITIONAL
            yield parameter.name, str(parameter.annotation), () if is_rest else parameter.default


def _list_spoils(member: str, name: str, annotation: str, default: Any) -> Iterator[tuple[str, Spoil]]:
    if name == "path":
        yield "changed", lambda value: f"{value[:-1]}y"  # in the same folder, and as long
        return
    if default is not inspect.Parameter.empty:
        yield "ignored", lambda _value: default
    if annotation == "float":
        yield "ignored", lambda _value: 0.0 if member == "sleep" else math.inf
        yield "changed", lambda value: value / 10
    if default is inspect.Parameter.empty and annotation != "float":
        yield from ((how, spoil) for kinds, how, spoil in _SPOILS if re.search(kinds, annotation))


async def _do_nothing(*_args: object) -> None:
    pass


def _return_nothing(*_args: object) -> None:
    pass


_SPOILS: tuple[tuple[str, str, Spoil], ...] = (
    (r"^Callable.*Awaitable|^Handler$", "ignored", lambda _value: _do_nothing),
    (r"^Callable(?!.*Awaitable)|^UnhandledReport$", "ignored", lambda _value: _return_nothing),
    (r"^int", "changed", lambda value: 1 if value is None else value + 1),
    (r"^bytes$", "changed", lambda value: bytes(value)[::-1]),
    (r"^BaseException$", "ignored", lambda _value: Exception("another one")),
    (r"^Sequence\[str\]$", "ignored", lambda _value: ["true"]),
    (r"^(object|Any)$", "ignored", lambda _value: None),
    (r"^str$", "changed", lambda _value: "127.0.0.9"),
    (r"^(SendChannel|Event|TaskGroup|CancelScope)$", "ignored", lambda _value: _Nothing()),
)
"""Annotations of required arguments, and how to spoil them."""


class _Nothing:
    """Stands for an object that is not used: each call of it does nothing."""

    def __getattr__(self, name: str) -> Any:
        return _return_nothing


# --- proxies ---


class _Proxy:
    _protocol: str

    def __init__(self, inner: Any, argument: Argument) -> None:
        self._inner = inner
        self._argument = argument

    def __getattr__(self, name: str) -> Any:
        chapter = _CHAPTERS.get(name) if self._protocol == "Runtime" else None
        found = getattr(self._inner, name)
        return (lambda: wrap(chapter, found(), self._argument)) if chapter else found


class _Entered:
    """An `async with` whose target is a proxy."""

    def __init__(self, manager: Any, protocol: str, argument: Argument) -> None:
        self._manager = manager
        self._wrap = lambda thing: wrap(protocol, thing, argument)

    async def __aenter__(self) -> Any:
        return self._wrap(await self._manager.__aenter__())

    async def __aexit__(self, *exc: object) -> Any:
        return await self._manager.__aexit__(*exc)


def wrap(protocol: str, inner: Any, argument: Argument) -> Any:
    """Return an object of which an argument is spoilt, or one of the objects that it hands out."""
    return inner if inner is None else _proxy_class(protocol)(inner, argument)


@cache
def _proxy_class(protocol: str) -> type[_Proxy]:
    members: dict[str, Any] = {"_protocol": protocol}
    for member, value in vars(PROTOCOLS[protocol]).items():
        if isinstance(value, property):
            members[member] = property(_make_getter(protocol, member, value))
        elif inspect.isfunction(value) and (member in ("__aenter__", "__aexit__") or not member.startswith("_")):
            members[member] = _make_method(protocol, member, value)
    return type(protocol, (_Proxy,), members)


def _make_getter(protocol: str, member: str, declared: property) -> Callable[[Any], Any]:
    returns = str(inspect.signature(declared.fget).return_annotation)  # type: ignore[arg-type]

    def get(self: Any) -> Any:
        found, argument = getattr(self._inner, member), self._argument
        if (protocol, member) != (argument.protocol, argument.member):
            return _wrap_result(found, returns, argument)
        annotation = _IN_CALLABLE.match(returns)["argument"]  # type: ignore[index]
        spoil = dict(_list_spoils(member, "", annotation, inspect.Parameter.empty))[argument.spoil]
        return lambda value: found(spoil(value))

    return get


def _make_method(protocol: str, member: str, declared: Any) -> Callable[..., Any]:
    signature, is_async = inspect.signature(declared), inspect.iscoroutinefunction(declared)
    returns = str(signature.return_annotation)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        argument = self._argument
        bound = signature.bind(self, *args, **kwargs)
        if (protocol, member) == (argument.protocol, argument.member):
            parameters = {
                name: (annotation, default) for name, annotation, default in _list_parameters(member, declared)
            }
            annotation, default = parameters[argument.name]
            if argument.name in bound.arguments:
                spoil = dict(_list_spoils(member, argument.name, annotation, default))[argument.spoil]
                bound.arguments[argument.name] = spoil(bound.arguments[argument.name])
        if (protocol, member) == ("Bridge", "run_scheduler"):
            main = bound.arguments["main"]
            bound.arguments["main"] = lambda inner: main(wrap("Runtime", inner, argument))
        given = bound.args[1:] if protocol not in ("Direct", "Tls") else map(_unwrap, bound.args[1:])
        result = getattr(self._inner, member)(*given, **bound.kwargs)
        return _await(result, returns, argument) if is_async else _wrap_result(result, returns, argument)

    return call


def _unwrap(thing: Any) -> Any:
    """Return the runtime's own object, on which a direct call works."""
    return thing._inner if isinstance(thing, _Proxy) else thing


async def _await(result: Any, returns: str, argument: Argument) -> Any:
    return _wrap_result(await result, returns, argument)


def _wrap_result(result: Any, returns: str, argument: Argument) -> Any:
    if result is None:
        return None
    names = [name for name in re.findall(r"\w+", returns) if name in PROTOCOLS]
    if not names or returns.startswith("Callable"):
        return result
    if returns.startswith("tuple"):
        return tuple(wrap(name, thing, argument) for name, thing in zip(names, result, strict=True))
    if returns.startswith("AbstractAsyncContextManager"):
        return _Entered(result, names[0], argument)
    return wrap(names[0], result, argument)
