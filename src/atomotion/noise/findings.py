"""What was found out about the noise of a movie."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

OutlierKind = Literal["not finite", "constant", "repeat", "saturated", "mean", "spread"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OutlierFrame:
    """A frame that does not belong with the others: its index, what is wrong in a word, and in a sentence."""

    index: int
    kind: OutlierKind
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseFindings:
    """The noise of a raw movie, and what follows from it.

    Parameters
    ----------
    units_per_electron : float or None
        Noise variance per mean intensity, in the movie's units: the gain of a detector that counts electrons. Where
        the response to one electron has a spread of its own, that spread is included (it is what an electron *costs*
        in variance). None where the variance does not follow the mean.
    units_per_electron_interval : (float, float) or None
        95 % interval; statistical, from the scatter between windows of the frame.
    offset : float
        Intensity at which the noise variance vanishes [movie's units]; 0 where it is not different from 0 or could not
        be measured.
    offset_interval : (float, float) or None
        95 % interval, None where the movie has too little contrast to measure an offset and 0 was assumed.
    is_poisson : bool or None
        Whether the noise variance grows with the mean; None where the contrast is too small to tell.
    electrons_per_pixel : float or None
        Mean electrons per pixel and frame: of the vacuum where one was given, else of the whole frame.
    pixel_lag1_x, pixel_lag1_y, pixel_lag1 : float
        Correlation of the noise of pixels that are neighbours in x, in y, and the mean of both.
    pixel_lag1_error : float
        Its standard error.
    pixel_correlation : (7, 7) float, [dy + 3, dx + 3]
        Correlation of the noise at pixel lags -3..3.
    frame_lag1, frame_lag1_error : float
        Correlation of a pixel's noise in neighbouring frames, and its standard error; NaN with fewer than 3 frames.
    frame_correlation : (3,) float
        The same at lags of 1, 2, 3 frames; NaN where the movie is too short.
    is_white_pixels, is_white_frames : bool or None
        Whether those correlations are negligible; None where they could not be measured.
    vacuum_snr : float or None
        Mean over standard deviation of the vacuum's pixels in one frame; None without a vacuum region.
    level : float
        Mean intensity of the region that `electrons_per_pixel` is about.
    change : float
        Part of the structure's variance that changes within a few frames.
    structure_free : bool
        Whether the correlations come from windows without structure.
    window_mean, window_variance : (w,) float
        Mean and noise variance of the windows that the gain comes from.
    frame_mean, frame_sd : (t,) float
        Mean and standard deviation of a sample of every frame's pixels.
    flicker : float
        Relative standard deviation of the frame's mean intensity from one frame to the next, beyond counting noise. It
        is a factor common to a whole frame and no part of the correlations above.
    outlier_frames : tuple of OutlierFrame
    method : "vacuum" or "frame differences"
        Where the noise was measured: in the given vacuum, or in the windows of the frame with the least structure.
    frames_used, windows_used, pixels_used : int
        Frames compared, windows that the correlations come from, and their pixels per frame.
    warnings : tuple of str
        What the findings invalidate, a sentence each.
    """

    units_per_electron: float | None
    units_per_electron_interval: tuple[float, float] | None
    offset: float
    offset_interval: tuple[float, float] | None
    is_poisson: bool | None
    electrons_per_pixel: float | None
    pixel_lag1_x: float
    pixel_lag1_y: float
    pixel_lag1: float
    pixel_lag1_error: float
    pixel_correlation: NDArray[np.floating]
    frame_lag1: float
    frame_lag1_error: float
    frame_correlation: NDArray[np.floating]
    is_white_pixels: bool | None
    is_white_frames: bool | None
    vacuum_snr: float | None
    level: float
    change: float
    structure_free: bool
    window_mean: NDArray[np.floating]
    window_variance: NDArray[np.floating]
    frame_mean: NDArray[np.floating]
    frame_sd: NDArray[np.floating]
    flicker: float
    outlier_frames: tuple[OutlierFrame, ...]
    method: Literal["vacuum", "frame differences"]
    frames_used: int
    windows_used: int
    pixels_used: int
    warnings: tuple[str, ...]

    @property
    def outlier_index(self) -> NDArray[np.integer]:
        """(k,) the frames that are outliers, in order, each once."""
        return np.unique(np.array([each.index for each in self.outlier_frames], dtype=int))
