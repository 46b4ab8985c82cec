"""One file per stage: its config, what it reads, the science it calls, what it writes and draws."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atomotion.project.stage import Stage

NAMES = (
    "noise",
    "drift",
    "region",
    "background",
    "track",
    "denoise",
    "quality",
    "order",
    "periods",
    "trend",
    "frames",
    "simulate",
    "simulate_adf",
    "reconstruct",
    "boundaries",
    "atoms",
    "structure",
    "compare",
)


def every_stage() -> "list[Stage]":
    """All stages, in the order of a route."""
    return [import_module(f"atomotion.stages.{name}").STAGE for name in NAMES]
