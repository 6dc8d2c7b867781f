"""Sends that fail: who gets the error, which datagram is lost with it, and whether the endpoint works afterwards."""

from __future__ import annotations

import errno

from harness.api import (
    RAISED,
    DatagramEndpoint,
    Harm,
    Parameter,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    grid,
    interesting,
)
from harness.api.datagrams import LARGEST, Address

from .datagram_stand import CANCELS, LAST, NEEDS, RawSocket, choose_host, list_hosts, opened, receive_all
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question
from .stream_attempt import Attempt, describe_raised, settle, wait_patiently

_MODULE = "harness_scenarios.behaviours.datagram_errors"
_UDP = "https://man7.org/linux/man-pages/man7/udp.7.html"
_PROTOCOL = "https://docs.python.org/3/library/asyncio-protocol.html#asyncio.DatagramProtocol.error_received"

RAISES = "the send raises the error of the system"
REPORTED = "the send returns, and the error is reported beside the calls"
UNSEEN = "the send returns, and no error is seen"
OTHER_ERROR = "the send raises another error"
TWICE_SEEN = "the error is seen twice"
PART_SENT = "something arrives all the same"
DEAD = "the endpoint works no more"


async def _try_to_send(endpoint: DatagramEndpoint, data: bytes, to: Address | None) -> Exception | None:
    try:
        await endpoint.send_to(data, to)
    except Exception as exc:  # noqa: BLE001 - the error is the answer; a cancellation is none
        return exc
    return None


# --- impossible sends ---

TOO_LARGE, TO_PORT_0, NO_ADDRESS = "one byte too large", "to port 0", "without an address"
_CODES = {TOO_LARGE: errno.EMSGSIZE, TO_PORT_0: errno.EINVAL, NO_ADDRESS: errno.EDESTADDRREQ}
_MOST = {"127.0.0.1": LARGEST, "::1": 65_527}
"""Bytes of the largest datagram; over IPv6 it has no IP header in its length."""


async def _send_impossible(runtime: Runtime, trial: Trial) -> str:
    what = trial.parameters["send"]
    for host in list_hosts():
        for connects in (False, True) if what == TOO_LARGE else (False,):
            answer = await _fail_to_send(runtime, trial, what, host, connects=connects)
            if answer not in (RAISES, REPORTED):
                trial.observe("case", f"{host}, {'' if connects else 'not '}connected")
                return answer
    return answer


async def _fail_to_send(runtime: Runtime, trial: Trial, what: str, host: str, *, connects: bool) -> str:
    with RawSocket(host) as raw:
        async with opened(runtime, host, peer=raw.address if connects else None) as endpoint:
            data = b"x" * (_MOST[host] + 1 if what == TOO_LARGE else 10)
            to = None if connects or what == NO_ADDRESS else (host, 0) if what == TO_PORT_0 else raw.address
            raised = await _try_to_send(endpoint, data, to)
            await settle(runtime)
            seen = [*endpoint.reported(), *([raised] if raised else [])]
            for exc in seen:
                trial.observe(RAISED, describe_raised(exc))
            if await _try_to_send(endpoint, LAST, None if connects else raw.address):
                return DEAD
            arrived: list[bytes] = []
            async with runtime.move_on_after(_DEAD_SECONDS):
                arrived = await raw.receive_all(runtime)
                raw.send(LAST, endpoint.address)
                await receive_all(endpoint)
                return PART_SENT if arrived else _grade_error(seen, raised, _CODES[what])
            return DEAD


_DEAD_SECONDS = 2.0
"""Longest wait for a datagram to and from an endpoint that works, which takes a millisecond."""


def _grade_error(seen: list[Exception], raised: Exception | None, code: int) -> str:
    if not seen:
        return UNSEEN
    if len(seen) > 1:
        return TWICE_SEEN
    if getattr(seen[0], "errno", None) != code:
        return OTHER_ERROR
    return RAISES if raised else REPORTED


_SEND = Parameter(name="send", default=TOO_LARGE, summary="the send that fails", choices=tuple(_CODES))

impossible = make_question(
    _send_impossible,
    name="datagram.failed-send",
    question="A send fails: which error is seen, by whom, and does the endpoint work on?",
    contract=("The error of a send is raised or reported, once.", "An endpoint works on after a send that failed."),
    ref=f"{_MODULE}:impossible",
    answers={
        RAISES: allowed("the caller gets the error", better_than=(REPORTED,)),
        REPORTED: interesting("the caller does not learn that nothing was sent: error_received gets it", _PROTOCOL),
        UNSEEN: forbidden("the error of a send is raised or reported", harm=Harm.DATA),
        OTHER_ERROR: interesting("the error does not tell its cause", harm=Harm.ERROR),
        TWICE_SEEN: forbidden("the error of a send is raised or reported, once", harm=Harm.ERROR),
        PART_SENT: forbidden("a send that fails sends nothing", harm=Harm.DATA),
        DEAD: forbidden("an endpoint works on after a send that failed", harm=Harm.SERVER),
        NEVER_ENDS: forbidden("a send that fails returns or raises"),
    },
    parameters=(_SEND,),
    rows={"quick": grid(send=_SEND.choices)},
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=NEEDS,
    catches=("error-of-a-send-unseen", "failed-send-kills-the-endpoint"),
)

# --- a closed port ---

SEND_RAISES = "the next send raises, and its datagram is not sent"
RECEIVE_RAISES = "a receive raises, and the next datagram arrives"
REPORTED_AND_SENT = "it is reported beside the calls, and the next datagram arrives"
REPORTED_AND_LOST = "it is reported beside the calls, and the next datagram is lost without an error"
NO_ERROR = "no error is seen, and the next datagram arrives"
NOTHING = "no error is seen, and the next datagram is lost"
_SENDS, _SENDS_LATER, _RECEIVES, _WAITS, _UNCONNECTED = (
    "the next call is a send",
    "the next call is a send, some turns later",
    "the next call is a receive",
    "a receive waits",
    "the endpoint is not connected",
)


async def _send_to_closed_port(runtime: Runtime, trial: Trial) -> str:
    raw = RawSocket(choose_host())
    address = raw.address
    then = trial.parameters["then"]
    to = address if then == _UNCONNECTED else None
    async with opened(runtime, peer=None if to else address) as endpoint, runtime.open_task_group() as group:
        receive = Attempt(runtime, trial, "receiver")
        if then == _WAITS:
            await group.spawn(receive.make, "receive", endpoint.receive_from)
            await receive.settled()
        raw.close()
        await endpoint.send_to(b"to a closed port", to)
        if then == _RECEIVES:
            await group.spawn(receive.make, "receive", endpoint.receive_from)
        if then != _SENDS:
            await settle(runtime)
        if then in (_WAITS, _RECEIVES) and not endpoint.reported():
            await wait_patiently(runtime, lambda: receive.ended)
        with RawSocket(*address) as reopened:
            answer = await _send_again(runtime, trial, endpoint, reopened, to, receive)
        await group.cancel()
    return answer


async def _send_again(
    runtime: Runtime,
    trial: Trial,
    endpoint: DatagramEndpoint,
    peer: RawSocket,
    to: Address | None,
    receive: Attempt,
) -> str:
    """Send to the port, which is open again, and return who got the error, and whether that datagram arrived."""
    raised = await _try_to_send(endpoint, b"next", to)
    await settle(runtime)
    if raised is not None:
        trial.observe(RAISED, describe_raised(raised))
    reported = list(endpoint.reported())
    if await _try_to_send(endpoint, LAST, to):
        return DEAD
    arrived: list[bytes] | None = None
    async with runtime.move_on_after(_DEAD_SECONDS):
        arrived = await peer.receive_all(runtime)
        peer.send(LAST, endpoint.address)
        if receive.begun.is_set() and not receive.ended:
            await wait_patiently(runtime, lambda: receive.ended)
        else:
            await receive_all(endpoint)
        return _grade_refusal(raised, receive.error, reported, is_sent=b"next" in arrived)
    return DEAD


def _grade_refusal(
    raised: Exception | None, received: Exception | None, reported: list[Exception], *, is_sent: bool
) -> str:
    seen = [exc for exc in (raised, received, *reported) if exc is not None]
    if len(seen) > 1:
        return TWICE_SEEN
    if any(getattr(exc, "errno", None) != errno.ECONNREFUSED for exc in seen):
        return OTHER_ERROR
    if raised is not None:
        return PART_SENT if is_sent else SEND_RAISES
    if received is not None:
        return RECEIVE_RAISES if is_sent else NOTHING
    if reported:
        return REPORTED_AND_SENT if is_sent else REPORTED_AND_LOST
    return NO_ERROR if is_sent else NOTHING


_THEN = Parameter(
    name="then",
    default=_SENDS,
    summary="what follows the send to the closed port",
    choices=(_SENDS, _SENDS_LATER, _RECEIVES, _WAITS, _UNCONNECTED),
)

closed_port = make_question(
    _send_to_closed_port,
    name="datagram.closed-port",
    question="A datagram is sent to a closed port, which opens then: who gets the error, and does the next one arrive?",
    contract=("An endpoint works on after an error.", "A datagram whose send neither raises nor is reported arrives."),
    ref=f"{_MODULE}:closed_port",
    answers={
        SEND_RAISES: allowed("the system gives the error of one datagram to the send of the next", _UDP),
        RECEIVE_RAISES: allowed("the system gives the error to the next call, here a receive", _UDP),
        REPORTED_AND_SENT: allowed("error_received gets the error", _PROTOCOL),
        REPORTED_AND_LOST: interesting(
            "the send of the next datagram met the error, and returned as if it had sent", _PROTOCOL, harm=Harm.DATA
        ),
        NO_ERROR: allowed("the system tells no endpoint that is not connected", _UDP),
        NOTHING: forbidden("a datagram whose send succeeds arrives", harm=Harm.DATA),
        OTHER_ERROR: forbidden("a closed port is ECONNREFUSED", harm=Harm.ERROR),
        TWICE_SEEN: forbidden("an error is seen once", harm=Harm.ERROR),
        PART_SENT: forbidden("a send that raises sends nothing", harm=Harm.DATA),
        DEAD: forbidden("an endpoint works on after an error", harm=Harm.SERVER),
        NEVER_ENDS: forbidden("a send returns or raises"),
    },
    parameters=(_THEN,),
    rows={"quick": grid(then=_THEN.choices)},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=CANCELS,
    catches=("refusal-kills-the-endpoint",),
)

# --- an address for a connected endpoint ---

SENT_THERE = "it is sent to the address"
REFUSED = "it raises, and nothing is sent"
SENT_TO_PEER = "it is sent to the peer"
SENT_TO_BOTH = "it is sent, and an error is raised as well"


async def _send_elsewhere(runtime: Runtime, trial: Trial) -> str:
    with RawSocket() as peer, RawSocket() as other:
        async with opened(runtime, peer=peer.address) as endpoint:
            await endpoint.send_to(b"to the peer", peer.address)
            raised = await _try_to_send(endpoint, b"elsewhere", other.address)
            if raised is not None:
                trial.observe(RAISED, describe_raised(raised))
            await endpoint.send_to(LAST)
            to_peer = await peer.receive_all(runtime)
            async with opened(runtime) as closing:
                await closing.send_to(LAST, other.address)
                elsewhere = await other.receive_all(runtime)
    if b"elsewhere" in to_peer or b"to the peer" not in to_peer:
        return SENT_TO_PEER
    if raised is not None:
        return SENT_TO_BOTH if elsewhere else REFUSED
    return SENT_THERE if elsewhere == [b"elsewhere"] else UNSEEN


elsewhere = make_question(
    _send_elsewhere,
    name="datagram.connected-sends-elsewhere",
    question="A connected endpoint sends to another address than its peer's: where does the datagram arrive?",
    contract=("A datagram arrives at the address that it was sent to, or the send fails.",),
    ref=f"{_MODULE}:elsewhere",
    answers={
        SENT_THERE: allowed("Linux sends it there", _UDP),
        REFUSED: interesting("the runtime refuses an address other than the peer's", harm=Harm.ERROR),
        UNSEEN: forbidden("a datagram whose send succeeds arrives", harm=Harm.DATA),
        SENT_TO_PEER: forbidden("a datagram arrives at the address that it was sent to", harm=Harm.DATA),
        SENT_TO_BOTH: forbidden("a send that raises sends nothing", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a datagram to the peer is lost"),
    },
    repetitions=1,
    requires=NEEDS,
    catches=("address-is-ignored-if-connected",),
)

SCENARIOS: tuple[Scenario, ...] = (impossible, closed_port, elsewhere)
