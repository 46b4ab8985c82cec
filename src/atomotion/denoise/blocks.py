"""Denoise a movie of any length: blocks with their neighbours in time, in bounded memory."""

from collections.abc import Callable, Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, UsageError
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.methods import METHODS, Block
from atomotion.denoise.stabilise import NoiseScale, measure_noise_scale


def denoise(
    frames: Frames,
    config: DenoiseConfig,
    *,
    drift: NDArray[np.floating] | None = None,
    bad_frames: Collection[int] = (),
    noise: NoiseScale | None = None,
) -> NDArray[np.float32]:
    """(t, y, x) the denoised movie, all in memory; `denoise_blocks` explains the parameters."""
    return np.concatenate(
        [block for _, block in denoise_blocks(frames, config, drift=drift, bad_frames=bad_frames, noise=noise)]
    )


def denoise_blocks(
    frames: Frames,
    config: DenoiseConfig,
    *,
    drift: NDArray[np.floating] | None = None,
    bad_frames: Collection[int] = (),
    noise: NoiseScale | None = None,
    start: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The denoised movie in blocks, each with the number of its first frame.

    A block is read with as many neighbours in time as the method looks at, so the result does not depend on the size of
    the blocks or on where the work began.

    Parameters
    ----------
    frames : (t, y, x)
    config : DenoiseConfig
        ``config.memory`` bounds the frames in work.
    drift : (t, 2) float, dx dy [px]
        Displacement of the content; averages over time follow it, and the result stays in the movie's own geometry.
    bad_frames : collection of int
        Frames that take no part; each is replaced by what its neighbours in time say, NaN where they say nothing.
        Frames with values that are not finite are always bad.
    noise : NoiseScale
        Measured on the frames if not given.
    start : int
        The first frame that is wanted, for work that goes on.
    on_step : callable
        Called with (frames done, frames in all).

    Raises
    ------
    InputError
        Where `drift` has another number of frames.
    UsageError
        Where ``config.memory`` is too small for a single frame with its neighbours.
    """
    total, height, width = (int(length) for length in frames.shape)
    if drift is not None and drift.shape != (total, 2):
        raise InputError(f"drift has shape {drift.shape}; the movie has {total} frames, so it must be ({total}, 2)")
    method = METHODS[config.method]
    halo = method.halo(config)
    scale = measure_noise_scale(frames) if noise is None else noise
    bad = np.zeros(total, dtype=bool)
    bad[list(bad_frames)] = True
    step = _block_length(config, method.copies, halo, height * width * 4)
    for first in range(start, total, step):
        stop = min(first + step, total)
        low, high = max(0, first - halo), min(total, stop + halo)
        values = np.asarray(frames[low:high]).astype(np.float32)
        good = ~bad[low:high] & np.isfinite(values).all(axis=(1, 2))
        block = Block(
            frames=values,
            first=low,
            inner=slice(first - low, stop - low),
            good=good,
            drift=None if drift is None else drift[low:high],
            noise=scale,
        )
        yield first, method.apply(block, config)
        if on_step is not None:
            on_step(stop, total)


def _block_length(config: DenoiseConfig, copies: int, halo: int, frame_bytes: int) -> int:
    fitting = int(config.memory // (frame_bytes * copies)) - 2 * halo
    if fitting < 1:
        needed = (2 * halo + 1) * copies * frame_bytes
        raise UsageError(
            f"--memory {config.memory / 1e6:.0f} MB is too small for {2 * halo + 1} frames at once; "
            f"give at least {needed / 1e6:.0f} MB, or a smaller width in time"
        )
    return fitting
