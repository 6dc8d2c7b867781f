"""Behaviour of a listening socket that is closed, cancelled, shared or opened again."""

from __future__ import annotations

import time
from functools import partial

from harness.api import (
    ByteStream,
    Capability,
    Harm,
    Listener,
    Runtime,
    Scenario,
    allowed,
    bounded,
    forbidden,
    interesting,
)

from .question import NEVER_ENDS, Trial, make_question
from .raw_peer import END_OF_STREAM, RESET, SOCKET_STAYS_OPEN, STAYS_OPEN, STAYS_TAKEN, RawPeer, Received, dial
from .stream_attempt import NEEDED, RETURNS, Attempt, attempt, settle, wait_patiently

SOCK = ("asyncio:io=sock", "uvloop:io=sock")
"""The other way to accept on asyncio and its loops: `loop.sock_accept`."""
VARIANTS = (*SOCK, "threads:close=shutdown")

_MODULE = "harness_scenarios.behaviours.listener"
_SEVERAL = 5
_FEW = 3
_READ_BYTES = 4096

# --- close ---


async def ask_wakes_accept(runtime: Runtime, trial: Trial) -> str:
    """A task waits in accept; another one closes the listener."""
    listener = await runtime.listen()
    accepting, closing = Attempt(runtime, trial, "acceptor"), Attempt(runtime, trial, "closer")
    async with runtime.open_task_group() as group:
        await group.spawn(accepting.make, "accepts", listener.accept)
        await accepting.settled()
        await group.spawn(closing.make, "closes", listener.aclose)
        await wait_patiently(runtime, lambda: accepting.ended and closing.ended)
        await group.cancel()
    if accepting.answer == RETURNS:
        await accepting.result.abort()
    return accepting.answer if closing.ended else "the close never ends"


close_wakes_accept = make_question(
    ask_wakes_accept,
    name="listener.close-wakes-accept",
    question="What does a waiting accept say when another task closes the listener?",
    contract=("Closing a listener ends whoever waits in it.",),
    ref=f"{_MODULE}:close_wakes_accept",
    answers={
        "raises closed": allowed("the acceptor sees that its own side has closed"),
        "raises broken": interesting("the acceptor sees a lost connection"),
        "raises other": interesting("the acceptor is woken, by an error that does not say why"),
        RETURNS: forbidden("a connection that no client has made"),
        "the close never ends": forbidden("the close waits for the acceptor", harm=Harm.HANG),
        NEVER_ENDS: forbidden("the acceptor sleeps on a closed descriptor for ever", "close(2)"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=VARIANTS,
    catches=("listener-close-wakes-nobody", "listener-close-hangs"),
)


async def ask_backlog(runtime: Runtime, trial: Trial) -> str:
    """Clients connect and are not accepted; the listener is closed."""
    listener = await runtime.listen()
    clients = [dial(listener) for _ in range(_FEW)]
    trial.step("clients", "connect")
    await settle(runtime)
    await listener.aclose()
    trial.step("task", "closes the listener")
    received = [Received() for _ in clients]

    def all_ended() -> bool:
        for client, what in zip(clients, received, strict=True):
            client.look(what)
        return all(what.end != STAYS_OPEN for what in received)

    await wait_patiently(runtime, all_ended)
    for client in clients:
        client.reset()
    return " or ".join(sorted({what.end for what in received}))


backlog_at_close = make_question(
    ask_backlog,
    name="listener.backlog-at-close",
    question="What do clients see that were connected and not accepted when the listener is closed?",
    contract=("A client that will not be served gets an error or the end of the stream.",),
    ref=f"{_MODULE}:backlog_at_close",
    answers={
        RESET: allowed("as the kernel does with connections left in its queue"),
        END_OF_STREAM: interesting("it looks as if the server had answered with nothing"),
        f"{END_OF_STREAM} or {RESET}": interesting("some were accepted ahead and closed, others reset by the kernel"),
        STAYS_OPEN: forbidden(
            "the clients wait for ever for a server that is gone", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN
        ),
        f"{RESET} or {STAYS_OPEN}": forbidden(
            "some clients wait for ever for a server that is gone", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN
        ),
        f"{END_OF_STREAM} or {STAYS_OPEN}": forbidden(
            "some clients wait for ever for a server that is gone", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN
        ),
        NEVER_ENDS: forbidden("the close waits for ever"),
    },
    requires=NEEDED,
    repetitions=2,
    variants=VARIANTS,
    catches=("listener-closed-in-name",),
)


async def ask_live(runtime: Runtime, trial: Trial) -> str:
    """Close a listener while a connection that it has accepted lives on; then use that connection."""
    listener = await runtime.listen()
    client = dial(listener)
    stream = await listener.accept()
    trial.step("server", "accepts")
    closing = Attempt(runtime, trial, "closer")
    async with runtime.open_task_group() as group:
        await group.spawn(closing.make, "closes the listener", listener.aclose)
        answer = await closing.patiently()
        works = await _still_works(runtime, trial, stream, client)
        client.reset()
        await stream.abort()
        await closing.patiently()
        await group.cancel()
    if answer == NEVER_ENDS:
        return "waits for the connection" if closing.ended else NEVER_ENDS
    return f"{answer}, and the connection {'lives on' if works else 'is cut'}"


async def _still_works(runtime: Runtime, trial: Trial, stream: ByteStream, client: RawPeer) -> bool:
    client.send(b"request")
    request = await attempt(runtime, trial, "server", "reads", stream.receive_some, _READ_BYTES)
    reply = await attempt(runtime, trial, "server", "replies", stream.send_all, b"reply")
    received = await client.receive(runtime, len(b"reply"))
    return (request.result, reply.answer, received.head) == (b"request", RETURNS, b"reply")


close_with_live_connection = make_question(
    ask_live,
    name="listener.close-with-live-connection",
    question="Does closing a listener wait for, or cut, a connection that it has accepted?",
    contract=("Closing a listener returns.", "It leaves accepted connections alone."),
    ref=f"{_MODULE}:close_with_live_connection",
    answers={
        "returns, and the connection lives on": allowed("accepted connections are the application's"),
        "waits for the connection": forbidden(
            "one client that stays keeps the server from closing", "gh-79033, gh-104344"
        ),
        "returns, and the connection is cut": forbidden(
            "an accepted connection was cut by closing the listener", harm=Harm.DATA
        ),
        NEVER_ENDS: forbidden("the close never returns, even when the client has gone"),
    },
    requires=NEEDED,
    repetitions=2,
    variants=(*VARIANTS, "asyncio:close=wait", "uvloop:close=wait"),
    catches=("listener-close-hangs", "listener-close-cuts", "listener-close-waits"),
)

# --- accept ---

_DEADLINE_SECONDS = 0.01
_BLOCK_SECONDS = 0.03
"""Past the deadline, and enough that both are long due when the loop looks."""


async def ask_cancelled_accept(runtime: Runtime, trial: Trial) -> str:
    """A client connects and the deadline of the accept passes while the loop is busy; then accept again."""
    listener = await runtime.listen()
    first, second = Attempt(runtime, trial, "acceptor"), Attempt(runtime, trial, "next acceptor")
    clients: list[RawPeer] = []

    async def connect_and_block() -> None:
        await first.begun.wait()
        await runtime.checkpoint()
        clients.append(dial(listener))
        trial.step("client", "connects while the loop is busy until after the deadline")
        time.sleep(_BLOCK_SECONDS)  # noqa: ASYNC251 - to block the loop is the point

    async with runtime.open_task_group() as group:
        await group.spawn(connect_and_block)
        async with runtime.move_on_after(_DEADLINE_SECONDS):
            await first.make("accepts with a deadline", listener.accept)
    async with runtime.open_task_group() as group:
        if not first.ended:
            await group.spawn(second.make, "accepts", listener.accept)
            await second.patiently()
        await group.cancel()
    for made in (first, second):
        if made.answer == RETURNS:
            await made.result.abort()
    for client in clients:
        client.reset()
    await listener.aclose()
    return _FOUND_BY[first.answer == RETURNS, second.answer == RETURNS]


_FOUND_BY = {
    (True, False): "accept returns it although late",
    (False, True): "the next accept returns it",
    (False, False): "the connection is lost",
}

cancelled_accept = make_question(
    ask_cancelled_accept,
    name="listener.cancelled-accept-keeps-connection",
    question="Is a connection lost that arrives in the tick in which the accept is cancelled?",
    contract=("A cancelled accept has accepted nothing.",),
    ref=f"{_MODULE}:cancelled_accept",
    answers={
        "accept returns it although late": allowed("the result wins over the deadline"),
        "the next accept returns it": allowed("the deadline wins, and nothing was taken"),
        "the connection is lost": forbidden(
            "time-out reported and the accepted connection dropped", "discussed in CPython PR 28149", harm=Harm.DATA
        ),
    },
    requires=(Capability.DEADLINE, *NEEDED),
    repetitions=2,
    variants=SOCK,
    catches=("cancelled-accept-drops",),
)


async def ask_order(runtime: Runtime, trial: Trial) -> str:
    """Clients connect one after another and send their number; then all are accepted."""
    listener = await runtime.listen()
    clients = [dial(listener) for _ in range(8)]
    for number, client in enumerate(clients):
        client.send(b"%d" % number)
    order = []
    for _ in clients:
        accepting = await attempt(runtime, trial, "acceptor", "accepts", listener.accept)
        if accepting.answer != RETURNS:
            break
        order.append(int(await accepting.result.receive_some(_READ_BYTES)))
        await accepting.result.aclose()
    trial.step("acceptor", f"has accepted {len(order)}")
    for client in clients:
        client.reset()
    await listener.aclose()
    if sorted(order) != list(range(len(clients))):
        return "a connection is lost or doubled"
    return "in order of arrival" if order == sorted(order) else "in another order"


accept_order = make_question(
    ask_order,
    name="listener.accept-order",
    question="In which order are waiting connections accepted?",
    contract=("Each connection is accepted once.",),
    ref=f"{_MODULE}:accept_order",
    answers={
        "in order of arrival": allowed("the kernel's queue is first in, first out"),
        "in another order": interesting("the runtime accepts ahead and hands over in another order"),
        "a connection is lost or doubled": forbidden("each connection is accepted once", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a connection is accepted, and what its client has sent is lost"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=SOCK,
    catches=("second-connection-lost",),
)

# --- ports ---


async def ask_listen_again(runtime: Runtime, trial: Trial) -> str:
    """Serve a client, close first (so that the port has a connection in TIME_WAIT), and listen on the port again."""
    listener = await runtime.listen()
    port = listener.address[1]
    client = dial(listener)
    stream = await listener.accept()
    await stream.aclose()
    await client.receive_to_end(runtime)
    client.close()
    await listener.aclose()
    trial.step("task", "serves and closes first")
    again = await attempt(runtime, trial, "task", "listens on the port again", partial(runtime.listen, port=port))
    if again.answer == RETURNS:
        await again.result.aclose()
    return again.answer


listen_again = make_question(
    ask_listen_again,
    name="listener.listen-again",
    question="Can a server be restarted at once on a port that has connections in TIME_WAIT?",
    contract=("A port can be listened on again as soon as its listener is closed.",),
    ref=f"{_MODULE}:listen_again",
    answers={
        RETURNS: allowed("the runtime sets SO_REUSEADDR", "socket(7)"),
        "raises out of ports": forbidden(
            "a restart has to wait: SO_REUSEADDR is not set, or a closed socket holds the port",
            "socket(7)",
            symptom=STAYS_TAKEN,
            follows_from=SOCKET_STAYS_OPEN,
        ),
        "raises other": forbidden("a restart fails"),
        NEVER_ENDS: forbidden("a restart waits for ever"),
    },
    requires=NEEDED,
    repetitions=2,
    variants=SOCK,
    catches=("listener-closed-in-name", "port-not-reused"),
)


async def ask_taken(runtime: Runtime, trial: Trial) -> str:
    """Listen on a port on which the same program listens already."""
    listener = await runtime.listen()
    port = listener.address[1]
    second = await attempt(runtime, trial, "task", "listens on a taken port", partial(runtime.listen, port=port))
    if second.answer == RETURNS:
        await second.result.aclose()
    await listener.aclose()
    return second.answer


port_taken = make_question(
    ask_taken,
    name="listener.port-taken",
    question="What does a listen say on a port that is taken?",
    contract=("Two listeners share a port only if both ask for it.",),
    ref=f"{_MODULE}:port_taken",
    answers={
        "raises out of ports": allowed("EADDRINUSE", "bind(2)"),
        "raises other": interesting("an error that does not say that the port is taken"),
        RETURNS: forbidden("the second listener takes connections from the first one in silence"),
    },
    requires=NEEDED,
    repetitions=2,
    variants=SOCK,
    catches=("port-shared",),
)

_SHARED_CONNECTIONS = 40


async def ask_shares_load(runtime: Runtime, trial: Trial) -> str:
    """Two listeners on one port, and 40 connections."""
    first = await runtime.listen(reuse_port=True)
    listeners = (first, await runtime.listen(port=first.address[1], reuse_port=True))
    accepted: tuple[list[ByteStream], list[ByteStream]] = ([], [])
    async with runtime.open_task_group() as group:
        for listener, streams in zip(listeners, accepted, strict=True):
            await group.spawn(_accept_all, listener, streams)
        clients = [dial(first) for _ in range(_SHARED_CONNECTIONS)]
        await wait_patiently(runtime, lambda: sum(map(len, accepted)) >= _SHARED_CONNECTIONS)
        await settle(runtime)
        await group.cancel()
    lost = _SHARED_CONNECTIONS - sum(map(len, accepted))
    for client in clients:
        client.reset()
    for stream in (*accepted[0], *accepted[1]):
        await stream.abort()
    for listener in listeners:
        await listener.aclose()
    trial.step("acceptors", f"{lost} connections are lost")
    trial.observe("connections lost", lost)
    return "both get connections" if all(accepted) else "one gets all"


async def _accept_all(listener: Listener, streams: list[ByteStream]) -> None:
    while True:
        streams.append(await listener.accept())


shares_load = make_question(
    ask_shares_load,
    name="listener.shares-load",
    question="Do two listeners on one port share the connections?",
    contract=("Each connection is accepted once, by either listener.",),
    ref=f"{_MODULE}:shares_load",
    answers={
        "both get connections": allowed("the kernel chooses by the address of the client", "socket(7), SO_REUSEPORT"),
        "one gets all": interesting("the other listener is idle"),
        NEVER_ENDS: forbidden("a listener never comes to listen"),
    },
    judges={
        "connections lost": bounded(at_least=0, at_most=0, reason="each connection is accepted once, by one of them")
    },
    requires=NEEDED,
    repetitions=2,
    variants=SOCK,
    catches=("second-connection-lost",),
)

SCENARIOS: tuple[Scenario, ...] = (
    close_wakes_accept,
    backlog_at_close,
    close_with_live_connection,
    cancelled_accept,
    accept_order,
    listen_again,
    port_taken,
    shares_load,
)
