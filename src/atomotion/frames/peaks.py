"""Lattice peaks in the Fourier transforms of single boxes."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.optimize import brentq

from atomotion.data import Frames
from atomotion.frames.bands import frequencies

_PADDING = 2  # finer sampling, so that a peak's top can be fitted
_MOST = 12  # peaks kept per frame
_EDGE = 3.0  # softness of the disc around the particle [Å]
_MARGIN = 2.0  # of the disc beyond the particle [Å]
_SAMPLE = 200  # frames that the background is taken from


@dataclass(frozen=True, kw_only=True, slots=True)
class FramePeaks:
    """The lattice peaks of one box, the strongest first; one of each pair ±k.

    Parameters
    ----------
    k : (p, 2) float, kx ky [1/Å]
        From Gaussian fits.
    height : (p,) float
        Power over that of the background at the same |k|.
    strongest : float
        Height of the largest value in the lattice band, whether noise or not.
    """

    k: NDArray[np.float64]
    height: NDArray[np.float64]
    strongest: float


class PeakFinder:
    """Fourier peaks of boxes of one particle, beside the background of the whole series.

    A soft disc around the particle is cut out, padded and transformed. The background at each |k| is the median over
    directions and frames divided by ln 2, the mean power of noise where noise fills most directions.

    Parameters
    ----------
    boxes : (n, y, x)
    pixel_size : float [Å]
    centres : (n, 2) float, x y [px]
    radius : float [Å]
        Of the particle.
    longest, shortest : float [Å]
        Of the lattice band.
    """

    def __init__(
        self,
        boxes: Frames,
        *,
        pixel_size: float,
        centres: NDArray[np.float64],
        radius: float,
        longest: float = 2.63,
        shortest: float = 1.25,
    ) -> None:
        self.boxes, self.pixel_size, self.centres, self.radius = boxes, pixel_size, centres, radius
        ny, nx = int(boxes.shape[1]), int(boxes.shape[2])
        self.shape = (fft.next_fast_len(_PADDING * ny, real=True), fft.next_fast_len(_PADDING * nx, real=True))
        self.k = frequencies(self.shape, pixel_size)
        self.step = (1.0 / (self.shape[0] * pixel_size), 1.0 / (self.shape[1] * pixel_size))
        self.band = (self.k > 1.0 / longest) & (self.k < min(1.0 / shortest, 0.48 / pixel_size))
        # rings as wide as a coefficient of the unpadded box
        self.ring = np.rint(self.k / (_PADDING * max(self.step))).astype(int)
        self.background = self._background()
        disc = np.pi * (radius + _MARGIN) ** 2
        # one of ±k, in cells of the disc's transform
        self.independent = max(1.0, 0.5 * np.pi * (1.0 / shortest**2 - 1.0 / longest**2) * disc)

    def power(self, index: int) -> NDArray[np.float64]:
        """Power spectrum of one box inside the disc."""
        box = np.asarray(self.boxes[index], dtype=np.float64)
        y, x = np.indices(box.shape)
        distance = np.hypot(x - self.centres[index, 0], y - self.centres[index, 1]) * self.pixel_size
        disc = 1.0 / (1.0 + np.exp(np.clip((distance - self.radius - _MARGIN) * 4.0 / _EDGE, -50, 50)))
        level = (box * disc).sum() / disc.sum()
        spectrum: NDArray[np.float64] = np.abs(fft.rfft2((box - level) * disc, s=self.shape)) ** 2
        return spectrum

    def _background(self) -> NDArray[np.float64]:
        count = int(self.boxes.shape[0])
        chosen = np.unique(np.linspace(0, count - 1, min(count, _SAMPLE)).round().astype(int))
        rings = int(self.ring.max()) + 1
        order = np.argsort(self.ring[self.band], kind="stable")
        edges = np.searchsorted(self.ring[self.band][order], np.arange(rings + 1))
        medians = []
        for index in chosen:
            box = self.boxes[int(index)]
            if np.isfinite(box).all():
                power = self.power(int(index))[self.band][order]
                medians.append([np.median(power[a:b]) if b > a else np.nan for a, b in pairwise(edges)])
        level = np.median(np.array(medians), axis=0) / np.log(2.0)
        known = np.isfinite(level)
        level = np.interp(np.arange(rings), np.flatnonzero(known), level[known])
        level = ndimage.median_filter(level, 3, mode="nearest")
        return np.maximum(level, 1e-12 * level.max() if level.max() > 0 else 1e-30)

    def noise_height(self, alpha: float) -> float:
        r"""Height that noise alone exceeds anywhere in the band with probability `alpha`.

        The height is that of a smooth field of exponential values; the expected number of its excursions above h is
        ``N (h - 1/2) exp(-h)``, with N independent coefficients (area of half the band times area of the disc).

        References
        ----------
        Worsley, Adv. Appl. Probab. 26, 13 (1994): Euler characteristic of χ² fields.
        """
        wanted = -np.log1p(-alpha)
        return float(brentq(lambda h: self.independent * (h - 0.5) * np.exp(-h) - wanted, 1.5, 200.0))

    def peaks(self, index: int, *, least: float) -> FramePeaks:
        """The peaks of box `index` that are higher than `least`."""
        height = np.where(self.band, self.power(index) / self.background[self.ring], 0.0)
        strongest = float(height.max())
        top = (height >= least) & (height == ndimage.maximum_filter(height, 5, mode="wrap"))
        rows, columns = np.nonzero(top)
        # on the axis kx = 0 both of ±k are stored
        keep = (columns > 0) | (rows <= self.shape[0] // 2)
        rows, columns = rows[keep], columns[keep]
        order = np.argsort(-height[rows, columns])[:_MOST]
        found = [self._fitted(height, int(rows[each]), int(columns[each])) for each in order]
        return FramePeaks(
            k=np.array([each[:2] for each in found]).reshape(-1, 2),
            height=np.array([each[2] for each in found]),
            strongest=strongest,
        )

    def _fitted(self, height: NDArray[np.float64], row: int, column: int) -> tuple[float, float, float]:
        """A Gaussian through the logarithms around a maximum, as a paraboloid: its top."""
        near = np.arange(-2, 3)
        rows = (row + near) % self.shape[0]
        columns = column + near
        mirrored = columns < 0
        columns = np.clip(np.abs(columns), 0, height.shape[1] - 1)
        patch = np.array(
            [[height[(-r) % self.shape[0] if m else r, c] for c, m in zip(columns, mirrored)] for r in rows]
        )
        v, u = np.meshgrid(near, near, indexing="ij")
        use = patch > 0.3 * patch[2, 2]
        dy = dx = 0.0
        if use.sum() >= 6:
            design = np.column_stack([np.ones(use.sum()), u[use], v[use], u[use] ** 2, u[use] * v[use], v[use] ** 2])
            weight = np.sqrt(patch[use])
            _, a, b, c, d, e = np.linalg.lstsq(design * weight[:, None], np.log(patch[use]) * weight, rcond=None)[0]
            determinant = 4 * c * e - d * d
            if c < 0 and determinant > 0:
                dx, dy = (d * b - 2 * e * a) / determinant, (d * a - 2 * c * b) / determinant
        if max(abs(dx), abs(dy)) > 1.5:
            dy = dx = 0.0
        signed = row - self.shape[0] if row > self.shape[0] // 2 else row
        return (column + dx) * self.step[1], (signed + dy) * self.step[0], float(height[row, column])


def find_peaks(
    finder: PeakFinder, *, alpha: float, use: NDArray[np.bool_], on_step: Callable[[int, int], None] | None = None
) -> list[FramePeaks]:
    """The peaks of every box that stand above noise; none, and NaN, where `use` (n,) is False."""
    least = finder.noise_height(alpha)
    found = []
    for index in range(len(use)):
        if use[index]:
            found.append(finder.peaks(index, least=least))
        else:
            found.append(FramePeaks(k=np.empty((0, 2)), height=np.empty(0), strongest=float("nan")))
        if on_step is not None:
            on_step(index + 1, len(use))
    return found
