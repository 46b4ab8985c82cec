"""The methods by name: what each does to a block of frames, and how many neighbours in time it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.denoise.chambolle import total_variation
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.gaussian_filter import gaussian, temporal_halo
from atomotion.denoise.patches import nonlocal_means
from atomotion.denoise.spline import spline_smooth
from atomotion.denoise.stabilise import NoiseScale, anscombe, inverse_anscombe

# frames on both sides that are denoised with a group of total variation and thrown away
_TV_OVERLAP = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Frames to denoise, with what is known about them.

    Parameters
    ----------
    frames : (t, y, x) float32
    first : int
        Number of frames[0] in the movie.
    inner : slice
        The frames that are wanted; the others are their neighbours in time.
    good : (t,) bool
    drift : (t, 2) float, dx dy [px] or None
    noise : NoiseScale
    """

    frames: NDArray[np.float32]
    first: int
    inner: slice
    good: NDArray[np.bool_]
    drift: NDArray[np.floating] | None
    noise: NoiseScale


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A way of denoising.

    Parameters
    ----------
    apply : callable
        ``apply(block, config)`` gives the denoised inner frames, (n, y, x) float32.
    halo : callable
        ``halo(config)`` is how many frames before and after a frame its result depends on.
    copies : int
        Frames' worth of float32 memory that a frame takes while it is worked on.
    """

    apply: Callable[[Block, DenoiseConfig], NDArray[np.float32]]
    halo: Callable[[DenoiseConfig], int]
    copies: int


def _gaussian(block: Block, config: DenoiseConfig) -> NDArray[np.float32]:
    return gaussian(
        block.frames,
        sigma_px=config.sigma_px,
        sigma_frames=config.sigma_frames,
        good=block.good,
        drift=block.drift,
        inner=block.inner,
    )


def _spline(block: Block, config: DenoiseConfig) -> NDArray[np.float32]:
    return _each_frame(block, lambda frame: spline_smooth(frame, strength=config.spline_lambda))


def _nlmeans(block: Block, config: DenoiseConfig) -> NDArray[np.float32]:
    def smooth(frame: NDArray[np.float32]) -> NDArray[np.float32]:
        return nonlocal_means(
            frame,
            strength=config.nlmeans_strength,
            patch_px=config.nlmeans_patch_px,
            search_px=config.nlmeans_search_px,
        )

    return _each_frame(block, lambda frame: _at_unit_noise(frame, smooth, block.noise, config))


def _total_variation(block: Block, config: DenoiseConfig) -> NDArray[np.float32]:
    def smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return total_variation(values, weight=config.tv_weight)

    if config.tv_frames == 1:
        return _each_frame(block, lambda frame: _at_unit_noise(frame, smooth, block.noise, config))
    wanted = range(*block.inner.indices(len(block.frames)))
    result = np.full((len(wanted), *block.frames.shape[1:]), np.nan, dtype=np.float32)
    groups = sorted({(block.first + i) // config.tv_frames for i in wanted})
    for group in groups:
        # groups lie on whole multiples in the movie, so that the result does not depend on the blocks
        start, stop = group * config.tv_frames, (group + 1) * config.tv_frames
        near = [
            k
            for k in range(start - _TV_OVERLAP - block.first, stop + _TV_OVERLAP - block.first)
            if 0 <= k < len(block.frames) and block.good[k]
        ]
        if not near:
            continue
        smoothed = _at_unit_noise(block.frames[near], smooth, block.noise, config)
        for place, i in enumerate(wanted):
            if start <= block.first + i < stop:
                # a bad frame takes the nearest good one's result
                result[place] = smoothed[int(np.argmin(np.abs(np.array(near) - i)))]
    return result


def _each_frame(block: Block, smooth: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> NDArray[np.float32]:
    wanted = range(*block.inner.indices(len(block.frames)))
    result = np.full((len(wanted), *block.frames.shape[1:]), np.nan, dtype=np.float32)
    for place, i in enumerate(wanted):
        if block.good[i]:
            result[place] = smooth(block.frames[i])
    return result


def _at_unit_noise(
    values: NDArray[np.float32],
    smooth: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    noise: NoiseScale,
    config: DenoiseConfig,
) -> NDArray[np.float32]:
    """`smooth` applied to values whose noise has a standard deviation of 1, and the scale put back."""
    if noise.units_per_electron is not None and uses_anscombe(noise, config):
        stabilised = anscombe(values / np.float32(noise.units_per_electron))
        return inverse_anscombe(smooth(stabilised)) * np.float32(noise.units_per_electron)
    return smooth(values / np.float32(noise.sd)) * np.float32(noise.sd)


def uses_anscombe(noise: NoiseScale, config: DenoiseConfig) -> bool:
    """Whether noise is evened out before filtering."""
    if config.method not in ("tv", "nlmeans") or config.stabilise == "off":
        return False
    return noise.units_per_electron is not None if config.stabilise == "on" else noise.can_stabilise()


METHODS: Mapping[str, Method] = {
    "gaussian": Method(
        apply=_gaussian,
        halo=lambda config: temporal_halo(config.sigma_frames) if config.sigma_frames > 0 else 0,
        copies=3,
    ),
    "tv": Method(
        apply=_total_variation,
        halo=lambda config: config.tv_frames - 1 + _TV_OVERLAP if config.tv_frames > 1 else 0,
        copies=10,
    ),
    "spline": Method(apply=_spline, halo=lambda config: 0, copies=5),
    "nlmeans": Method(apply=_nlmeans, halo=lambda config: 0, copies=8),
}
