"""The methods by name: what each does to a frame, and which frames around it it looks at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.denoise.chambolle import total_variation
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.gaussian_filter import gaussian
from atomotion.denoise.patches import nonlocal_means
from atomotion.denoise.spline import spline_smooth
from atomotion.denoise.stabilise import NoiseScale, anscombe, inverse_anscombe
from atomotion.denoise.temporal import usual_spread


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A way of denoising a frame that was averaged with its neighbours in time.

    Parameters
    ----------
    apply : callable
        ``apply(window, middle, config)`` gives the denoised frame ``window[middle]`` (y, x) float32; the window
        (m, y, x) float32 holds it and the good frames up to `halo` before and after, all laid onto it.
    halo : callable
        ``halo(config)`` is how many frames before and after the window goes.
    copies : int
        Frames' worth of float32 memory that `apply` takes for each frame of the window.
    unit_noise : bool
        Whether `apply` wants values whose noise has a standard deviation of 1, the same everywhere.
    """

    apply: Callable[[NDArray[np.float32], int, DenoiseConfig], NDArray[np.float32]]
    halo: Callable[[DenoiseConfig], int]
    copies: int
    unit_noise: bool


def _gaussian(window: NDArray[np.float32], middle: int, config: DenoiseConfig) -> NDArray[np.float32]:
    return gaussian(window[middle], sigma_px=config.sigma_px)


def _total_variation(window: NDArray[np.float32], middle: int, config: DenoiseConfig) -> NDArray[np.float32]:
    if len(window) == 1:
        return total_variation(window[0], weight=config.tv_weight)
    return total_variation(window, weight=config.tv_weight)[middle]


def _spline(window: NDArray[np.float32], middle: int, config: DenoiseConfig) -> NDArray[np.float32]:
    return spline_smooth(window[middle], strength=config.spline_lambda)


def _nlmeans(window: NDArray[np.float32], middle: int, config: DenoiseConfig) -> NDArray[np.float32]:
    return nonlocal_means(
        window[middle],
        strength=config.nlmeans_strength,
        patch_px=config.nlmeans_patch_px,
        search_px=config.nlmeans_search_px,
    )


METHODS: Mapping[str, Method] = {
    "gaussian": Method(apply=_gaussian, halo=lambda config: 0, copies=2, unit_noise=False),
    "tv": Method(apply=_total_variation, halo=lambda config: config.tv_frames // 2, copies=13, unit_noise=True),
    "spline": Method(apply=_spline, halo=lambda config: 0, copies=10, unit_noise=False),
    "nlmeans": Method(apply=_nlmeans, halo=lambda config: 0, copies=10, unit_noise=True),
}


def denoise_frame(
    window: NDArray[np.float32], middle: int, config: DenoiseConfig, noise: NoiseScale, *, even_out: bool
) -> NDArray[np.float32]:
    """``window[middle]`` denoised, in its own units.

    Parameters
    ----------
    window : (m, y, x) float32
    middle : int
    config : DenoiseConfig
    noise : NoiseScale
        Of the middle frame as it is here, averaged.
    even_out : bool
        Whether to go through the Anscombe transform (`uses_anscombe`).
    """
    method = METHODS[config.method]
    if even_out and noise.units_per_electron is not None:
        units, offset = np.float32(noise.units_per_electron), np.float32(noise.offset)
        smooth = method.apply(anscombe((window - offset) / units), middle, config)
        return inverse_anscombe(smooth) * units + offset
    if method.unit_noise:
        scale = np.float32(max(noise.sd, 1e-30))
        return method.apply(window / scale, middle, config) * scale
    return method.apply(window, middle, config)


def uses_anscombe(noise: NoiseScale, config: DenoiseConfig) -> bool:
    """Whether the noise of a movie (`noise`, of single frames) is evened out before filtering.

    Averages over time count as the more electrons that they are.
    """
    if not METHODS[config.method].unit_noise or config.stabilise == "off":
        return False
    if config.stabilise == "on":
        return noise.units_per_electron is not None
    return noise.averaged(usual_spread(config.sigma_frames)).can_stabilise()
