"""atomotion: from electron-microscopy movies of single nanoparticles to the motion of their atoms.

Every room is a subpackage that is loaded when it is first used::

    import atomotion

    movie = atomotion.io.read_movie("movie.mrcs", pixel_size="0.358A", frame_time="2.5ms")
    table = atomotion.order.order_table(movie, atomotion.order.OrderConfig(sigma_px=2))
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("atomotion")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

_ROOMS = (
    "data",
    "denoise",
    "geometry",
    "io",
    "neighbours",
    "noise",
    "order",
    "particles",
    "project",
    "quality",
    "report",
    "scattering",
    "simulate",
    "stages",
    "structure",
    "track",
    "workflows",
)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
