"""The size of a particle from the lattice energy in rings around its centre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atomotion.data import InputError
from atomotion.frames.rings import RING_WIDTH

_STEP = 0.25  # of the radii that are tried [Å]
_FINE = 8  # samples per ring of the profile that is blurred
_LAG = 15  # frames after which the particle has another orientation
_SHRINK = 0.1
_CLIP = 3.5  # robust standard deviations


def thickness_profile(radii: NDArray[np.float64], *, blur: float, rings: int) -> NDArray[np.float64]:
    r"""(len(radii), rings) mean thickness of spheres in rings: ``2 sqrt(R² - r²)``, blurred in two dimensions.

    Parameters
    ----------
    radii : (m,) float [Å]
    blur : float [Å]
        Standard deviation of the Gaussian.
    rings : int
        Of `RING_WIDTH` each.
    """
    step = RING_WIDTH / _FINE
    half = int((rings + 2) * _FINE)
    # a section through the centre of the blurred disc: blur along x over the profile that was blurred along y
    x = np.arange(-half, half + 1, dtype=np.float64) * step
    result = np.empty((len(radii), rings))
    ring = np.abs(x) / RING_WIDTH - 0.5
    for number, radius in enumerate(radii):
        section = _blurred_section(x, float(radius), blur)
        for index in range(rings):
            share = np.maximum(1.0 - np.abs(np.maximum(ring, 0.0) - index), 0.0) * np.maximum(np.abs(x), step / 4)
            result[number, index] = (share * section).sum() / share.sum()
    return result


def _blurred_section(x: NDArray[np.float64], radius: float, blur: float) -> NDArray[np.float64]:
    step = x[1] - x[0]
    y = np.arange(-4.0 * blur, 4.0 * blur + step, step)
    weight = np.exp(-0.5 * (y / blur) ** 2)
    thickness = 2.0 * np.sqrt(np.maximum(radius**2 - x[:, None] ** 2 - y[None, :] ** 2, 0.0))
    blurred: NDArray[np.float64] = ndimage.gaussian_filter1d(thickness @ (weight / weight.sum()), blur / step)
    return blurred


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeModel:
    r"""Lattice energy of rings as amplitude times the thickness of a sphere, plus the background's energy.

    .. math:: \bar e(r) = A\, t(r; R) * g_\sigma + B

    fitted by generalised least squares: noise and the changing orientation make neighbouring rings vary together.
    Everything is kept whitened by the covariance of single frames.

    Parameters
    ----------
    whitened : (n, rings) float
        Profiles of all frames.
    radii : (m,) float [Å]
    designs : (m, rings, 2) float
        Whitened columns of A and B for every radius.
    """

    whitened: NDArray[np.float64]
    radii: NDArray[np.float64]
    designs: NDArray[np.float64]

    def radius(self, mean: NDArray[np.float64]) -> tuple[float, float]:
        """Radius [Å] that fits a whitened mean profile best, and what is left of its squares."""
        costs = self._costs(mean)
        best = int(np.clip(costs.argmin(), 1, len(costs) - 2))
        left, here, right = costs[best - 1 : best + 2]
        curvature = left - 2.0 * here + right
        shift = 0.5 * (left - right) / curvature if curvature > 0 else 0.0
        return float(self.radii[best] + np.clip(shift, -1.0, 1.0) * _STEP), float(here)

    def _costs(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        projections = np.linalg.qr(self.designs)[0]
        explained = np.einsum("mri,r->mi", projections, mean)
        amplitudes = np.einsum("mir,r->mi", np.linalg.pinv(self.designs), mean)[:, 0]
        costs: NDArray[np.float64] = (mean**2).sum() - (explained**2).sum(axis=1)
        # energy that is missing in the middle is no particle
        return np.where(amplitudes > 0, costs, costs.max())

    def single_diameters(self, start: int, stop: int) -> NDArray[np.float64]:
        """(stop - start,) diameters [Å] of single frames to first order around what fits them all together.

        Their mean is the diameter; single ones scatter by noise and orientation, and are clipped at 3.5 robust standard
        deviations.
        """
        frames = self.whitened[start:stop]
        mean = frames.mean(axis=0)
        radius, _ = self.radius(mean)
        near = int(np.clip(np.rint((radius - self.radii[0]) / _STEP), 1, len(self.radii) - 2))
        design = self.designs[near]
        fitted = np.linalg.lstsq(design, mean, rcond=None)[0]
        slope = (self.designs[near + 1] - self.designs[near - 1]) @ fitted / (2.0 * _STEP)
        weights = np.linalg.pinv(np.column_stack([slope, design]))[0]
        return clipped(2.0 * (radius + (frames - mean) @ weights))


def clipped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values no farther from their median than 3.5 robust standard deviations."""
    middle = np.median(values)
    reach = _CLIP * 1.4826 * np.median(np.abs(values - middle))
    return np.clip(values, middle - reach, middle + reach) if reach > 0 else values


def lagged_covariance(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """(p, p) covariance of the features (n, p) of single frames, slow changes left out.

    Half the mean square of differences of frames 15 apart, with correlations reduced by a tenth.
    """
    lag = min(_LAG, len(features) // 3)
    steps = features[lag:] - features[:-lag]
    covariance = steps.T @ steps / (2.0 * len(steps))
    spread = np.sqrt(np.diag(covariance))
    spread = np.where(spread > 0, spread, spread.max(initial=1e-12) or 1e-12)
    correlation = (1.0 - _SHRINK) * covariance / np.outer(spread, spread)
    np.fill_diagonal(correlation, 1.0)
    result: NDArray[np.float64] = correlation * np.outer(spread, spread)
    return result


def fit_size_model(profiles: NDArray[np.float64], *, blur: float) -> SizeModel:
    """The model of a series of profiles (n, rings), for energy that is blurred by `blur` [Å].

    Raises
    ------
    InputError
        Where there are too few frames to know how profiles vary.
    """
    count, rings = profiles.shape
    if count < 20:
        raise InputError(f"the size of the particle needs at least 20 good boxes, and there are {count}")
    root = np.linalg.cholesky(np.linalg.inv(lagged_covariance(profiles)))
    radii = np.arange(3.0, rings * RING_WIDTH - 1.0, _STEP)
    profile = thickness_profile(radii, blur=blur, rings=rings)
    designs = np.stack([root.T @ np.column_stack([each, np.ones(rings)]) for each in profile])
    return SizeModel(whitened=profiles @ root, radii=radii, designs=designs)
