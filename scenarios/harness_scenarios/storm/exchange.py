"""What goes each way on a connection of a storm: tagged bytes, or the bytes of a file.

The bytes of a file are the same on every connection. So a reply that is damaged or cut off is seen, and one that
belongs to another connection is not: there is nothing in it that says whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness_scenarios.parts.tagged_payload import ReplyGrade, grade_reply, make_reply, make_request, read_tag

NO_TAG = -1


class Exchange:
    """Requests and replies of a storm, made and judged in the same way by both roles.

    Args:
        parameters: `request_bytes`, `reply_bytes`, `request_file` and `reply_file`; a file goes instead of bytes.
        seed: of the cell.

    Raises:
        OSError: a file cannot be read.
    """

    def __init__(self, parameters: Mapping[str, Any], seed: int) -> None:
        self._seed = seed
        self._request = _read(parameters["request_file"])
        self._reply = _read(parameters["reply_file"])
        self.request_bytes: int = parameters["request_bytes"] if self._request is None else len(self._request)
        self.reply_bytes: int = parameters["reply_bytes"] if self._reply is None else len(self._reply)
        if self._request is not None and self._reply is None:
            # No tag comes in, so that none can go out.
            self._reply = make_reply(make_request(0, seed, self.reply_bytes), self.reply_bytes)
        self.is_tagged = self._request is None and self._reply is None

    def make_request(self, index: int) -> bytes:
        """Return the request of a connection."""
        return make_request(index, self._seed, self.request_bytes) if self._request is None else self._request

    def make_reply(self, request: bytes) -> bytes | None:
        """Return the reply to a request, or `None` if it is not one that a client sends."""
        if self._request is not None:
            return self._reply if request == self._request else None
        made = make_reply(request, self.reply_bytes) if len(request) == self.request_bytes else None
        return made if made is None or self._reply is None else self._reply

    def grade(self, request: bytes, reply: bytes) -> ReplyGrade:
        """Grade a reply from the view of the connection that sent the request."""
        return grade_reply(reply, self.make_reply(request) or b"")

    def read_tag(self, reply: bytes) -> int:
        """Return the index of the connection that a reply says it is for, or `NO_TAG` if it does not say."""
        return read_tag(reply) if self.is_tagged else NO_TAG


def _read(path: str | None) -> bytes | None:
    if not path:
        return None
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib is not imported in a worker
        return file.read()
