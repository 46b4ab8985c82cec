"""The boxes of one particle, cut from a movie."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data.frames import Frames
from atomotion.data.movie import Contrast


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticleSeries:
    """Centred boxes of one particle, with where and when they were cut and the movie's facts.

    Parameters
    ----------
    images : (n, y, x)
        The boxes, denoised where the track had a denoised movie.
    raw : (n, y, x) or None
        The same boxes cut from the raw movie.
    frame_index : (n,) int
        Which frame of the movie each box comes from.
    centres : (n, 2) float, x y [Å]
        The particle's centre in the movie.
    background : (n, y, x) or None
        Neighbouring background.
    pixel_size, frame_time, times, dose, units_per_electron, contrast, voltage, cs, defocus, detector, metadata
        As in `Movie`.
    """

    images: Frames
    raw: Frames | None = None
    frame_index: NDArray[np.integer]
    centres: NDArray[np.floating]
    background: Frames | None = None
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
