"""`--partition 2/4`: a run in parts, on as many machines; each row is in one of them, whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.model import NothingSelectedError, RowId, UsageError


def choose_part(rows: Sequence[RowId], partition: str) -> tuple[RowId, ...]:
    """Return the rows of one part: every so-manieth, so that those of a scenario are spread over all parts.

    Args:
        rows: of the whole, in an order that follows from the request.
        partition: `2/4` for the second of four parts; empty is everything.

    Raises:
        UsageError: it is no such text.
        NothingSelectedError: there are fewer rows than parts, and this part has none.
    """
    if not partition:
        return tuple(rows)
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", partition)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"cannot read partition {partition!r}: it is K/N, such as 2/4, with K from 1 to N")
    part = tuple(rows[int(found[1]) - 1 :: int(found[2])])
    if not part:
        raise NothingSelectedError(f"partition {partition} has no rows: there are {len(rows)} in all; make fewer parts")
    return part
