"""Spacing and direction of the lattice fringes inside a polygon."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage, stats

from atomotion.data import Frames, UsageError
from atomotion.order.config import FringesConfig
from atomotion.order.polygon_mask import checked_polygon, polygon_area, polygon_mask

_PADDING = 2  # finer sampling of the spectrum, so that the peak's top can be fitted


@dataclass(frozen=True, kw_only=True, slots=True)
class Fringes:
    """The strongest lattice peak.

    Parameters
    ----------
    spacing_px : float
    spacing : float or None [Å]
        None where the pixel size is not known.
    wave_vector_angle_deg : float
        Direction in which the intensity varies (perpendicular to the fringes), 0 to 180°, from +x (to the right)
        towards +y (down, as frames are stored and shown with row 0 at the top).
    fringe_angle_deg : float
        Direction along which the fringes run, 0 to 180°, from +x towards +y.
    contrast : float
        Power of the peak over that of the background at the same spacing.
    p_value : float
        Chance that the background makes such a peak anywhere in the search.
    frames : int
        How many frames were averaged.
    """

    spacing_px: float
    spacing: float | None
    wave_vector_angle_deg: float
    fringe_angle_deg: float
    contrast: float
    p_value: float
    frames: int


def find_fringes(
    frames: Frames,
    polygon: ArrayLike,
    config: FringesConfig | None = None,
    *,
    start: int = 0,
    stop: int | None = None,
    drift: NDArray[np.floating] | None = None,
    pixel_size: float | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Fringes | None:
    """The strongest lattice fringes of the frames start, ..., stop - 1, or None where no peak stands out.

    Each frame's part inside the polygon, less its mean and multiplied by a window that falls smoothly to zero at the
    polygon's edge, is Fourier transformed; the power spectra are averaged, so that a lattice that shifts from frame to
    frame still adds up. The background at each spatial frequency is the median over directions. Where there is no
    lattice, the averaged spectrum over its background is Gamma distributed with mean 1 and a shape k, the number of
    independent spectra in the average, which is measured from the ring's own quartiles (a static outline gives the same
    speckles in all frames, so k is far less than the number of frames). The top of the peak is the vertex of a parabola
    through the logarithm of the padded spectrum.

    Parameters
    ----------
    frames : (t, y, x)
    polygon : (n, 2) float, x y [px]
    config : FringesConfig
    start, stop : int
    drift : (t, 2) float, dx dy [px]
        Of the polygon.
    pixel_size : float [Å]

    Raises
    ------
    UsageError
        Where no spacing is left to search.
    """
    config = FringesConfig() if config is None else config
    corners = checked_polygon(polygon)
    diameter = 2 * np.sqrt(polygon_area(corners) / np.pi)
    longest = config.longest_px if config.longest_px is not None else diameter / 4
    if longest <= config.shortest_px:
        raise UsageError(
            f"no spacing to search: the longest is {longest:.3g} px and the shortest {config.shortest_px:.3g} px; "
            "the polygon is small: lower --shortest or give --longest"
        )
    end = int(frames.shape[0]) if stop is None else stop
    chosen = np.unique(np.linspace(start, end - 1, min(config.frames, end - start)).round().astype(int))
    spectrum, window = _average_spectrum(frames, chosen, corners, drift, on_step)
    peak = _strongest(spectrum, window, (1 / longest, 1 / config.shortest_px))
    if peak is None or peak[2] > config.alpha:
        return None
    (fy, fx), contrast, p_value = peak
    frequency = float(np.hypot(fx, fy))
    angle = float(np.degrees(np.arctan2(fy, fx))) % 180.0
    return Fringes(
        spacing_px=1 / frequency,
        spacing=None if pixel_size is None else pixel_size / frequency,
        wave_vector_angle_deg=angle,
        fringe_angle_deg=(angle + 90.0) % 180.0,
        contrast=contrast,
        p_value=p_value,
        frames=len(chosen),
    )


def _average_spectrum(
    frames: Frames,
    chosen: NDArray[np.integer],
    corners: NDArray[np.float64],
    drift: NDArray[np.floating] | None,
    on_step: Callable[[int, int], None] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, n) power spectrum, zero frequency at [0, 0], averaged over frames; and the window."""
    shape = (int(frames.shape[1]), int(frames.shape[2]))
    inside = polygon_mask(corners, shape)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left, height, width = rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1
    window = _window(inside[top : top + height, left : left + width])
    n = fft.next_fast_len(int(_PADDING * max(height, width)), real=True)
    total = np.zeros((n, n))
    used = 0
    for done, number in enumerate(chosen.tolist(), 1):
        dx, dy = (0, 0) if drift is None else np.rint(drift[number]).astype(int)
        y, x = top + dy, left + dx
        if 0 <= y <= shape[0] - height and 0 <= x <= shape[1] - width:
            part = np.asarray(frames[number : number + 1])[0, y : y + height, x : x + width].astype(float)
            if np.isfinite(part).all():
                part = (part - np.average(part, weights=window)) * window
                total += np.abs(fft.fft2(part, (n, n))) ** 2
                used += 1
        if on_step is not None:
            on_step(done, len(chosen))
    return total / max(used, 1), window


def _window(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Raised cosine of the distance to the polygon's edge."""
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    ramp = np.minimum(depth / (0.5 * depth.max()), 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * ramp))


def _strongest(
    spectrum: NDArray[np.float64], window: NDArray[np.float64], band: tuple[float, float]
) -> tuple[tuple[float, float], float, float] | None:
    """((fy, fx) [1/px], power over background, p-value) of the strongest peak in the band of frequencies."""
    n = len(spectrum)
    fy, fx = fft.fftfreq(n)[:, None], fft.fftfreq(n)[None, :]
    radius = np.hypot(fy, fx)
    # one independent cell of the spectrum, in padded pixels: the window's noise bandwidth
    cell = n**2 * float((window**4).sum() / (window**2).sum() ** 2)
    # a ring wide enough for one cell, but narrow against the fall-off of the spectrum
    ring = np.round(radius * n / max(np.sqrt(cell), 1.0)).astype(int)
    half = (fy > 0) | ((fy == 0) & (fx > 0))  # the other half is its mirror image
    searched = (radius >= band[0]) & (radius <= band[1]) & half
    if not searched.any():
        return None
    labels = np.unique(ring[searched])
    of_ring = np.zeros(ring.max() + 1)
    of_ring[labels] = ndimage.median(spectrum, ring, labels)
    background = of_ring[ring]
    if np.any(background[searched] <= 0):
        return None
    ratio = np.where(searched, spectrum / np.where(background > 0, background, 1.0), 0.0)
    best = int(np.argmax(ratio))
    shape_k = _spectra_averaged(ratio[searched])
    # medians of a Gamma distribution are below its mean, and the ratio was taken to the median
    mean_ratio = float(ratio.flat[best] * stats.gamma.median(shape_k) / shape_k)
    # the padded spectrum is searched at every pixel, so each counts: neighbours are not quite the same
    p_value = float(min(1.0, searched.sum() * stats.gamma.sf(mean_ratio * shape_k, shape_k)))
    where = _vertex(spectrum, *divmod(best, n))
    frequency = tuple(float(((index + n / 2) % n - n / 2) / n) for index in where)
    return (frequency[0], frequency[1]), mean_ratio, p_value


def _spectra_averaged(ratio: NDArray[np.float64]) -> float:
    """Shape of the Gamma distribution whose upper quartile lies as far above its median; at least 1, one spectrum."""
    measured = float(np.quantile(ratio, 0.75) / np.median(ratio))
    low, high = 1.0, 1e4
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        expected = stats.gamma.ppf(0.75, middle) / stats.gamma.median(middle)
        low, high = (middle, high) if expected > measured else (low, middle)
    return low


def _vertex(spectrum: NDArray[np.float64], row: int, column: int) -> tuple[float, float]:
    """Row and column of the top of the peak at a pixel, from parabolas through its logarithm along both axes."""
    n = len(spectrum)
    found = []
    for line, index in ((spectrum[:, column], row), (spectrum[row], column)):
        below, here, above = (np.log(max(line[(index + step) % n], 1e-300)) for step in (-1, 0, 1))
        bend = below - 2 * here + above
        found.append(index + (0.5 * (below - above) / bend if bend < 0 else 0.0))
    return found[0], found[1]
