"""How a runtime is asked for a chapter of the contract.

A chapter is a protocol of its own with a capability of `CHAPTERS`. It is no member of `Runtime`, so that a plugin from
before the chapter stays valid, also to a type checker: its backend does not declare the capability, a scenario that
requires it is unsupported there, and its runtime needs no method. A backend that declares it has a method of the
chapter's name on its runtime, which takes nothing and returns the protocol; a scenario asks with the typed function of
the chapter's module, such as `processes_of(runtime)`.
"""

from __future__ import annotations

from typing import Any

from .errors import UnsupportedError
from .runtime import Runtime


def chapter_of(runtime: Runtime, name: str) -> Any:
    """Return a chapter of a runtime: what its method `name` returns.

    Raises:
        UnsupportedError: the runtime has no such method.
    """
    chapter = getattr(runtime, name, None)
    if chapter is None:
        raise UnsupportedError(f"{runtime.name} has no chapter {name!r}: its backend must declare the capability")
    return chapter()
