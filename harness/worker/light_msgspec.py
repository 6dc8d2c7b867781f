"""The little of msgspec that a worker needs, in its place while harness is imported.

Importing msgspec costs a worker as much as half an interpreter's start, and a worker uses a twentieth of it: it
constructs structs, writes them as JSON and reads two kinds of them. Declarations and messages stay msgspec structs:
the host, which checks its input, has the real one, and so does a scenario that imports it.
"""

from __future__ import annotations

import binascii
import json as _json
import math
import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class Struct:
    """Takes its fields from the annotations of the class, and their defaults from its attributes."""

    __struct_fields__: tuple[str, ...] = ()
    __struct_tag__: str | None = None

    def __init_subclass__(cls, *, tag: str | None = None, frozen: bool = False, kw_only: bool = False) -> None:
        del frozen, kw_only  # the host's msgspec sees to both
        cls.__struct_tag__ = tag
        cls.__struct_fields__ = tuple(cls.__annotations__)

    def __init__(self, *args: object, **kwargs: object) -> None:
        values = self.__dict__
        values.update(zip(self.__struct_fields__, args, strict=False))
        values.update(kwargs)
        unknown = values.keys() - self.__struct_fields__
        missing = [name for name in self.__struct_fields__ if name not in values and not hasattr(self, name)]
        if unknown or missing:
            raise TypeError(f"{type(self).__name__}: unknown {sorted(unknown)}, missing {missing}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _fields(self) == _fields(other)

    def __hash__(self) -> int:
        return hash(tuple(_fields(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in _fields(self).items())})"


class DecodeError(ValueError):
    """The input is not JSON, or not of the requested type."""


class Encoder:
    """Writes what msgspec's encoder writes."""

    def __init__(self, *, enc_hook: Callable[[Any], Any]) -> None:
        def plain(value: object) -> object:
            match value:
                case Struct():
                    return _tagged_fields(value)
                case set() | frozenset():
                    return list(value)
                case bytes() | bytearray() | memoryview():
                    return binascii.b2a_base64(value, newline=False).decode()
            return enc_hook(value)

        self._strict = _json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain)

    def encode(self, value: object) -> bytes:
        """Return the JSON of a value; a float that is not a number is null, as in msgspec."""
        try:
            text = self._strict.encode(value)
        except ValueError:
            text = self._strict.encode(_without_nan(value))
        return text.encode(errors="replace")


def decode(text: str | bytes, *, type: Any) -> Any:  # noqa: A002 - as msgspec names it
    """Return a line as a struct: of the class, or of that one of a union which has its tag. Converts no field."""
    try:
        fields = _json.loads(text)
        kinds = {kind.__struct_tag__: kind for kind in getattr(type, "__args__", (type,))}
        kind = kinds[fields.pop("type", None)]
        return kind(**{name: value for name, value in fields.items() if name in kind.__struct_fields__})
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise DecodeError(f"{exc.__class__.__name__}: {exc}") from exc


@contextmanager
def standing_in() -> Iterator[None]:
    """Be what `import msgspec` finds, unless the real one is there already."""
    if "msgspec" in sys.modules:
        yield
        return
    module: Any = ModuleType("msgspec", __doc__)
    module.Struct, module.DecodeError = Struct, DecodeError
    module.json = SimpleNamespace(Encoder=Encoder, decode=decode)
    sys.modules["msgspec"] = module
    try:
        yield
    finally:
        del sys.modules["msgspec"]


def _fields(struct: Struct) -> dict[str, object]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _tagged_fields(struct: Struct) -> dict[str, object]:
    tag = {"type": struct.__struct_tag__} if struct.__struct_tag__ else {}
    return {**tag, **_fields(struct)}


def _without_nan(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _without_nan(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_without_nan(item) for item in value]
        case Struct():
            return _without_nan(_tagged_fields(value))
    return value
