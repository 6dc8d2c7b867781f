"""Declarations of a backend (read on the host, without importing its runtime) and the interface of its runner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

import msgspec

from .certificates import find_missing_certificates
from .runtime import Runtime


class Capability(StrEnum):
    """A feature that a runtime may lack. Every backend must offer all features that are not listed here."""

    CANCEL_SCOPE = "cancel scope"
    """`open_cancel_scope(...).cancel()`: cancel a block by call."""
    SHIELD = "shield"
    """`open_cancel_scope(shield=True)`."""
    DEADLINE = "deadline"
    """`deadline=`, `fail_after`, `move_on_after`."""
    GROUP_CANCEL = "group cancel"
    """`TaskGroup.cancel()`."""
    CHANNEL = "channel"
    """`open_channel` with a capacity above 0."""
    CHANNEL_CLOSE = "channel close"
    """Closing the last sender ends the receivers."""
    RENDEZVOUS = "rendezvous"
    """`open_channel(0)`."""
    SELECT = "select"
    """`first_completed`."""
    ABORT = "abort"
    """`ByteStream.abort`."""
    DETACHED = "detached task"
    """`spawn_detached`."""
    THREAD = "thread offload"
    """`run_in_thread`."""
    PROCESS = "process offload"
    """`run_in_process`."""
    CHILD_PROCESS = "child process"
    """`processes_of(runtime)`: programs that the runtime starts and waits for. A chapter."""
    BRIDGE = "bridge"
    """`bridge_of(runtime)`: an inbox and an event that threads may use, a scheduler in another thread. A chapter."""
    BRIDGE_CALL = "bridge call"
    """`Bridge.call_soon`, `call` and `run`: functions that a thread has called by the scheduler. Part of a chapter."""
    BRIDGE_JOB = "bridge job"
    """`Bridge.submit`: a call that a thread starts and waits for later. Part of a chapter."""
    DIRECT_CALL = "direct call"
    """`Bridge.direct`: the scheduler's own objects, called by a thread without the bridge. Part of a chapter."""
    SERVER = "server"
    """`servers_of(runtime)`: servers with a handler for each connection. A chapter."""
    TLS = "TLS"
    """`tls_of(runtime)`: TLS over TCP streams. A chapter."""
    DATAGRAM = "datagram"
    """`datagrams_of(runtime)`: UDP endpoints. A chapter."""
    UNIX = "unix socket"
    """`unix_of(runtime)`: streams and listeners on a path. A chapter."""
    NAMES = "name look-up"
    """`names_of(runtime)`: look-ups, and connections to a host by its name. A chapter."""
    PLANTED_NAMES = "planted names"
    """`socket.getaddrinfo` answers the look-ups, so that a scenario can replace it. Part of a chapter."""


UNORDERED = 100
"""Position of a backend or scenario that declares none: after those that do."""

CHAPTERS = frozenset(
    {
        Capability.CHILD_PROCESS,
        *(Capability.BRIDGE, Capability.BRIDGE_CALL, Capability.BRIDGE_JOB, Capability.DIRECT_CALL),
        *(Capability.SERVER, Capability.TLS),
        Capability.DATAGRAM,
        *(Capability.UNIX, Capability.NAMES, Capability.PLANTED_NAMES),
    }
)
"""Capabilities that are a chapter of the contract (`harness.api.chapters`).

A chapter is newer than the plugins that do not mention it, so that a backend offers it only if it declares it; every
other capability that a backend does not mention is native.
"""

_UNDECLARED = "the backend does not declare this chapter of the contract"


class Support(StrEnum):
    """How a backend offers a capability."""

    NATIVE = "native"
    """The runtime has it, and the adapter calls it."""
    EMULATED = "emulated"
    """The adapter builds it on top of other features of the runtime."""
    ABSENT = "absent"
    """It is not there; a scenario that needs it is unsupported."""


class Offer(msgspec.Struct, frozen=True):
    """How a capability is offered, and how it is built or why it is not there."""

    support: Support
    """Whether the runtime has it."""
    note: str = ""
    """How it is built, or why it is not there."""


class CapabilityCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A quick look whether a runtime can do one thing at all, before any question is asked of it."""

    name: str
    """The check in a few words, such as `TCP server and client`."""
    run: Callable[[], str]
    """Run the check. Returns the missing feature on one line, or nothing; an exception counts as missing too."""
    is_essential: bool = False
    """Whether nothing can be asked without it."""
    gates: tuple[str, ...] = ()
    """Items that are skipped without it: capabilities (`thread offload`) and idioms (`io=sock`)."""


class BackendOption(msgspec.Struct, frozen=True, kw_only=True):
    """One `key=value` of a backend spec. `choices` is empty for free text.

    Where the choices are idioms of the runtime for one word (`is_idiom`), `--variants` runs each of them.
    `unavailable` maps a choice that this environment cannot do to the reason. `offers` lists for a choice the
    capabilities it offers otherwise than the backend does.
    """

    name: str
    """The key, as in a backend spec."""
    default: str
    """The value where a spec has none."""
    summary: str
    """Effect of the option, on one line."""
    choices: tuple[str, ...] = ()
    is_idiom: bool = False
    unavailable: dict[str, str] = {}
    offers: dict[str, dict[Capability, Offer]] = {}


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of a backend: data only, so that listing backends imports no runtime.

    `runner` is `"module:Class"` of a `BackendRunner`; only a worker imports it. `distributions` are the names of the
    installed packages whose versions identify the runtime. `implements` maps a scenario's name to `"module:function"`
    where the runtime's idiom cannot be said through `Runtime`; the report shows it.
    """

    name: str
    """What backend specs call it."""
    summary: str
    """Description on one line."""
    runner: str
    options: tuple[BackendOption, ...] = ()
    """Its options."""
    capabilities: dict[Capability, Offer] = {}
    """Support of each capability. One that is not listed is native, and absent if it is one of `CHAPTERS`."""
    distributions: tuple[str, ...] = ()
    install_hint: str = ""
    """What to do where the runtime is not there."""
    requires_python: str = ""
    """Versions of Python on which the runtime can be imported, as a version specifier (`<3.12`); empty for any."""
    implements: dict[str, str] = {}
    stand_in: str = ""
    """The option that names a stand-in for its scheduler, as `module[:factory]`; `harness drop-in` takes its value."""
    capability_checks: str = ""
    """`"module:function"` that takes the options of a spec and returns a `CapabilityCheck` for each thing that the
    runtime's users rely on; only a worker imports it."""
    script_writer: str = ""
    """`"module:function"` that takes the options of a spec and the text of a reproducer, and returns the text for this
    backend, e.g. with the event loop that the options name. Empty where the text needs no change."""
    control: str = ""
    """For a backend that is broken on purpose (`Saboteur`): the healthy one. It runs only where it is named,
    or with `--saboteurs`."""
    derives_from: str = ""
    """The backend that it is built on (`"asyncio"` for a loop that is asyncio with another event loop): it inherits
    the known differences of that backend, and behaviour that both share is no finding against it."""
    order: int = UNORDERED
    """Position in lists and grids: the lowest first, equal ones by name."""
    parallel: bool = False
    """Whether its tasks are threads of the system: figures then scatter with where these run, and less precision is
    asked of them."""
    forkable: bool = True
    """Whether its cells may be forked from a process that has imported the runtime and started nothing."""
    why_not_forkable: str = ""
    """The reason, for `harness doctor`, if they may not."""
    schedules: str = ""
    """`"module:Class"` of its `ScheduledRuns`, which runs generated programs under a chosen schedule on a virtual
    clock; without one, `harness explore` runs them in the runtime's own order and on the real clock."""
    dialect: str = ""
    """`"module:Class"` of what writes a generated program as a script in the runtime's own words; see
    `harness.explore.script`."""
    in_force: str = ""
    """`"module:function"` that takes the options of a spec and returns an `InForce`; without one, no test suite can be
    run on the backend."""
    costs: dict[str, str] = {}
    """By scenario, the cost of the adapter relative to a program written by hand for the runtime, where that is
    more than a few per cent. It stands beside each ratio."""

    def offer(self, capability: Capability, options: Mapping[str, str] = MappingProxyType({})) -> Offer:
        """Return how this backend, with these options, offers a capability, mentioned or not.

        TLS is absent where there are no certificates for it, whatever the backend declares.
        """
        if capability is Capability.TLS and (missing := find_missing_certificates()):
            return Offer(Support.ABSENT, missing)
        unmentioned = Offer(Support.ABSENT, _UNDECLARED) if capability in CHAPTERS else Offer(Support.NATIVE)
        return self.offers(options).get(capability, unmentioned)

    def offers(self, options: Mapping[str, str]) -> dict[Capability, Offer]:
        """Return every offer that it mentions, as these options change them."""
        offers = dict(self.capabilities)
        for option in self.options:
            offers |= option.offers.get(options.get(option.name, option.default), {})
        return offers


class UnhandledReport(Protocol):
    """Takes each exception that a runtime logged or dropped because no task awaited it."""

    def __call__(self, exc: BaseException | None, context: str) -> None:
        """Report one; `exc` is `None` where the runtime only has a message."""


class InForce(Protocol):
    """A scheduler in force for code that starts its scheduler itself, such as a test suite.

    Made once in a worker, before anything of that code is imported.
    """

    wanted: str
    """`module.QualName` of the class of the scheduler in force."""
    made: int
    """How many schedulers the code has made of it so far, whether they ran or not."""

    def take_schedulers(self) -> tuple[str, ...]:
        """Return the classes of the schedulers that ran since the last call, also of those that the code chose."""

    def list_tasks(self) -> dict[int, str]:
        """Return the names of the pending tasks of every scheduler, by an identity while they exist."""

    def order(self, seed: int | None) -> None:
        """Have schedulers that start from now on take the steps of tasks in the order of a seed.

        `None` is their own order. 0 is their own order as well, with the hooks of a seed in place: code
        that ends differently then cannot be asked under other orders.
        """

    def runtime(self) -> Runtime | None:
        """Return the runtime of the scheduler that runs in the calling thread, to describe its tasks."""


class BackendRunner(Protocol):
    """Runs a scenario on a runtime; created once in a worker, with the options of the backend spec."""

    def __init__(self, options: Mapping[str, str]) -> None: ...

    @property
    def expected_scheduler(self) -> str:
        """Glob that `module.QualName` of `Runtime.scheduler()`'s class must match, e.g. `"uvloop.Loop"`."""

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)` to its end on a fresh runtime, the way the runtime's documentation shows.

        Raises: whatever `main` raised, as the runtime raises it.
        """
