"""Denoise a movie of any length: blocks with their neighbours in time, in bounded memory."""

from collections.abc import Callable, Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, UsageError
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.methods import METHODS, denoise_frame, uses_anscombe
from atomotion.denoise.stabilise import NoiseScale, measure_noise_scale
from atomotion.denoise.temporal import brought, time_averages

_LONGEST = 64  # frames in a block: enough for speed, and progress is seen


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

    Every frame is averaged with its neighbours in time, laid onto it along the drift, and then filtered in itself. A
    block is read with as many neighbours as that needs, so the result does not depend, in a single bit, on the size of
    the blocks or on where the work began.

    Parameters
    ----------
    frames : (t, y, x)
    config : DenoiseConfig
        ``config.memory`` bounds the frames in work.
    drift : (t, 2) float, dx dy [px]
        Displacement of the content; averages over time follow it, and the result stays in the movie's own geometry.
    bad_frames : collection of int
        Frames that enter no average; each is replaced by what its neighbours in time say, NaN where they say nothing.
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
    total = int(frames.shape[0])
    if drift is not None and drift.shape != (total, 2):
        raise InputError(f"drift has shape {drift.shape}; the movie has {total} frames, so it must be ({total}, 2)")
    scale = measure_noise_scale(frames) if noise is None else noise
    bad = frozenset(int(index) for index in bad_frames)
    step = _block_length(frames, config, moving=drift is not None)
    for first in range(start, total, step):
        stop = min(first + step, total)
        yield first, _denoised(frames, range(first, stop), config, drift, bad, scale)
        if on_step is not None:
            on_step(stop, total)


def _denoised(
    frames: Frames,
    wanted: range,
    config: DenoiseConfig,
    drift: NDArray[np.floating] | None,
    bad: frozenset[int],
    noise: NoiseScale,
) -> NDArray[np.float32]:
    halo = METHODS[config.method].halo(config)
    low, high = max(0, wanted.start - halo), min(int(frames.shape[0]), wanted.stop + halo)
    averages, spread = time_averages(frames, low, high, config.sigma_frames, drift=drift, bad_frames=bad)
    result = np.empty((len(wanted), *frames.shape[1:]), dtype=np.float32)
    even_out = uses_anscombe(noise, config)
    for place, i in enumerate(wanted):
        known = np.isfinite(averages[i - low])
        if not known.any():
            result[place] = np.nan
            continue
        near = [k for k in range(max(low, i - halo), min(high, i + halo + 1)) if np.isfinite(spread[k - low])]
        moves = np.zeros((len(near), 2)) if drift is None else drift[i] - drift[near]
        window = np.stack([brought(averages[k - low], dy, dx) for k, (dx, dy) in zip(near, moves, strict=True)])
        own = noise.averaged(float(spread[i - low]))
        result[place] = denoise_frame(window, near.index(i), config, own, even_out=even_out)
        result[place][~known] = np.nan
    return result


def _block_length(frames: Frames, config: DenoiseConfig, *, moving: bool) -> int:
    method = METHODS[config.method]
    halo = method.halo(config)
    frame_bytes = 4 * int(frames.shape[1]) * int(frames.shape[2])
    # a frame's average and its result, and with a drift the weight that covers each pixel
    each = 3 if moving else 2
    in_work = max(5, (method.copies + 2) * (2 * halo + 1)) + 2 * each * halo
    fitting = int(config.memory // frame_bytes) - in_work
    if fitting < each:
        needed = (in_work + each) * frame_bytes
        raise UsageError(
            f"--memory {config.memory / 1e6:.0f} MB is too small for {config.method} on frames of "
            f"{frames.shape[1]} x {frames.shape[2]} px; give at least {np.ceil(needed / 1e6):.0f} MB"
        )
    return min(fitting // each, _LONGEST)
