"""Connections by name: a host with several addresses of which some refuse or are silent. The names are planted."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from harness.api import Harm, Runtime, Scenario, allowed, forbidden, interesting, names_of

from ..parts.planted_names import Answer, bind_port, has_addresses
from .names_lookup import NEEDS, PLANTED, SECONDS, planted
from .positions import list_positions
from .question import NEVER_ENDS, NOTED, PrerequisiteError, Trial, make_question
from .stream_attempt import RETURNS, Attempt, attempt, settle, wait_patiently

_MODULE = "harness_scenarios.behaviours.names_connect"
_EYEBALLS = "https://www.rfc-editor.org/rfc/rfc8305"
_ALL_ERRORS = "gh-74166: https://github.com/python/cpython/issues/74166"
_HOST = "several.test"
_READ_BYTES = 100


NO_ADDRESSES = "the system has one loopback address only"


def _require(addresses: list[str]) -> None:
    if not has_addresses(addresses):
        raise PrerequisiteError(NO_ADDRESSES)


def _has_client(server: socket.socket) -> bool:
    try:
        client, _ = server.accept()
    except BlockingIOError:
        return False
    client.close()
    return True


# --- some refuse ---

CONNECTS = "it connects to the address that accepts"
FAILS = "it fails although an address accepts"
ELSEWHERE = "its connection is not at the server"
_ADDRESSES = [f"127.0.0.{number}" for number in range(1, 6)]


async def _connect_to_one(runtime: Runtime, trial: Trial, addresses: list[str], position: int) -> str:
    with bind_port(addresses) as sockets:
        server = sockets[position]
        server.listen()
        names: dict[str, Answer] = {_HOST: addresses}
        port = server.getsockname()[1]
        async with planted(runtime, names):
            made = await attempt(runtime, trial, "client", "connects", names_of(runtime).connect_by_name, _HOST, port)
        if made.answer != RETURNS:
            return FAILS if made.ended else NEVER_ENDS
        await made.result.aclose()
        return CONNECTS if _has_client(server) else ELSEWHERE


async def _connect_where_one_accepts(runtime: Runtime, trial: Trial) -> str:
    """Of 1, 2, 3 and 5 addresses one accepts, at each position; then of ::1 and 127.0.0.1."""
    _require(_ADDRESSES)
    both = ["::1", "127.0.0.1"]
    hosts = [_ADDRESSES[:size] for size in (1, 2, 3, 5)] + ([both] if has_addresses(both) else [])
    for addresses in hosts:
        for position in list_positions(len(addresses)):
            answer = await _connect_to_one(runtime, trial, addresses, position)
            if answer != CONNECTS:
                trial.observe("case", f"number {position + 1} of {', '.join(addresses)} accepts")
                return answer
    return CONNECTS


one_accepts = make_question(
    _connect_where_one_accepts,
    name="names.one-address-accepts",
    question="A host has 1 to 5 addresses, of both families, and one of them accepts: does a client come there?",
    contract=("Each address is tried until one accepts.",),
    ref=f"{_MODULE}:one_accepts",
    answers=PLANTED
    | {
        CONNECTS: allowed("the next address is tried when one refuses"),
        NO_ADDRESSES: allowed("127.0.0.2 and the following ones are Linux"),
        FAILS: forbidden("an address that accepts was not tried", harm=Harm.SERVER),
        ELSEWHERE: forbidden("there is no other server", harm=Harm.DATA),
        NEVER_ENDS: forbidden("each address answers at once"),
    },
    repetitions=1,
    judges={"case": NOTED},
    requires=NEEDS,
    seconds=SECONDS,
    catches=("only-first-address-is-tried", "last-address-is-not-tried", "one-family-is-tried"),
)

# --- all refuse ---

REFUSED = "an error that is a refusal"
NO_REFUSAL = "an error without the number of a refusal"
NOT_OS_ERROR = "an error that is no OSError"


async def _connect_where_all_refuse(runtime: Runtime, trial: Trial) -> str:
    """A host has one address without a server, then three."""
    error = OSError()
    _require(_ADDRESSES[:3])
    with bind_port(_ADDRESSES[:3]) as reserved:
        port = reserved[0].getsockname()[1]
        for addresses in (_ADDRESSES[:1], _ADDRESSES[:3]):
            names: dict[str, Answer] = {_HOST: addresses}
            async with planted(runtime, names):
                made = await attempt(
                    runtime, trial, "client", "connects", names_of(runtime).connect_by_name, _HOST, port
                )
            if made.answer == RETURNS:
                await made.result.abort()
                return ELSEWHERE
            if made.error is None:
                return NEVER_ENDS
            if not isinstance(made.error, OSError):
                return NOT_OS_ERROR
            error = made.error
    trial.observe("addresses in the error", _count_addresses(error))
    return REFUSED if error.errno == errno.ECONNREFUSED else NO_REFUSAL


def _count_addresses(error: BaseException) -> int:
    """Return how many of the addresses an error, its cause and their parts name."""
    texts: list[str] = []

    def collect(exc: BaseException | None) -> None:
        if exc is not None:
            texts.append(str(exc))
            collect(exc.__cause__)
            for part in exc.exceptions if isinstance(exc, BaseExceptionGroup) else ():
                collect(part)

    collect(error)
    return sum(any(address in text for text in texts) for address in _ADDRESSES[:3])


all_refuse = make_question(
    _connect_where_all_refuse,
    name="names.all-addresses-refuse",
    question="A host has three addresses and all of them refuse: which error does the client get?",
    contract=("It fails with an OSError.",),
    ref=f"{_MODULE}:all_refuse",
    answers=PLANTED
    | {
        REFUSED: allowed("one of the refusals stands for all"),
        NO_ADDRESSES: allowed("127.0.0.2 and the following ones are Linux"),
        NO_REFUSAL: interesting(
            "several errors become one OSError without a number: a handler of ConnectionRefusedError works with one "
            "address, and not with several",
            _ALL_ERRORS,
            harm=Harm.ERROR,
        ),
        NOT_OS_ERROR: forbidden("a connect that fails raises an OSError", harm=Harm.ERROR),
        ELSEWHERE: forbidden("there is no server", harm=Harm.DATA),
        NEVER_ENDS: forbidden("each address answers at once"),
    },
    repetitions=1,
    judges={"addresses in the error": NOTED},
    requires=NEEDS,
    catches=("refused-connect-by-name-waits", "refused-connect-by-name-is-no-os-error"),
)

# --- one is silent ---

GOES_ON = "it goes on to the next address"
WAITS = "it waits for the first address"
NO_SILENCE = "the system has no silent address"
_SILENT_TURNS = 450
"""At least as many milliseconds; a client that does not wait tries the next address after 250 ms."""


async def _connect_past_a_silent_one(runtime: Runtime, trial: Trial) -> str:
    """The first address of a host has a full backlog and takes no more clients; the second one accepts."""
    addresses = _ADDRESSES[:2]
    _require(addresses)
    with ExitStack() as stack:
        silent, server = stack.enter_context(bind_port(addresses))
        silent.listen(0)
        server.listen()
        port = silent.getsockname()[1]
        fillers = [stack.enter_context(socket.socket()) for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        await runtime.sleep(0.01)
        if _is_connected(fillers[-1]):
            raise PrerequisiteError(NO_SILENCE)
        connecting = Attempt(runtime, trial, "client")
        names: dict[str, Answer] = {_HOST: addresses}
        async with planted(runtime, names), runtime.open_task_group() as group:
            await group.spawn(connecting.make, "connects", names_of(runtime).connect_by_name, _HOST, port)
            await wait_patiently(runtime, lambda: connecting.ended, turns=_SILENT_TURNS)
            await group.cancel()
        if connecting.answer == RETURNS:
            await connecting.result.aclose()
            return GOES_ON if _has_client(server) else ELSEWHERE
    return FAILS if connecting.ended else WAITS


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


silent_address = make_question(
    _connect_past_a_silent_one,
    name="names.silent-address",
    question="The first address of a host is silent, and the second one accepts: does a client wait for the first?",
    contract=("A silent address is no failure.",),
    ref=f"{_MODULE}:silent_address",
    answers=PLANTED
    | {
        GOES_ON: allowed("the next address is tried beside a silent one (happy eyeballs)", _EYEBALLS),
        WAITS: interesting(
            "the next address has its turn when the system gives the first one up, after two minutes",
            _EYEBALLS,
            harm=Harm.TIME,
        ),
        NO_SILENCE: allowed("a full backlog answers"),
        NO_ADDRESSES: allowed("127.0.0.2 and the following ones are Linux"),
        FAILS: forbidden("an address that accepts was not tried", harm=Harm.SERVER),
        ELSEWHERE: forbidden("there is no other server", harm=Harm.DATA),
    },
    repetitions=1,
    requires=NEEDS,
    seconds=SECONDS,
    screening=False,
    catches=("silent-address-fails",),
)

# --- numeric ---

AT_ONCE = "it connects while look-ups wait"
BEHIND_LOOKUPS = "it waits behind the look-ups"
_MANY = 100
_TURNS = 1200


async def _connect_by_number(runtime: Runtime, trial: Trial) -> str:
    """A hundred look-ups are held; a client connects to a numeric host."""
    names: dict[str, Answer] = {f"host{number}.test": ["127.0.0.1"] for number in range(_MANY)}
    connecting = Attempt(runtime, trial, "client")
    with bind_port(["127.0.0.1"]) as (server,):
        server.listen()
        port = server.getsockname()[1]
        async with planted(runtime, names, *names) as plants, runtime.open_task_group() as group:
            for name in names:
                await group.spawn(names_of(runtime).resolve, name, port)
            await wait_patiently(runtime, lambda: plants.waiting > 0, turns=_TURNS)
            await settle(runtime)
            await group.spawn(connecting.make, "connects", names_of(runtime).connect_by_name, "127.0.0.1", port)
            is_early = await wait_patiently(runtime, lambda: connecting.ended)
            plants.let_go()
        if connecting.answer != RETURNS:
            return FAILS if connecting.ended else NEVER_ENDS
        await connecting.result.aclose()
        if not _has_client(server):
            return ELSEWHERE
    return AT_ONCE if is_early else BEHIND_LOOKUPS


numeric = make_question(
    _connect_by_number,
    name="names.numeric-host-while-look-ups-wait",
    question="A hundred look-ups take long: does a connect to a numeric host wait for them?",
    contract=("It connects, at the latest when the look-ups have ended.",),
    ref=f"{_MODULE}:numeric",
    answers=PLANTED
    | {
        AT_ONCE: allowed("a numeric host needs no look-up, or there are threads enough"),
        BEHIND_LOOKUPS: interesting("it is looked up in a thread too, of which there is none", harm=Harm.TIME),
        FAILS: forbidden("the server accepts", harm=Harm.SERVER),
        ELSEWHERE: forbidden("there is no other server", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the look-ups have ended"),
    },
    repetitions=1,
    requires=NEEDS,
    seconds=SECONDS,
    screening=False,
    catches=("numeric-host-needs-the-name-server",),
)

SCENARIOS: tuple[Scenario, ...] = (one_accepts, all_refuse, silent_address, numeric)
