"""What programs for asyncio rely on, tried once each on a fresh event loop before any question is asked of it.

Peers are plain blocking sockets, so that a gap is a gap of the loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from harness.api import Capability, CapabilityCheck

from .backend import LoopFactory, load_loop_factory

_HOST = "127.0.0.1"
_PATIENCE = 1.0
"""Longest wait for what takes a millisecond."""
_REAL_SLEEP = 0.05
_SHORT_SLEEP = 0.0003
_GRAIN = 2e-6
_CERTIFICATE = Path(__file__).with_name("check_certificate.pem")
"""Of `localhost`, for the TLS check only; it protects nothing."""

Check = Callable[[], Awaitable[str]]


def list_checks(options: Mapping[str, str]) -> tuple[CapabilityCheck, ...]:
    """Return the checks of a loop that the option `loop` names, or of asyncio's own."""
    loop = options.get("loop", "")
    return make_checks(load_loop_factory(loop) if loop else asyncio.new_event_loop)


def make_checks(factory: LoopFactory) -> tuple[CapabilityCheck, ...]:
    """Return the checks of the loops that a factory makes; without the first two nothing can be asked."""
    essential = (("TCP server", serve_tcp), ("TCP client", connect_tcp))
    further: tuple[tuple[str, Check, tuple[str, ...]], ...] = (
        ("Unix sockets", use_unix, ()),
        ("UDP", use_udp, (Capability.DATAGRAM,)),
        ("TLS", use_tls, ()),
        ("subprocesses", use_subprocess, (Capability.CHILD_PROCESS,)),
        ("signal handlers", handle_signal, ()),
        ("threads and executors", use_thread, (Capability.THREAD, Capability.PROCESS, "offload=executor")),
        ("sock_* methods", use_sock_methods, ("io=sock",)),
        ("file descriptors: add_reader, add_writer", watch_descriptors, ()),
        ("real clock", compare_clocks, ()),
        ("timers below a millisecond", use_short_timer, ()),
        ("exception handler", handle_exception, ()),
    )
    return (
        *(
            CapabilityCheck(name=name, run=partial(_run, factory, check), is_essential=True)
            for name, check in essential
        ),
        *(CapabilityCheck(name=name, run=partial(_run, factory, check), gates=gates) for name, check, gates in further),
    )


def _run(factory: LoopFactory, check: Check) -> str:
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_in_time(check))


async def _in_time(check: Check) -> str:
    async with asyncio.timeout(_PATIENCE):
        return await check()


async def _echo_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    await writer.drain()
    writer.close()


async def serve_tcp() -> str:
    """A blocking client sends to a server of the loop and gets it back."""
    server = await asyncio.start_server(_echo_once, _HOST, 0)
    try:
        return _missing(await _talk(socket.AF_INET, server.sockets[0].getsockname()))
    finally:
        server.close()


async def _talk(family: int, address: object) -> bytes:
    """Send and receive from a thread; the thread is no feature of the loop, which may not have executors."""
    answer: list[bytes] = []

    def talk() -> None:
        with socket.socket(family) as client:
            client.settimeout(_PATIENCE)
            client.connect(address)  # type: ignore[arg-type]  # of the family
            client.sendall(b"ping")
            answer.append(client.recv(100))

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    while thread.is_alive():  # noqa: ASYNC110 - a loop under test may lack call_soon_threadsafe
        await asyncio.sleep(0.002)
    return answer[0] if answer else b""


def _missing(answer: bytes) -> str:
    return "" if answer == b"ping" else f"the answer is {answer!r} and not b'ping'"


async def connect_tcp() -> str:
    """A client of the loop talks to a blocking socket."""
    with socket.create_server((_HOST, 0)) as server:
        reader, writer = await asyncio.open_connection(*server.getsockname())
        with closing(server.accept()[0]) as peer:
            peer.sendall(b"ping")
            answer = await reader.read(100)
            writer.close()
            return _missing(answer)


async def use_unix() -> str:
    """A server and a client on a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        server = await asyncio.start_unix_server(_echo_once, path)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"ping")
        answer = await reader.read(100)
        writer.close()
        server.close()
        return _missing(answer)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        del addr
        if not self.received.done():
            self.received.set_result(data)


async def use_udp() -> str:
    """A datagram from a blocking socket arrives, and one is sent back."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Datagrams, local_addr=(_HOST, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((_HOST, 0))
        peer.setblocking(False)
        peer.sendto(b"ping", transport.get_extra_info("sockname"))
        transport.sendto(await protocol.received, peer.getsockname())
        await asyncio.sleep(0.02)
        try:
            return _missing(peer.recv(100))
        finally:
            transport.close()


async def use_tls() -> str:
    """A server and a client with a certificate of their own."""
    at_server, at_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    at_server.load_cert_chain(_CERTIFICATE)
    at_client.check_hostname, at_client.verify_mode = False, ssl.CERT_NONE
    server = await asyncio.start_server(_echo_once, _HOST, 0, ssl=at_server)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=at_client)
    writer.write(b"ping")
    answer = await reader.read(100)
    writer.close()
    server.close()
    return _missing(answer)


async def use_subprocess() -> str:
    """A child echoes its input and is waited for."""
    child = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    output, _ = await child.communicate(b"ping")
    return _missing(output) or ("" if child.returncode == 0 else f"the exit code is {child.returncode}")


async def handle_signal() -> str:
    """A signal that the process sends to itself runs its handler."""
    loop, seen = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, seen.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await seen.wait()
    return "" if loop.remove_signal_handler(signal.SIGUSR1) else "remove_signal_handler does not know the handler"


async def use_thread() -> str:
    """A job runs in another thread."""
    there = await asyncio.to_thread(threading.get_ident)
    return "" if there != threading.get_ident() else "the job ran in the thread of the loop"


async def use_sock_methods() -> str:
    """`sock_accept`, `sock_connect`, `sock_sendall` and `sock_recv` on two plain sockets."""
    loop = asyncio.get_running_loop()
    with socket.create_server((_HOST, 0)) as server, socket.socket() as client:
        server.setblocking(False)
        client.setblocking(False)
        await loop.sock_connect(client, server.getsockname())
        accepted, _ = await loop.sock_accept(server)
        with accepted:
            await loop.sock_sendall(client, b"ping")
            return _missing(await loop.sock_recv(accepted, 100))


async def watch_descriptors() -> str:
    """Both ends of a pipe are watched."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    reads, writes = os.pipe()
    try:
        loop.add_reader(reads, done.set)
        loop.add_writer(writes, os.write, writes, b"ping")
        await done.wait()
        found = loop.remove_reader(reads), loop.remove_writer(writes)
        return "" if all(found) else f"remove_reader and remove_writer return {found[0]} and {found[1]}, not True"
    finally:
        os.close(reads)
        os.close(writes)


async def compare_clocks() -> str:
    """The loop's time passes as the system's does."""
    loop, started = asyncio.get_running_loop(), time.monotonic()
    by_loop = loop.time()
    await asyncio.sleep(_REAL_SLEEP)
    passed, passed_by_loop = time.monotonic() - started, loop.time() - by_loop
    if passed < _REAL_SLEEP / 2:
        return f"simulated: a sleep of {_REAL_SLEEP} s takes {passed:.4f} s"
    drifts = abs(passed_by_loop - passed) > _REAL_SLEEP / 2
    return f"loop.time() advances by {passed_by_loop:.3f} s in {passed:.3f} s" if drifts else ""


async def use_short_timer() -> str:
    """A sleep of 0.3 ms waits for at least its time, and not for several milliseconds."""
    took = []
    for _ in range(20):
        started = time.perf_counter()
        await asyncio.sleep(_SHORT_SLEEP)
        took.append(time.perf_counter() - started)
    if min(took) < _SHORT_SLEEP - _GRAIN:
        return f"a sleep of 0.3 ms takes {min(took) * 1e3:.3f} ms"
    return ""


async def handle_exception() -> str:
    """The handler is called with the loop and the context, as `set_exception_handler` documents."""
    calls: list[tuple[object, ...]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *args: calls.append(args))
    loop.call_soon(lambda: 1 // 0)
    await asyncio.sleep(0.02)
    if not calls:
        return "the handler is not called for an exception in a callback"
    return "" if len(calls[0]) == 2 and calls[0][0] is loop else f"the handler is called with {len(calls[0])} arguments"
