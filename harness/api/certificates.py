"""Certificates for TLS on loopback, made by trustme once for each user and day.

Making them imports a library of cryptography for a quarter of a second, which a cell of a few milliseconds cannot
afford: they are kept in a private folder for temporary files, where every interpreter finds them.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .errors import UnsupportedError

if TYPE_CHECKING:
    from ssl import SSLContext

SERVER_NAME = "one.test"
"""A host name in the certificate of servers, for clients to ask for."""
NAMES = ("localhost", "127.0.0.1", SERVER_NAME, "two.test")
"""Host names and addresses in the certificate of servers."""
MISSING = "TLS needs certificates, which trustme makes: pip install 'runtime-harness[tls]'"
"""Why a question about TLS is unsupported."""
_CA, _SERVER = "ca.pem", "server.pem"
_DAY = 86_400
_PREFIX = f"harness-tls-{os.getuid() if sys.platform != 'win32' else ''}-"


class LocalCertificates(msgspec.Struct, frozen=True):
    """A certificate of servers, and the authority that has signed it."""

    folder: str
    """Folder with the files."""

    def server_context(self, *alpn: str) -> SSLContext:
        """Return a context of servers, which offers these application protocols."""
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(self.folder, _SERVER))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def client_context(self, *alpn: str, trusts: bool = True) -> SSLContext:
        """Return a context of clients, which trusts the authority or none, and offers these application protocols."""
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if trusts:
            context.load_verify_locations(Path(self.folder, _CA))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


def local_certificates() -> LocalCertificates:
    """Return certificates for `NAMES`; the first call of a day makes them.

    Raises:
        UnsupportedError: there are none of today, and trustme is not installed or no file can be written.
    """
    try:
        return LocalCertificates(str(_find_or_make(_place())))
    except OSError as exc:
        raise UnsupportedError(f"TLS needs certificates, which cannot be kept: {exc}") from exc


@cache
def _find_or_make(kept: Path) -> Path:
    """Return the folder of a day, or another one if that name cannot be used."""
    import shutil

    if _is_ours(kept):
        return kept
    made = _make()
    try:
        made.rename(kept)
    except OSError:
        if _is_ours(kept):  # another process was faster
            shutil.rmtree(made, ignore_errors=True)
            return kept
        atexit.register(_remove_made, made, os.getpid())
        return made
    _remove_old(kept)
    return kept


def _remove_made(made: Path, maker: int) -> None:
    """Remove a folder at the end of the process that has made it; a fork of that has the same exit handlers."""
    import shutil

    if os.getpid() == maker:
        shutil.rmtree(made, ignore_errors=True)


def prepare_certificates() -> str:
    """Make the certificates if there are none of today; return why that cannot be done, or an empty string.

    For the preflight of a scenario: the host has the library, and the interpreter of a cell need not.
    """
    try:
        local_certificates()
    except UnsupportedError as exc:
        return str(exc)
    return ""


def find_missing_certificates() -> str:
    """Return why `local_certificates` has none here, or an empty string."""
    from importlib.util import find_spec

    return "" if find_spec("trustme") or _is_ours(_place()) else MISSING


def _place() -> Path:
    """Return the folder of today."""
    import tempfile

    return Path(tempfile.gettempdir(), f"{_PREFIX}{int(time.time()) // _DAY}")


def _is_ours(folder: Path) -> bool:
    """Return whether a folder is there and only this user can read it."""
    try:
        state = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and (sys.platform == "win32" or (state.st_uid, state.st_mode & 0o077) == (os.getuid(), 0))


def _make() -> Path:
    """Return a new folder with certificates."""
    import tempfile

    try:
        from trustme import CA
    except ImportError:
        raise UnsupportedError(MISSING) from None
    folder = Path(tempfile.mkdtemp(prefix="harness-tls-"))
    authority = CA()
    authority.cert_pem.write_to_path(str(folder / _CA))
    authority.issue_cert(*NAMES).private_key_and_cert_chain_pem.write_to_path(str(folder / _SERVER))
    return folder


def _remove_old(kept: Path) -> None:
    """Remove the folders of the days before yesterday: a program of yesterday may still run."""
    import shutil

    today = int(kept.name.removeprefix(_PREFIX))
    for folder in kept.parent.glob(f"{_PREFIX}*"):
        day = folder.name.removeprefix(_PREFIX)
        if day.isdigit() and int(day) < today - 1:
            shutil.rmtree(folder, ignore_errors=True)
