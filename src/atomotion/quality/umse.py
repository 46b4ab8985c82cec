"""uMSE against neighbouring frames, as published, and what the sample's motion does to it."""

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames
from atomotion.quality.blocks import block_sums, choose_block, read, same_shape
from atomotion.quality.bootstrap import interval_of_totals, mean_of_first
from atomotion.quality.estimate import Estimate, refused

METHOD = "uMSE against neighbouring frames"
_NOTABLE = 0.5  # of the error: what an unseen motion could do to it is said from there on


def umse_adjacent(
    raw: Frames,
    denoised: Frames,
    *,
    window: int,
    distance: int | None = None,
    white_frames: bool | None = None,
    published: bool = False,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    block: tuple[int, int] | None = None,
    rng: np.random.Generator | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Estimate:
    """Mean squared error of a denoised movie, from raw frames that the denoiser did not see.

    With a and b two noisy frames of the same clean image, d frames before and after frame t,

    ``uMSE = mean[(a - f)(b - f)]``,

    whose expectation is the error: the noises of a and b are independent of each other and of f. The published form
    (`published`) is ``mean[(a - f)² - (b - c)² / 2]`` with three frames, here t + d, t - d and t + d + 1; it has the
    same expectation and more variance. Both go over the denoiser's own output, at full size (the published program
    denoises a picture of every second pixel instead, which is another problem), with the mean over exactly the terms
    that there are.

    It takes the sample to stand still for 2 d frames. What a steady motion does to it follows from `clean_change`: the
    upper end of the interval is raised by as much as the frames allow, and the estimate is refused where motion surely
    exceeds the error itself. It needs no gain, no Poisson noise, and no white noise within a frame.

    Parameters
    ----------
    raw, denoised : (t, y, x)
    window : int
        Frames that the denoiser saw on each side of the one it predicts; 0 for single-frame denoisers.
    distance : int, optional
        d; ``window + 1`` by default. A frame within the window has given its noise to f, and the estimate is refused.
    white_frames : bool or None
        Whether the noise of neighbouring frames is independent (``NoiseFindings``). False refuses.
    published : bool
    mask, bad_frames, block, rng
        As in `mean_interval`; a bad frame is no reference either.
    on_step : callable
        Called with (frames compared, frames in all).

    Returns
    -------
    Estimate
        In squared units of the movie.

    References
    ----------
    Marcos-Morales et al., ICML (2023), arXiv:2210.05553; Crozier et al., Science (2025), Fig. 1, D and E.
    """
    shape = same_shape(raw, denoised)
    apart = window + 1 if distance is None else distance
    reason = _forbidden(shape[0], window, apart, white_frames, published)
    if reason is not None:
        return refused(METHOD, reason)

    def quantity(start: int, stop: int) -> tuple[NDArray[np.floating]]:
        after = read(raw, start + apart, stop + apart, bad_frames)
        before = read(raw, start - apart, stop - apart, bad_frames)
        predicted = read(denoised, start, stop)
        if not published:
            return ((after - predicted) * (before - predicted),)
        third = read(raw, start + apart + 1, stop + apart + 1, bad_frames)
        return ((after - predicted) ** 2 - 0.5 * (before - third) ** 2,)

    if published and block is None:
        block = _long_block(shape, apart)
    sums = block_sums(shape, quantity, block=block, mask=mask, bad_frames=bad_frames, on_step=on_step)
    result = interval_of_totals(sums, mean_of_first, method=METHOD, rng=rng)
    if result.refused is not None:
        return result
    if white_frames is None:
        result = result.warned("whether the noise of neighbouring frames is independent was not given")
    # a steady change of v per frame makes d² v² - (2 d + 1)² v² / 2 in the published form, and -d² v² in the product
    part = 0.5 * ((2 * apart + 1) / apart) ** 2 - 1.0 if published else 1.0
    change = clean_change(raw, distance=apart, mask=mask, bad_frames=bad_frames, rng=rng)
    return _with_motion(result, change, part, apart)


def _with_motion(error: Estimate, change: Estimate, part: float, apart: int) -> Estimate:
    """The error with what the sample's `change` within `apart` frames, times `part`, may have hidden of it."""
    if change.value is None or change.low is None or change.high is None or error.value is None:
        open_end = replace(error, high=None)
        return open_end.warned("too few frames or pixels to tell whether the sample stands still")
    hidden = part * change.value
    moves = f"the sample moves: within {apart} frames it changes by {change.value:.3g} (mean square)"
    if change.low > 0 and hidden >= error.value:
        return refused(
            METHOD,
            f"{moves}, which makes the error that is found ({error.value:.3g}) about {hidden:.3g} too small; take "
            "thinning or the blind residual",
        )
    # motion makes the error too small, never too large: the interval's upper end holds what the frames allow of it
    unseen = part * max(change.high, 0.0)
    error = replace(error, high=None if error.high is None else error.high + unseen)
    if change.low > 0:
        return error.warned(f"{moves}, and a steady motion makes this error {hidden:.3g} too small")
    if error.value is not None and unseen > _NOTABLE * error.value:
        return error.warned(
            f"a sample that moves could make this error up to {unseen:.3g} too small and would not be noticed"
        )
    return error


def clean_change(
    raw: Frames,
    *,
    distance: int,
    mask: NDArray[np.bool_] | None = None,
    bad_frames: Collection[int] = (),
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Mean squared change of the clean movie within d frames, from the raw one.

    The noise is the same in differences of any lag, so it leaves the difference of two of them,

    ``Δ_d² = d² / ((d + 1)² - 1) mean[(y_{t+d+1} - y_t)² - (y_{t+1} - y_t)²]``,

    where the factor is that of a steady motion; a random one changes by up to three times as much. With x the clean
    movie and u the denoiser's error, the products of `umse_adjacent` have the bias
    ``(x_{t+d} - x_t)(x_{t-d} - x_t) + u (x_{t+d} + x_{t-d} - 2 x_t)``: the first part is ``-Δ_d²`` for a steady motion
    and 0 for one without memory; the second, with the sample's acceleration, cannot be seen.

    Parameters
    ----------
    raw : (t, y, x)
    distance : int
        d.
    mask, bad_frames, rng
        As in `mean_interval`.

    Returns
    -------
    Estimate
        In squared units of the movie; below 0 by chance where nothing moves.
    """
    factor = distance**2 / ((distance + 1.0) ** 2 - 1.0)
    shape = tuple(int(n) for n in raw.shape)

    def quantity(start: int, stop: int) -> tuple[NDArray[np.floating]]:
        now, next_one, later = (read(raw, start + lag, stop + lag, bad_frames) for lag in (0, 1, distance + 1))
        return (factor * ((later - now) ** 2 - (next_one - now) ** 2),)

    sums = block_sums(shape, quantity, block=_long_block(shape, distance), mask=mask)
    return interval_of_totals(sums, mean_of_first, method=f"change of the sample within {distance} frames", rng=rng)


def _long_block(shape: tuple[int, ...], distance: int) -> tuple[int, int]:
    """Blocks in which the squares of a frame's noise that come with both signs meet and cancel."""
    return choose_block(shape, frames=8 * (distance + 1))


def _forbidden(frames: int, window: int, apart: int, white_frames: bool | None, published: bool) -> str | None:
    if apart <= window:
        return (
            f"the reference frames lie {apart} frames away, within the {window} frames on each side that the denoiser "
            f"saw: their noise is in its output; take them {window + 1} away"
        )
    if white_frames is False:
        return "the noise of neighbouring frames is correlated, so shared noise would count as signal"
    needed = 2 * apart + (2 if published else 1)
    if frames < needed:
        return f"the movie has {frames} frames; references {apart} frames before and after need at least {needed}"
    return None
