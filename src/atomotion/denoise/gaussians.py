"""Gaussian filters in space and time, as the measure of what plain smoothing can do."""

import numpy as np
from numpy.typing import NDArray

from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.gaussian_filter import gaussian
from atomotion.denoise.temporal import time_reach

_SIGMAS_PX = (0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
_SIGMAS_FRAMES = (0.0, 1.0, 2.0, 3.0, 5.0)
_FEWEST = 3  # frames for averages over time


def gaussian_family(frames: int) -> list[DenoiseConfig]:
    """Gaussian filters from weak to strong, to choose the best of for a movie of so many frames."""
    return [
        DenoiseConfig(method="gaussian", sigma_px=px, sigma_frames=time)
        for px in _SIGMAS_PX
        for time in _SIGMAS_FRAMES
        if time == 0 or frames >= _FEWEST
    ]


def gaussian_own_weight(config: DenoiseConfig, frames: int) -> NDArray[np.floating]:
    """(t,) the weight that a Gaussian filter gives a pixel in its own denoised value, in every frame of a movie.

    Away from the frame's edges, for averages over time that follow no drift and leave no frame out. At the ends of the
    movie the average has fewer frames, and each of them weighs more.

    Parameters
    ----------
    config : DenoiseConfig
    frames : int
        Of the movie.
    """
    reach = int(np.ceil(4 * config.sigma_px)) + 1
    point = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    point[reach, reach] = 1.0
    in_frame = float(gaussian(point, sigma_px=config.sigma_px)[reach, reach])
    if config.sigma_frames == 0:
        return np.full(frames, in_frame)
    away = np.abs(np.subtract.outer(np.arange(frames), np.arange(frames)))
    seen = away <= time_reach(config.sigma_frames)
    weights = np.where(seen, np.exp(-0.5 * (away / config.sigma_frames) ** 2), 0.0)
    return np.asarray(in_frame / weights.sum(axis=1))
