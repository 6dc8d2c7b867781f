"""Event loops that are broken in one way each: a standalone script does `from faults import NAME as new_event_loop`."""

import asyncio
import asyncio.base_events
import asyncio.selector_events
import collections
import contextlib
import functools
import itertools
import math
import os
import pathlib
import signal
import socket
import threading
import warnings

_Transport = asyncio.selector_events._SelectorSocketTransport


def _loop(**methods):
    """Return a loop with some methods of its own."""
    return type("Loop", (asyncio.SelectorEventLoop,), methods)()


def _tasks(**methods):
    """Return a loop whose tasks have some methods of their own."""
    kind = type("Task", (asyncio.Task,), methods)
    loop = asyncio.new_event_loop()
    loop.set_task_factory(lambda loop, coro, **options: kind(coro, loop=loop, **options))
    return loop


# --- cancellation ---


def cancels_nothing():
    """A cancellation is lost."""
    asyncio.runners._cancel_all_tasks = lambda loop: None  # it would wait for ever
    return _tasks(cancel=lambda self, msg=None: False)


def cancels_again():
    """A task that was cancelled is cancelled at its next wait too."""

    def cancel(self, msg=None):
        self.get_loop().call_later(0.002, asyncio.Task.cancel, self)
        return asyncio.Task.cancel(self, msg)

    return _tasks(cancel=cancel)


def cancels_late():
    """A cancellation arrives some turns after it was asked for."""

    def cancel(self, msg=None):
        self.get_loop().call_later(0.02, asyncio.Task.cancel, self, msg)
        return True

    return _tasks(cancel=cancel)


def forgets_messages():
    """The message of a cancellation is dropped."""
    return _tasks(cancel=lambda self, msg=None: asyncio.Task.cancel(self))


def counts_cancellations_twice():
    """A cancellation is counted twice, so that one `uncancel` leaves one."""

    def cancel(self, msg=None):
        asyncio.Task.cancel(self, msg)
        return asyncio.Task.cancel(self, msg)

    return _tasks(cancel=cancel)


def shields_nothing():
    """`asyncio.shield` passes a cancellation on."""
    asyncio.shield = asyncio.ensure_future
    return asyncio.new_event_loop()


# --- timers ---


def fires_early():
    """A timer fires a millisecond before its time."""
    return _loop(call_at=lambda self, when, *a, **k: asyncio.SelectorEventLoop.call_at(self, when - 0.001, *a, **k))


def fires_at_once():
    """Timers are due at once."""
    return _loop(call_at=lambda self, when, *a, **k: asyncio.SelectorEventLoop.call_at(self, 0.0, *a, **k))


def sleeps_for_nan():
    """A sleep for a time that is not a number is over at once."""
    sleep = asyncio.sleep
    asyncio.sleep = lambda delay, result=None: sleep(0 if math.isnan(delay) else delay, result)
    return asyncio.new_event_loop()


def fires_never():
    """A timer whose time is over never fires."""

    def call_later(self, delay, *args, **options):
        return asyncio.SelectorEventLoop.call_later(self, delay if delay > 0 else 60, *args, **options)

    return _loop(call_later=call_later)


def fires_in_the_order_of_insertion():
    """Timers that are near each other are one."""
    return _loop(call_at=lambda self, when, *a, **k: asyncio.SelectorEventLoop.call_at(self, round(when, 2), *a, **k))


def drops_every_second_timer():
    """Every second timer is forgotten."""
    calls = []

    def call_at(self, when, *args, **options):
        calls.append(when)
        return asyncio.SelectorEventLoop.call_at(self, when + 60 * (len(calls) % 2), *args, **options)

    return _loop(call_at=call_at)


def long_times_are_over():
    """A timer that is due in more than three years is due at once."""

    def call_at(self, when, *args, **options):
        return asyncio.SelectorEventLoop.call_at(self, 0.0 if when > 1e8 else when, *args, **options)

    return _loop(call_at=call_at)


def timeouts_never_expire():
    """`asyncio.timeout` ends nothing."""
    asyncio.Timeout._on_timeout = lambda self: None
    return asyncio.new_event_loop()


def timeouts_leave_a_cancellation():
    """A timeout that has expired cancels what is behind its block as well."""
    leave = asyncio.Timeout.__aexit__

    async def cancel_again(self, *exc):
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
        return await leave(self, *exc)

    asyncio.Timeout.__aexit__ = cancel_again
    return asyncio.new_event_loop()


def never_forgets_a_timeout():
    """A timeout that has passed ends its block, whether anything waited or not."""
    leave = asyncio.Timeout.__aexit__

    async def late(self, *exc):
        passed = self.when() is not None and self.when() <= asyncio.get_running_loop().time()
        suppressed = await leave(self, *exc)
        if passed and exc[0] is None:
            raise TimeoutError
        return suppressed

    asyncio.Timeout.__aexit__ = late
    return asyncio.new_event_loop()


# --- the order of things ---


class _Backwards(collections.deque):
    popleft = collections.deque.pop


def runs_the_last_first():
    """What became ready last runs first."""
    loop = asyncio.new_event_loop()
    loop._ready = _Backwards()
    return loop


def gives_way_too_often():
    """Calls that need not wait give way."""
    acquire, get, put = asyncio.Lock.acquire, asyncio.Queue.get, asyncio.Queue.put

    def giving_way(call):
        async def wait(self, *args):
            await asyncio.sleep(0)
            return await call(self, *args)

        return wait

    asyncio.Lock.acquire, asyncio.Queue.get, asyncio.Queue.put = map(giving_way, (acquire, get, put))
    return asyncio.new_event_loop()


def runs_tasks_eagerly():
    """A task takes its first step inside `create_task`."""

    async def rest(coro, awaited):
        if awaited is not None:
            await awaited
        else:
            await asyncio.sleep(0)
        with contextlib.suppress(StopIteration):
            while True:
                coro.send(None)
                await asyncio.sleep(0)

    loop, count = asyncio.new_event_loop(), []

    def factory(loop, coro, **options):
        count.append(coro)
        if len(count) == 2:  # the first is the main task
            coro = rest(coro, coro.send(None))
        return asyncio.Task(coro, loop=loop, **options)

    loop.set_task_factory(factory)
    return loop


def never_gives_way():
    """`asyncio.sleep(0)` returns at once."""
    sleep = asyncio.sleep

    async def skip(delay, result=None):
        return await sleep(delay, result) if delay > 0 else result

    asyncio.sleep = skip
    return asyncio.new_event_loop()


def looks_at_sockets_and_timers_late():
    """While a task is ready, sockets and timers are looked at every thousandth turn."""
    turns = []

    def _run_once(self):
        turns.append(1)
        if self._ready and len(turns) % 1000:
            for _ in range(len(self._ready)):
                handle = self._ready.popleft()
                handle._cancelled or handle._run()
            return
        asyncio.SelectorEventLoop._run_once(self)

    return _loop(_run_once=_run_once)


# --- locks, events, conditions, queues ---


def lock_forgets_the_next_waiter():
    """A waiter that is cancelled does not pass on the lock that it was handed."""

    async def acquire(self):
        if self._locked or self._waiters:
            self._waiters = collections.deque() if self._waiters is None else self._waiters
            self._waiters.append(turn := asyncio.get_running_loop().create_future())
            try:
                await turn
            finally:
                self._waiters.remove(turn)
        self._locked = True
        return True

    asyncio.Lock.acquire = acquire
    return asyncio.new_event_loop()


def lock_excludes_nothing():
    """A lock lets everybody in and complains of nothing."""

    async def acquire(self):
        await asyncio.sleep(0)
        self._locked = True
        return True

    asyncio.Lock.acquire = acquire
    asyncio.Lock.release = lambda self: setattr(self, "_locked", False)
    return asyncio.new_event_loop()


def lock_is_never_released():
    """A lock stays taken."""
    asyncio.Lock.release = lambda self: None
    return asyncio.new_event_loop()


def condition_does_not_take_the_lock_again():
    """A wait ends without the lock."""

    async def wait(self):
        self.release()
        self._waiters.append(woken := asyncio.get_running_loop().create_future())
        try:
            await woken
        finally:
            self._waiters.remove(woken)
        self._locked = lambda: True

    asyncio.Condition.wait = wait
    asyncio.Condition.__aexit__ = lambda self, *exc: asyncio.sleep(0)
    return asyncio.new_event_loop()


def condition_loses_notifications():
    """A notification wakes no waiter; that of a cancelled waiter is not passed on (`_notify`, new in Python 3.13)."""
    asyncio.Condition.notify = asyncio.Condition._notify = lambda self, n=1: None
    return asyncio.new_event_loop()


def condition_wakes_another_for_a_cancelled_wait():
    """A wait that is cancelled wakes another waiter (so does asyncio from Python 3.13 on)."""
    wait = asyncio.Condition.wait

    async def wait_or_notify(self):
        try:
            return await wait(self)
        except asyncio.CancelledError:
            self.notify()
            raise

    asyncio.Condition.wait = wait_or_notify
    return asyncio.new_event_loop()


def condition_keeps_notifications():
    """A notification that wakes no waiter is kept for the next one, and needs no lock."""
    wait = asyncio.Condition.wait

    def notify(self, n=1):
        self.kept = True

    async def kept(self):
        return True if getattr(self, "kept", False) else await wait(self)

    asyncio.Condition.notify, asyncio.Condition.wait = notify, kept
    return asyncio.new_event_loop()


def event_wakes_one():
    """An event wakes the first of its waiters."""

    def set_first(self):
        self._value = True
        for waiter in list(self._waiters)[:1]:
            waiter.set_result(True)

    asyncio.Event.set = set_first
    return asyncio.new_event_loop()


def queue_loses_items():
    """Every third item that is put is lost."""
    put, count = asyncio.Queue._put, []

    def lose(self, item):
        count.append(item)
        if len(count) % 3 or len(count) < 3:
            put(self, item)

    asyncio.Queue._put = lose
    return asyncio.new_event_loop()


def queue_loses_every_item():
    """What is put is lost."""
    asyncio.Queue._put = lambda self, item: None
    return asyncio.new_event_loop()


def queue_loses_the_item_of_a_cancelled_getter():
    """A receiver that is cancelled takes its item with it."""

    async def get(self):
        while self.empty():
            self._getters.append(getter := asyncio.get_running_loop().create_future())
            try:
                await getter
            except asyncio.CancelledError:
                self._queue.clear()
                raise
        return self.get_nowait()

    asyncio.Queue.get = get
    return asyncio.new_event_loop()


def queue_is_never_full():
    """A queue takes more than its size."""
    asyncio.Queue.full = lambda self: False
    return asyncio.new_event_loop()


def queue_of_size_zero_is_full():
    """A queue of size 0 takes nothing."""
    asyncio.Queue.full = lambda self: self.qsize() >= self._maxsize
    return asyncio.new_event_loop()


def queue_is_not_shut_down():
    """`Queue.shutdown` does nothing."""
    asyncio.Queue.shutdown = lambda self, immediate=False: None
    return asyncio.new_event_loop()


def queue_keeps_everything():
    """What has passed through a queue stays in memory."""
    put, kept = asyncio.Queue._put, []

    def keep(self, item):
        kept.append(bytes(item))
        put(self, item)

    asyncio.Queue._put = keep
    return asyncio.new_event_loop()


# --- groups ---


def group_lets_go():
    """A group neither cancels its tasks, nor waits for them, nor raises their errors."""

    async def leave(self, *exc):
        return True

    asyncio.TaskGroup.__aexit__ = leave
    asyncio.TaskGroup.create_task = lambda self, coro, **options: asyncio.create_task(coro)
    return asyncio.new_event_loop()


def group_raises_one_error():
    """Of several errors of a group the first is raised, as it is."""
    leave = asyncio.TaskGroup.__aexit__

    async def raise_first(self, *exc):
        try:
            return await leave(self, *exc)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    asyncio.TaskGroup.__aexit__ = raise_first
    return asyncio.new_event_loop()


def shares_contexts():
    """Tasks run in the context of the main task, and jobs in none."""
    loop, contexts = asyncio.new_event_loop(), []

    def factory(loop, coro, context=None, **options):
        contexts.append(context)
        return asyncio.Task(coro, loop=loop, context=contexts[0], **options)

    loop.set_task_factory(factory)
    asyncio.to_thread = lambda fn, *args: loop.run_in_executor(None, fn, *args)
    return loop


# --- offload ---


def runs_jobs_itself():
    """A job runs in the thread of the loop."""

    def run_in_executor(self, executor, fn, *args):
        future = self.create_future()
        future.set_result(fn(*args))
        return future

    return _loop(run_in_executor=run_in_executor)


def loses_errors_of_jobs():
    """A job that fails returns nothing."""

    def run_in_executor(self, executor, fn, *args):
        def quietly():
            with contextlib.suppress(BaseException):
                return fn(*args)

        return asyncio.SelectorEventLoop.run_in_executor(self, executor, quietly)

    return _loop(run_in_executor=run_in_executor)


def runs_every_third_job_never():
    """Every third job is dropped."""
    count = []

    def run_in_executor(self, executor, fn, *args):
        count.append(fn)
        if len(count) % 3:
            return asyncio.SelectorEventLoop.run_in_executor(self, executor, fn, *args)
        future = self.create_future()
        future.set_result(None)
        return future

    return _loop(run_in_executor=run_in_executor)


def jobs_cannot_be_cancelled():
    """A caller waits for its job, cancelled or not."""

    def run_in_executor(self, executor, fn, *args):
        future = asyncio.SelectorEventLoop.run_in_executor(self, executor, fn, *args)
        own = type("Stubborn", (asyncio.Future,), {"cancel": lambda self, msg=None: False})(loop=self)
        future.add_done_callback(lambda done: own.set_result(done.result()))
        return own

    return _loop(run_in_executor=run_in_executor)


def reports_errors_of_abandoned_jobs():
    """A job whose caller has gone is reported like a failure."""

    def run_in_executor(self, executor, fn, *args):
        self.call_later(0.05, self.call_exception_handler, {"message": "a job is left alone"})
        return asyncio.SelectorEventLoop.run_in_executor(self, executor, fn, *args)

    return _loop(run_in_executor=run_in_executor)


# --- the end of a run ---


def keeps_finished_tasks():
    """A task that has ended is still listed."""
    kept, all_tasks = [], asyncio.all_tasks
    loop = asyncio.new_event_loop()

    def factory(loop, coro, **options):
        kept.append(asyncio.Task(coro, loop=loop, **options))
        return kept[-1]

    loop.set_task_factory(factory)
    asyncio.all_tasks = lambda loop=None: {*all_tasks(loop), *kept}
    asyncio.runners._cancel_all_tasks = lambda loop: None
    return loop


def swallows_exits():
    """An exit and an interrupt are results like any other; the run returns."""

    def run_until_complete(self, future):
        try:
            return asyncio.SelectorEventLoop.run_until_complete(self, future)
        except BaseException:
            return None

    return _loop(run_until_complete=run_until_complete)


def leaves_tasks_behind():
    """Nothing is cancelled at the end."""
    asyncio.runners._cancel_all_tasks = lambda loop: None
    return asyncio.new_event_loop()


def leaves_generators_behind():
    """Asynchronous generators are not closed, neither when they are dropped nor at the end."""

    async def shutdown_asyncgens(self):
        return None

    return _loop(shutdown_asyncgens=shutdown_asyncgens, _asyncgen_finalizer_hook=lambda self, generator: None)


def reports_nothing():
    """The exception handler is never called."""
    return _loop(call_exception_handler=lambda self, context: None)


# --- sockets ---


def resets_wake_nobody():
    """A connection that the peer has reset is lost, and its protocol is not called."""
    _Transport._fatal_error = lambda *args, **options: None
    return asyncio.new_event_loop()


def resets_look_like_success():
    """A connection that was reset takes everything that is written to it."""
    _Transport._fatal_error = lambda self, *args, **options: None
    _Transport.write = lambda self, data: None
    return asyncio.new_event_loop()


def sockets_stay_open():
    """Closing a transport closes nothing."""
    _Transport._call_connection_lost = lambda self, exc: self._protocol.connection_lost(exc)
    return asyncio.new_event_loop()


def close_drops_what_was_written():
    """Closing aborts."""
    _Transport.close = _Transport.abort
    return asyncio.new_event_loop()


def closing_twice_raises():
    """A second close is an error."""
    close = _Transport.close

    def once(self):
        if self.is_closing():
            raise RuntimeError("closed twice")
        close(self)

    _Transport.close = once
    return asyncio.new_event_loop()


def closing_wakes_nobody():
    """Closing does not call the protocol."""
    _Transport.close = lambda self: None
    asyncio.StreamWriter.wait_closed = lambda self: asyncio.sleep(0)
    return asyncio.new_event_loop()


def connects_to_nobody():
    """A refused connection raises an error without its errno."""

    async def create_connection(self, *args, **options):
        raise OSError("Connect call failed")

    return _loop(create_connection=create_connection)


def sends_a_byte_too_many():
    """What is written has a byte of the loop's own in front."""
    write = _Transport.write
    _Transport.write = lambda self, data: write(self, b"#" + bytes(data))
    return asyncio.new_event_loop()


def half_close_closes_all():
    """The end of one direction closes the other one, and a later write is accepted in silence."""
    _Transport.write_eof = lambda self: self.abort()
    asyncio.StreamReaderProtocol.eof_received = lambda self: self._stream_reader.feed_eof() or False
    write = _Transport.write
    _Transport.write = lambda self, data: None if self.is_closing() else write(self, data)
    return asyncio.new_event_loop()


def the_end_is_data():
    """The end of a stream is read as a byte."""
    asyncio.StreamReader.feed_eof = lambda self: self.feed_data(b"\0")
    return asyncio.new_event_loop()


def never_makes_a_sender_wait():
    """`drain` returns at once."""
    asyncio.StreamWriter.drain = lambda self: asyncio.sleep(0)
    return asyncio.new_event_loop()


def holds_small_sends_back():
    """TCP_NODELAY is not set."""
    asyncio.base_events._set_nodelay = asyncio.selector_events.base_events._set_nodelay = lambda sock: None
    return asyncio.new_event_loop()


def serves_the_second_reader():
    """A second reader displaces the first one in silence."""

    async def _wait_for_data(self, name):
        self._waiter = self._loop.create_future()
        await self._waiter

    asyncio.StreamReader._wait_for_data = _wait_for_data
    return asyncio.new_event_loop()


def mixes_writers():
    """What several tasks write goes out in slices."""
    write = _Transport.write

    def in_slices(self, data):
        for start in range(0, len(data), 1 << 20):
            self._loop.call_later(0.02 * (start >> 20), write, self, data[start : start + (1 << 20)])

    _Transport.write = in_slices
    return asyncio.new_event_loop()


def close_forgets_what_was_read():
    """Closing drops what had arrived."""
    close = asyncio.StreamWriter.close

    def forget(self):
        self._protocol._stream_reader._buffer.clear()
        close(self)

    asyncio.StreamWriter.close = forget
    return asyncio.new_event_loop()


# --- listeners ---


def accepts_every_second():
    """Every second connection is accepted and forgotten."""
    accept, count = socket.socket.accept, []

    def forgetful(self):
        pair = accept(self)
        count.append(pair)
        if len(count) % 2 == 0:
            raise BlockingIOError
        return pair

    socket.socket.accept = forgetful
    return asyncio.new_event_loop()


def listeners_stay_open():
    """Closing a server closes nothing."""
    asyncio.base_events.Server.close = lambda self: None
    asyncio.base_events.Server.wait_closed = lambda self: asyncio.sleep(0)
    return asyncio.new_event_loop()


def listeners_forget_their_clients():
    """A server accepts nobody, and closing it closes nothing."""

    def accept(self):
        raise BlockingIOError

    socket.socket.accept = accept
    return listeners_stay_open()


def closing_a_server_cuts_connections():
    """Closing a server aborts what it has accepted."""
    close, streams = asyncio.base_events.Server.close, []
    made = asyncio.StreamReaderProtocol.connection_made

    def remember(self, transport):
        streams.append(transport)
        made(self, transport)

    def cut(self):
        close(self)
        for transport in streams:
            transport.abort()

    asyncio.StreamReaderProtocol.connection_made, asyncio.base_events.Server.close = remember, cut
    return asyncio.new_event_loop()


def gives_up_without_descriptors():
    """An accept that fails ends the server."""

    def _accept_connection(self, protocol_factory, sock, sslcontext=None, server=None, *args):
        try:
            conn, address = sock.accept()
        except BlockingIOError:
            return
        except OSError:
            self._remove_reader(sock.fileno())
            return
        conn.setblocking(False)
        protocol = protocol_factory()
        self._make_socket_transport(conn, protocol, extra={"peername": address}, server=server)

    return _loop(_accept_connection=_accept_connection)


def spins_without_descriptors():
    """An accept that fails is tried again at once, for ever."""

    def _accept_connection(self, protocol_factory, sock, sslcontext=None, server=None, *args):
        try:
            conn, address = sock.accept()
        except OSError:
            return
        conn.setblocking(False)
        self._make_socket_transport(conn, protocol_factory(), extra={"peername": address}, server=server)

    return _loop(_accept_connection=_accept_connection)


def shares_taken_ports():
    """Every listener has SO_REUSEPORT, asked for or not."""
    bind = socket.socket.bind

    def sharing(self, address):
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return bind(self, address)

    socket.socket.bind = sharing
    return asyncio.new_event_loop()


def reserves_ports():
    """SO_REUSEADDR is not set."""

    async def create_server(self, *args, **options):
        return await asyncio.SelectorEventLoop.create_server(self, *args, **(options | {"reuse_address": False}))

    return _loop(create_server=create_server)


# --- sock_* methods ---


def sock_calls_lose_what_they_took():
    """A `sock_accept` or `sock_recv` that is cancelled has taken a connection or bytes, and drops them."""

    async def taken(call, self, *args):
        result = await asyncio.shield(asyncio.ensure_future(call(self, *args)))
        await asyncio.sleep(0)
        return result

    return _loop(
        sock_accept=lambda self, sock: taken(asyncio.SelectorEventLoop.sock_accept, self, sock),
        sock_recv=lambda self, sock, size: taken(asyncio.SelectorEventLoop.sock_recv, self, sock, size),
    )


# --- calls from threads ---


def forgets_calls_of_threads():
    """A call that a thread asks for is never made, and never refused."""
    return _loop(call_soon_threadsafe=lambda self, callback, *args, context=None: None)


def calls_of_threads_wake_nothing():
    """A call that a thread asks for does not wake the loop."""
    return _loop(call_soon_threadsafe=asyncio.SelectorEventLoop.call_soon)


def ignores_other_threads():
    """What another thread schedules without `call_soon_threadsafe` is dropped."""

    def call_soon(self, callback, *args, context=None):
        if self._thread_id in (None, threading.get_ident()):
            return asyncio.SelectorEventLoop.call_soon(self, callback, *args, context=context)
        return asyncio.Handle(callback, args, self, context)

    return _loop(call_soon=call_soon)


def drops_what_signal_handlers_schedule():
    """Drop callbacks that a signal handler schedules while the loop sleeps."""
    loop = _loop(call_soon=lambda self, *args, **more: self.sleeps or self.keep(*args, **more), sleeps=False)
    loop.keep, select = functools.partial(asyncio.SelectorEventLoop.call_soon, loop), loop._selector.select

    def sleep(timeout=None):
        loop.sleeps = True
        try:
            return select(timeout)
        finally:
            loop.sleeps = False

    loop._selector.select = sleep
    return loop


# --- child processes ---


def children_end_unseen():
    """The end of a child goes unnoticed."""
    return _loop(_child_watcher_callback=lambda self, pid, returncode, transport: None)


def the_end_cuts_what_came_before_it():
    """What has arrived and was not read is dropped at the end of a stream."""
    feed_eof = asyncio.StreamReader.feed_eof

    def cut(self):
        self._buffer.clear()
        feed_eof(self)

    asyncio.StreamReader.feed_eof = cut
    return asyncio.new_event_loop()


def cancelled_reads_take_bytes():
    """A read that is cancelled drops what arrives in its turn."""
    wait_for_data = asyncio.StreamReader._wait_for_data

    async def wait(self, name):
        try:
            await wait_for_data(self, name)
        except asyncio.CancelledError:
            self._buffer.clear()
            raise

    asyncio.StreamReader._wait_for_data = wait
    return asyncio.new_event_loop()


def failed_starts_keep_descriptors():
    """A start that fails leaves a pipe open."""

    async def subprocess_exec(self, *args, **options):
        try:
            return await asyncio.SelectorEventLoop.subprocess_exec(self, *args, **options)
        except OSError:
            os.pipe()
            raise

    return _loop(subprocess_exec=subprocess_exec)


def cancelled_starts_go_on():
    """A start that is cancelled goes on, and its child has no owner."""

    async def subprocess_exec(self, *args, **options):
        return await asyncio.shield(asyncio.SelectorEventLoop.subprocess_exec(self, *args, **options))

    return _loop(subprocess_exec=subprocess_exec)


def starts_run_fork_hooks_once():
    """A start calls the hooks before a fork, and not those behind it."""
    register, hooks = os.register_at_fork, []

    def remember(*, before=lambda: None, **others):
        hooks.append(before)
        register(before=before, **others)

    async def subprocess_exec(self, *args, **options):
        for before in hooks:
            before()
        return await asyncio.SelectorEventLoop.subprocess_exec(self, *args, **options)

    os.register_at_fork = remember
    return _loop(subprocess_exec=subprocess_exec)


def starts_take_two_threads():
    """A start has two threads that stay until the process ends."""

    async def subprocess_exec(self, *args, **options):
        for _ in range(2):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        return await asyncio.SelectorEventLoop.subprocess_exec(self, *args, **options)

    return _loop(subprocess_exec=subprocess_exec)


def reaps_the_children_of_others():
    """Each turn of the loop collects every child that has ended."""

    def _run_once(self):
        asyncio.SelectorEventLoop._run_once(self)
        for pid in self.foreign():
            os.waitpid(pid, os.WNOHANG)

    def foreign(self):
        children = map(int, pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
        return [pid for pid in children if "(sh) Z" in pathlib.Path(f"/proc/{pid}/stat").read_text()]

    return _loop(_run_once=_run_once, foreign=foreign)


def children_ignore_sigpipe():
    """A child starts with the signals ignored that Python ignores."""

    async def subprocess_exec(self, *args, **options):
        return await asyncio.SelectorEventLoop.subprocess_exec(self, *args, **options, restore_signals=False)

    return _loop(subprocess_exec=subprocess_exec)


def signals_to_the_dead_fail():
    """A signal to a child that has ended is an error."""

    def send_signal(self, number=None):
        raise OSError("no such process")

    names = ("send_signal", "terminate", "kill")
    for name in names:
        setattr(asyncio.subprocess.Process, name, send_signal)
    return asyncio.new_event_loop()


# --- servers and ends ---


def stops_at_an_error():
    """An error that nothing has handled stops the loop."""
    return _loop(call_exception_handler=lambda self, context: self.stop())


MADE = []


def ignores_signals():
    """Interrupts and SIGTERM have no effect."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    return asyncio.new_event_loop()


def leaves_jobs_behind():
    """The end of a run does not wait for thread jobs."""
    return _loop(shutdown_default_executor=lambda self, timeout=None: asyncio.sleep(0))


def warns_of_no_coroutine():
    """A coroutine that is collected before it was awaited is not warned of."""
    warnings._warn_unawaited_coroutine = lambda coro: None
    return asyncio.new_event_loop()


def works_once():
    """The second loop of a process is closed from the start."""
    loop = asyncio.new_event_loop()
    if MADE:
        loop.close()
    MADE.append(loop)
    return loop


# --- datagrams ---


def _datagrams(edit=None, **methods):
    """Return a loop whose protocols are given edited datagrams, and have some methods of their own."""

    async def create(self, factory, **options):
        def make():
            protocol = factory()
            if edit is not None:
                receive = protocol.datagram_received
                protocol.datagram_received = lambda data, address: edit(receive, data, address)
            vars(protocol).update(methods)
            return protocol

        return await asyncio.SelectorEventLoop.create_datagram_endpoint(self, make, **options)

    return _loop(create_datagram_endpoint=create)


def receives_no_empty_datagrams():
    """An empty datagram is dropped."""
    return _datagrams(lambda receive, data, address: receive(data, address) if data else None)


def cuts_large_datagrams():
    """A datagram of more than 50,000 bytes is cut."""
    return _datagrams(lambda receive, data, address: receive(data[:50_000], address))


def loses_every_third_datagram():
    """Every third datagram is dropped."""
    turns = itertools.count(1)
    return _datagrams(lambda receive, data, address: receive(data, address) if next(turns) % 3 else None)


def names_the_first_sender():
    """Every datagram comes from the first sender."""
    seen = []
    return _datagrams(lambda receive, data, address: (seen.append(address), receive(data, seen[0])))


def stops_after_fifty_datagrams():
    """The datagrams after the first fifty are dropped."""
    turns = itertools.count()
    return _datagrams(lambda receive, data, address: receive(data, address) if next(turns) < 50 else None)


def reports_no_refusals():
    """An error of a datagram is dropped."""
    return _datagrams(error_received=lambda exc: None)


def connects_no_endpoint():
    """An endpoint with a remote address receives from everywhere."""

    async def create(self, factory, remote_addr=None, **options):
        options.setdefault("local_addr", ("127.0.0.1", 0))
        return await asyncio.SelectorEventLoop.create_datagram_endpoint(self, factory, **options)

    return _loop(create_datagram_endpoint=create)


def endpoints_stay_open():
    """An endpoint that is closed stays open."""
    asyncio.selector_events._SelectorDatagramTransport.close = lambda self: None
    return asyncio.new_event_loop()


def closes_every_endpoint():
    """Closing an endpoint closes all of them."""
    kind = asyncio.selector_events._SelectorDatagramTransport
    init, close, made = kind.__init__, kind.close, []
    kind.__init__ = lambda self, *args, **options: (made.append(self), init(self, *args, **options))[1]
    kind.close = lambda self: [close(each) for each in made]
    return asyncio.new_event_loop()
