"""A movie and the physical facts that the microscope knows about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import InputError
from atomotion.data.frames import Frames

Contrast = Literal["dark", "bright"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Movie:
    """A movie, read lazily, with its facts; a fact that is not known is None and never guessed.

    Parameters
    ----------
    frames : (t, y, x)
        Anything that gives numpy arrays when indexed; see `Frames`.
    pixel_size : float [Å]
    frame_time : float [s]
        Time from one frame to the next.
    times : (t,) float [s]
        Time of every frame, where frames are not equally spaced; goes before `frame_time`.
    dose : float [e/Å² per frame]
    units_per_electron : float
        Stored intensity that one electron makes on average.
    contrast : "dark" or "bright"
        How atoms look in the stored values. The values are never flipped.
    voltage : float [V]
    cs : float [Å]
    defocus : float [Å]
        Positive is underfocus.
    detector : str
    metadata : mapping
        Whatever else the file said, and where the movie came from (``source``).
    """

    frames: Frames
    pixel_size: float | None = None
    frame_time: float | None = None
    times: NDArray[np.floating] | None = None
    dose: float | None = None
    units_per_electron: float | None = None
    contrast: Contrast | None = None
    voltage: float | None = None
    cs: float | None = None
    defocus: float | None = None
    detector: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.frames.shape) != 3:
            raise InputError(f"a movie is three-dimensional (t, y, x), but {self.name} has shape {self.frames.shape}")
        if self.times is not None and len(self.times) != len(self):
            raise InputError(f"{self.name} has {len(self)} frames but {len(self.times)} times")

    def __len__(self) -> int:
        return int(self.frames.shape[0])

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(y, x) in pixels."""
        return int(self.frames.shape[1]), int(self.frames.shape[2])

    @property
    def name(self) -> str:
        """Where the movie came from, for messages."""
        return str(self.metadata.get("source", "the movie"))

    def time_axis(self) -> NDArray[np.floating] | None:
        """(t,) times of the frames [s], or None where neither `times` nor `frame_time` is known."""
        if self.times is not None:
            return np.asarray(self.times, dtype=float)
        if self.frame_time is not None:
            return np.arange(len(self)) * self.frame_time
        return None

    def require_pixel_size(self, purpose: str) -> float:
        """The pixel size [Å]; `InputError` naming `purpose` and the flag where it is not known."""
        if self.pixel_size is None:
            raise InputError(
                f"pixel size is missing in {self.name}, and {purpose} needs it; pass --pixel-size, e.g. 0.358A"
            )
        return self.pixel_size

    def require_frame_time(self, purpose: str) -> NDArray[np.floating]:
        """(t,) times [s]; `InputError` naming `purpose` and the flag where they are not known."""
        times = self.time_axis()
        if times is None:
            raise InputError(
                f"frame time is missing in {self.name}, and {purpose} needs it; pass --frame-time, e.g. 2.5ms"
            )
        return times
