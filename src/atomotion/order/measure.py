"""ALPS and its companions for every frame of a movie, read block by block."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data import Contrast, Frames, InputError
from atomotion.data.polygon import Polygon
from atomotion.order.alps import alps, persistent_entropy, total_persistence
from atomotion.order.config import OrderConfig
from atomotion.order.homology import persistence_bars
from atomotion.order.polygon_mask import checked_polygon, polygon_mask, strictly_inside
from atomotion.order.smoothing import gaussian

Level = Literal["sublevel", "superlevel"]
_BLOCK_BYTES = 2**26


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameOrder:
    """One number per frame and measure; NaN (0 bars) where a frame was left out.

    Parameters
    ----------
    alps, persistent_entropy, total_persistence : (t,) float
    bars : (t,) int
        How many bars were counted.
    left_out : dict
        Frame number to the reason why it was not measured ("is constant ...", "was left out").
    """

    alps: NDArray[np.float64]
    persistent_entropy: NDArray[np.float64]
    total_persistence: NDArray[np.float64]
    bars: NDArray[np.int64]
    left_out: dict[int, str]


def level_of(config: OrderConfig, contrast: Contrast | None) -> Level:
    """The filtration to use: as configured, or by the movie's contrast; dark atoms where nothing is known."""
    if config.level != "auto":
        return config.level
    return "superlevel" if contrast == "bright" else "sublevel"


def prepared_frame(frame: NDArray, config: OrderConfig) -> NDArray[np.floating]:
    """(y, x) the frame in counts (``rint(frame / divisor)``) and smoothed; float64 stays so, all else is float32.

    The Gaussian is that of ``skimage.filters.gaussian(frame, sigma, preserve_range=True)``: cut off at four sigma, the
    border pixels repeated outwards.
    """
    values = frame if config.divisor is None else np.rint(frame / config.divisor)
    values = values.astype(np.float64 if frame.dtype == np.float64 else np.float32, copy=False)
    return gaussian(values, config.sigma_px) if config.sigma_px > 0 else values


def frame_lifetimes(
    frame: NDArray, region: NDArray[np.bool_] | Polygon | None, config: OrderConfig, level: Level
) -> NDArray[np.floating]:
    """(n,) lifetimes of a raw frame's bars whose pixel lies in `region`: a mask, a polygon, or None for all."""
    smooth = prepared_frame(frame, config)
    mask = None if isinstance(region, Polygon) else region
    bars = persistence_bars(smooth, mask, dimension=config.dimension, superlevel=level == "superlevel")
    if not isinstance(region, Polygon):
        return bars.lifetimes
    y, x = np.divmod(bars.pixels, smooth.shape[1])
    return bars.lifetimes[strictly_inside(np.column_stack((x, y)), region.points)]


def measure_frames(
    frames: Frames,
    config: OrderConfig,
    *,
    polygon: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
    contrast: Contrast | None = None,
    drift: NDArray[np.floating] | None = None,
    leave_out: Collection[int] = (),
    first: int = 0,
    last: int | None = None,
    workers: int = 1,
    on_step: Callable[[int, int], None] | None = None,
) -> FrameOrder:
    """ALPS, persistent entropy and total persistence of every frame.

    Parameters
    ----------
    frames : (t, y, x)
        Read in blocks of some 64 MB.
    config : OrderConfig
    polygon : (n, 2) float, x y [px] or None
        Only bars whose pixel lies strictly inside are counted; the homology is that of the whole frame.
    mask : (y, x) bool or None
        The same as a mask; not together with `polygon`.
    contrast : "dark", "bright" or None
        How atoms look; used where ``config.level`` is ``"auto"``. None means dark.
    drift : (t, 2) float, dx dy [px] or None
        Moves the polygon by this much in every frame of the movie.
    leave_out : collection of int
        Numbers of frames that are not measured.
    first, last : int
        Measure the frames first, first + 1, ..., last - 1 only; None is the end.
    workers : int
        Threads. Smoothing and homology run outside Python's lock.
    on_step : callable
        Called with (frames done, frames to do).

    Raises
    ------
    InputError
        For a constant frame or one with values that are not finite, where ``config.bad_frames`` is ``"refuse"``; for a
        polygon that is none or lies outside the frame.
    """
    total, shape = int(frames.shape[0]), (int(frames.shape[1]), int(frames.shape[2]))
    regions = _regions(polygon, mask, drift, total, shape)
    level, stop = level_of(config, contrast), total if last is None else min(last, total)
    rows: list[tuple[float, float, float, int]] = []
    left_out: dict[int, str] = {}

    def measure(item: tuple[int, NDArray]) -> tuple[float, float, float, int] | str:
        number, frame = item
        if number in leave_out:
            return "was left out"
        reason = _why_bad(frame)
        if reason:
            if config.bad_frames == "refuse":
                raise InputError(f"frame {number} {reason}; leave such frames out with --bad-frames skip")
            return reason
        lengths = frame_lifetimes(frame, regions(number), config, level)
        return alps(lengths), persistent_entropy(lengths), total_persistence(lengths), len(lengths)

    step = max(1, _BLOCK_BYTES // (shape[0] * shape[1] * max(frames.dtype.itemsize, 4)))
    with ThreadPoolExecutor(workers) as pool:
        run = pool.map if workers > 1 else map
        for start in range(first, stop, step):
            block = np.asarray(frames[start : min(start + step, stop)])
            for number, result in enumerate(run(measure, enumerate(block, start)), start):
                if isinstance(result, str):
                    left_out[number] = result
                    result = (np.nan, np.nan, np.nan, 0)
                rows.append(result)
                if on_step is not None:
                    on_step(len(rows), stop - first)
    columns = [np.array(column) for column in zip(*rows, strict=True)] if rows else [np.empty(0)] * 4
    return FrameOrder(
        alps=columns[0],
        persistent_entropy=columns[1],
        total_persistence=columns[2],
        bars=columns[3].astype(np.int64),
        left_out=left_out,
    )


def _why_bad(frame: NDArray) -> str:
    low, high = frame.min(), frame.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return "has values that are not finite"
    return f"is constant (every pixel is {low:g})" if low == high else ""


def _regions(
    polygon: ArrayLike | None,
    mask: NDArray[np.bool_] | None,
    drift: NDArray[np.floating] | None,
    total: int,
    shape: tuple[int, int],
) -> Callable[[int], NDArray[np.bool_] | Polygon | None]:
    """The region of every frame: one mask for all, or the drifting polygon's corners."""
    if polygon is not None and mask is not None:
        raise InputError("give a polygon or a mask, not both")
    if mask is not None and mask.shape != shape:
        raise InputError(f"the mask has shape {mask.shape} but the frames have {shape}")
    if polygon is None:
        if drift is not None:
            raise InputError("drift moves a polygon, but no polygon was given")
        return lambda number: mask
    if drift is None:
        fixed = polygon_mask(polygon, shape)
        return lambda number: fixed
    moves = np.asarray(drift, dtype=float)
    if moves.shape != (total, 2):
        raise InputError(f"drift needs one (dx, dy) per frame, shape ({total}, 2), but has shape {moves.shape}")
    corners = checked_polygon(polygon)
    polygon_mask(corners + moves[0], shape)  # refuses a polygon that has nothing to do with the movie
    return lambda number: Polygon(points=corners + moves[number])
