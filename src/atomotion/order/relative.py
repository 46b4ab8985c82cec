"""ALPS relative to vacuum, so that particles of different size and dose can be compared."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data import Contrast, Frames
from atomotion.order.alps import alps
from atomotion.order.config import OrderConfig
from atomotion.order.homology import persistence_bars
from atomotion.order.measure import Level, level_of, measure_frames, prepared_frame
from atomotion.order.polygon_mask import checked_polygon, polygon_mask

Basis = Literal["simulated", "vacuum movie", "vacuum bars", "none"]
_FEWEST_BARS = 200
_DRAWS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class AlpsReference:
    """What ALPS is in vacuum for one polygon and one way of processing frames.

    Parameters
    ----------
    mean, sd : float
        Over `frames` values; NaN where there is no reference.
    frames : int
    basis : "simulated", "vacuum movie", "vacuum bars" or "none"
        Simulated counts, the polygon laid in measured vacuum, or bars drawn from a vacuum that is too small for it.
    reason : str
        Why there is no reference.
    """

    mean: float
    sd: float
    frames: int
    basis: Basis
    reason: str = ""


def alps_relative(values: ArrayLike, reference: AlpsReference) -> NDArray[np.float64]:
    """(t,) ALPS over its mean in vacuum: 1 in vacuum by construction, larger where there is order; NaN without one.

    The published work shows ALPS "normalized for particle size in such a way that gives a value near unity in the
    vacuum", by a formula that is not in its public text. This ratio has the same property; that it is the same number
    is not known, so thresholds read off the published figures are a guide only.

    References
    ----------
    Crozier et al., Science 387 (2025), "Quantifying fluxionality".
    """
    return np.asarray(values, dtype=float) / reference.mean


def reference_from_null(null: NDArray[np.float64]) -> AlpsReference:
    """The reference for raw counts: simulated vacuum frames as `null_alps` gives them."""
    values = null[np.isfinite(null)]
    return _reference(values, "simulated")


def reference_from_vacuum(
    vacuum: Frames,
    config: OrderConfig,
    *,
    polygon: ArrayLike,
    shape: tuple[int, int],
    contrast: Contrast | None = None,
    workers: int = 1,
    on_step: Callable[[int, int], None] | None = None,
) -> AlpsReference:
    """The reference for any processing: vacuum frames that went through the same, denoiser and all.

    Where the vacuum is at least as large as the movie's frames, windows of their shape that do not overlap are cut from
    it and the polygon lies in each as it lies in the movie. Where it is smaller but holds the polygon, the polygon
    lies at its centre. Where it is smaller than the polygon, as many bars as the polygon would hold are drawn from the
    bars of the vacuum, over and over; the mean so found is 1 to 5 % low for a vacuum of 100 to 40 px and a Gaussian of
    2 px, since long bars end at the border of a small frame.

    Parameters
    ----------
    vacuum : (t, y, x)
    config : OrderConfig
    polygon : (n, 2) float, x y [px]
        In the movie.
    shape : (y, x)
        Of the movie's frames.

    Returns
    -------
    AlpsReference
        Without a mean, and with the reason, where the vacuum holds too few bars.
    """
    corners = checked_polygon(polygon)
    size = (int(vacuum.shape[1]), int(vacuum.shape[2]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = np.ceil(config.sigma_px)  # within one sigma of the border smoothing is not what it is inside
    if size[0] >= shape[0] and size[1] >= shape[1]:
        windows = [
            _Window(vacuum, slice(y, y + shape[0]), slice(x, x + shape[1]))
            for y in range(0, size[0] - shape[0] + 1, shape[0])
            for x in range(0, size[1] - shape[1] + 1, shape[1])
        ]
    elif np.all(high - low + 2 * margin <= (size[1] - 1, size[0] - 1)):
        corners = corners + np.round((np.array([size[1] - 1, size[0] - 1]) - high - low) / 2)
        windows = [_Window(vacuum, slice(0, size[0]), slice(0, size[1]))]
    else:
        return _resampled(vacuum, config, int(polygon_mask(corners, shape).sum()), level_of(config, contrast))
    skipping = replace(config, bad_frames="skip")
    values = [
        measure_frames(
            window,
            skipping,
            polygon=corners,
            contrast=contrast,
            workers=workers,
            on_step=_part(on_step, number, len(windows)),
        ).alps
        for number, window in enumerate(windows)
    ]
    found = np.concatenate(values)
    return _reference(found[np.isfinite(found)], "vacuum movie")


def _resampled(vacuum: Frames, config: OrderConfig, pixels: int, level: Level) -> AlpsReference:
    """The reference for a polygon larger than the vacuum: as many bars as it would hold, drawn from the vacuum's.

    The bar that ends at the frame's maximum is left out, as its length tells of the small frame and not of vacuum.
    """
    edge = int(np.ceil(2 * config.sigma_px))  # nearer to the border, bars are fewer than inside
    inner = np.zeros((int(vacuum.shape[1]), int(vacuum.shape[2])), dtype=bool)
    inner[edge : inner.shape[0] - edge, edge : inner.shape[1] - edge] = True
    lengths: list[NDArray[np.floating]] = []
    for number in range(int(vacuum.shape[0])):
        smooth = prepared_frame(np.asarray(vacuum[number : number + 1])[0], config)
        bars = persistence_bars(smooth, inner, dimension=config.dimension, superlevel=level == "superlevel")
        lengths.append(bars.lifetimes[bars.deaths != (smooth.min() if level == "superlevel" else smooth.max())])
    pool = np.concatenate(lengths)
    if pool.size < _FEWEST_BARS:
        return no_reference(
            f"the vacuum is smaller than the polygon and holds only {pool.size} bars in {len(lengths)} frames "
            f"(at least {_FEWEST_BARS} are needed); give a larger vacuum"
        )
    count = max(1, round(pixels * pool.size / (inner.sum() * len(lengths))))
    rng = np.random.default_rng(config.seed)
    values = np.array([alps(rng.choice(pool, count)) for _ in range(_DRAWS)])
    return _reference(values, "vacuum bars")


def no_reference(reason: str) -> AlpsReference:
    """No reference, and why."""
    return AlpsReference(mean=float("nan"), sd=float("nan"), frames=0, basis="none", reason=reason)


def _reference(values: NDArray[np.float64], basis: Basis) -> AlpsReference:
    if values.size < 2 or values.mean() <= 0:
        return no_reference("the vacuum has no order to compare with: too few frames, or too small a polygon")
    return AlpsReference(mean=float(values.mean()), sd=float(values.std(ddof=1)), frames=values.size, basis=basis)


def _part(on_step: Callable[[int, int], None] | None, number: int, parts: int) -> Callable[[int, int], None] | None:
    if on_step is None:
        return None
    return lambda done, total: on_step(number * total + done, parts * total)


class _Window:
    """A part of every frame (a `Frames`)."""

    def __init__(self, frames: Frames, rows: slice, columns: slice) -> None:
        self._frames, self._rows, self._columns = frames, rows, columns
        self.shape: tuple[int, ...] = (int(frames.shape[0]), rows.stop - rows.start, columns.stop - columns.start)
        self.dtype = frames.dtype

    def __getitem__(self, key: Any, /) -> NDArray[Any]:
        return np.asarray(self._frames[key])[..., self._rows, self._columns]
