"""A garbage collector that runs all the time, or never."""

from __future__ import annotations

import gc

from harness.api import Perturbation, Runtime

_AGGRESSIVE, _OFF = "aggressive", "off"


def _parse(text: str | None) -> str:
    if text not in (_AGGRESSIVE, _OFF):
        raise ValueError(f"is one of {_AGGRESSIVE}, {_OFF}")
    return text


def set_collector(runtime: Runtime, value: str) -> Runtime:
    """Collect at every allocation, or never."""
    if value == _OFF:
        gc.disable()
    else:
        gc.set_threshold(1, 1, 1)
    return runtime


COLLECTOR = Perturbation(
    name="gc",
    value=f"={_AGGRESSIVE}|{_OFF}",
    summary="collect garbage at every allocation, or never",
    parse=_parse,
    in_worker=f"{__name__}:set_collector",
)
