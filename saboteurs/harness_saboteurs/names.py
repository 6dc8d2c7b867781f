"""Faults of name look-ups and of connections by name."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from harness.testing.wrapping import Names

from .faults import fault

# --- look-ups ---


@fault("look-up-blocks", control="asyncio")
class _LookUpBlocks(Names):
    """A look-up is made in the thread of the scheduler."""

    async def resolve(self, host: str, port: int) -> Any:
        return [found[-1][:2] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@fault("look-up-forgets-port", control="trio")
class _LookUpForgetsPort(Names):
    """A look-up returns addresses with port 0."""

    async def resolve(self, host: str, port: int) -> Any:
        return [(found, 0) for found, _ in await self.inner.resolve(host, port)]


@fault("look-up-order-reversed", control="trio")
class _LookUpOrderReversed(Names):
    """A look-up returns the addresses of a host in reverse."""

    async def resolve(self, host: str, port: int) -> Any:
        return list(reversed(await self.inner.resolve(host, port)))


@fault("look-up-error-is-generic", control="trio")
class _LookUpErrorIsGeneric(Names):
    """The error of a look-up is an OSError of another class."""

    async def resolve(self, host: str, port: int) -> Any:
        try:
            return await self.inner.resolve(host, port)
        except socket.gaierror as exc:
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from exc


@fault("look-up-errors-are-alike", control="asyncio")
class _LookUpErrorsAreAlike(Names):
    """Each look-up that fails says that the name does not exist."""

    async def resolve(self, host: str, port: int) -> Any:
        try:
            return await self.inner.resolve(host, port)
        except socket.gaierror as exc:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from exc


@fault("failed-look-up-is-empty", control="trio")
class _FailedLookUpIsEmpty(Names):
    """A look-up that fails returns no address."""

    async def resolve(self, host: str, port: int) -> Any:
        try:
            return await self.inner.resolve(host, port)
        except (socket.gaierror, UnicodeError):
            return []


@fault("failed-look-up-stays", control="trio")
class _FailedLookUpStays(Names):
    """After a look-up that failed each one fails."""

    async def resolve(self, host: str, port: int) -> Any:
        if error := getattr(self.runtime, "look_up_error", None):
            raise error
        try:
            return await self.inner.resolve(host, port)
        except socket.gaierror as exc:
            self.runtime.look_up_error = exc
            raise


@fault("look-ups-share-a-result", control="asyncio")
class _LookUpsShareAResult(Names):
    """A look-up that begins while another one waits gets the addresses of that one."""

    async def resolve(self, host: str, port: int) -> Any:
        shared = getattr(self.runtime, "look_up_host", None) or host
        self.runtime.look_up_host = shared
        try:
            return await self.inner.resolve(shared, port)
        finally:
            self.runtime.look_up_host = None


@fault("look-up-beyond-many-never-returns", control="trio")
class _LookUpBeyondManyNeverReturns(Names):
    """Of a crowd of look-ups one does not return."""

    async def resolve(self, host: str, port: int) -> Any:
        self.runtime.look_ups = getattr(self.runtime, "look_ups", 0) + 1
        if self.runtime.look_ups == 70:
            await self.sleep_for_ever()
        return await self.inner.resolve(host, port)


@fault("cancelled-look-up-never-ends", control="trio")
class _CancelledLookUpNeverEnds(Names):
    """A look-up that times out waits for ever."""

    async def resolve(self, host: str, port: int) -> Any:
        try:
            return await self.inner.resolve(host, port)
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                async with self.healthy.open_cancel_scope(shield=True):
                    await self.sleep_for_ever()
            raise


# --- connections ---


@fault("only-first-address-is-tried", control="trio")
class _OnlyFirstAddressIsTried(Names):
    """A connect by name tries the first address of the host."""

    async def connect_by_name(self, host: str, port: int) -> Any:
        (first, *_) = await self.inner.resolve(host, port)
        return await self.healthy.connect(*first)


@fault("last-address-is-not-tried", control="asyncio")
class _LastAddressIsNotTried(Names):
    """A connect by name leaves out the last of several addresses."""

    async def connect_by_name(self, host: str, port: int) -> Any:
        addresses = await self.inner.resolve(host, port)
        failed = OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        for address in addresses[: max(1, len(addresses) - 1)]:
            try:
                return await self.healthy.connect(*address)
            except OSError as exc:
                failed = exc
        raise failed


@fault("one-family-is-tried", control="trio")
class _OneFamilyIsTried(Names):
    """A connect by name leaves out addresses of IPv6 where there is another."""

    async def connect_by_name(self, host: str, port: int) -> Any:
        addresses = await self.inner.resolve(host, port)
        failed = OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        for address in [one for one in addresses if ":" not in one[0]] or addresses:
            try:
                return await self.healthy.connect(*address)
            except OSError as exc:
                failed = exc
        raise failed


@fault("refused-connect-by-name-waits", control="trio")
class _RefusedConnectByNameWaits(Names):
    """A connect by name of which all addresses refuse waits for ever."""

    async def connect_by_name(self, host: str, port: int) -> Any:
        try:
            return await super().connect_by_name(host, port)
        except socket.gaierror:
            raise
        except OSError:
            await self.sleep_for_ever()


@fault("refused-connect-by-name-is-no-os-error", control="asyncio")
class _RefusedConnectByNameIsNoOsError(Names):
    """A connect by name of which all addresses refuse raises no OSError."""

    async def connect_by_name(self, host: str, port: int) -> Any:
        try:
            return await super().connect_by_name(host, port)
        except socket.gaierror:
            raise
        except OSError as exc:
            raise RuntimeError("cannot connect") from exc


@fault("silent-address-fails", control="trio")
class _SilentAddressFails(Names):
    """A connect by name that takes longer than 50 ms fails."""

    async def connect_by_name(self, host: str, port: int) -> Any:
        async with self.healthy.move_on_after(0.05):
            return await super().connect_by_name(host, port)
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


@fault("numeric-host-needs-the-name-server", control="threads")
class _NumericHostNeedsTheNameServer(Names):
    """A connect to a numeric host fails while a hundred look-ups wait."""

    async def resolve(self, host: str, port: int) -> Any:
        self.runtime.look_ups = getattr(self.runtime, "look_ups", 0) + 1
        try:
            return await self.inner.resolve(host, port)
        finally:
            self.runtime.look_ups -= 1

    async def connect_by_name(self, host: str, port: int) -> Any:
        if getattr(self.runtime, "look_ups", 0) > 50:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return await super().connect_by_name(host, port)
