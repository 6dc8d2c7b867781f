"""Read the `json` report back as the run that it was made from."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.model import CellRecord, Run, RunStarted

from .json_report import FORMAT


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of the document; derived values are computed again."""

    format: int
    run: dict[str, Any]
    complete: bool
    note: str
    reference: str
    records: tuple[CellRecord, ...]


def read_json(text: bytes) -> Run:
    """Return the run of a document.

    Raises:
        msgspec.DecodeError: the text is no such document, or one of another format.
    """
    try:
        document = msgspec.json.decode(text, type=_Document)
        if document.format != FORMAT:
            raise msgspec.DecodeError(f"format {document.format}; this harness reads {FORMAT}")
        started = _started(document)
    except (UnicodeDecodeError, RecursionError) as exc:
        raise msgspec.DecodeError(str(exc)) from exc
    return Run(started=started, records=document.records, complete=document.complete, note=document.note)


def _started(document: _Document) -> RunStarted:
    plan = {"baseline": document.reference, **document.run.get("plan", {})}
    header = {**document.run, "type": "run-started", "plan": {**plan, "cells": ()}}
    started = msgspec.convert(header, RunStarted)
    skipped = {skip.cell.id for skip in started.plan.skipped}
    cells = tuple(record.cell for record in document.records if record.cell.id not in skipped)
    return msgspec.structs.replace(started, plan=msgspec.structs.replace(started.plan, cells=cells))
