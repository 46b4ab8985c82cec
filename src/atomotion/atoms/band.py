"""Up to which frequency a map is complete, and the filter through which map and model are compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.atoms.anisotropic import Grid, density_on_grid
from atomotion.atoms.filtered_map import frequency_radius, soft_edge
from atomotion.scattering.atom_gaussians import peng_atoms

# this much of the weighting Gaussian is left at the end of the band: white noise would want all, convergence less
_LEFT = 0.45
_EDGE = 0.1
_SHELL = 0.025  # 1/Å
# the line through the logarithm of the map's transfer is fitted within this band, and it has ended where the transfer
# has fallen to this share of the line; shells whose correlation with the atoms is lower are noise
_LINE = (0.25, 0.62)
_FALLEN = 0.85
_NOISE = 0.1
_SEVERAL, _DIP = 5, 6
_NYQUIST_SHARE = 0.88


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """The frequencies in which map and model are compared.

    Parameters
    ----------
    end : float [1/Å]
        Nothing beyond is used.
    blur : float [Å²]
        Variance of the Gaussian that map and model are weighted with, along each axis.
    sampling_blur : float [Å²]
        The larger variance of that with which the model is sampled, so that nothing aliases on the grid.
    voxels_average : bool
        Whether the map's voxels hold means over their cubes.
    """

    end: float
    blur: float
    sampling_blur: float
    voxels_average: bool

    def for_map(self, k: NDArray[np.float32]) -> NDArray[np.float32]:
        """The filter of the map, at frequencies of length k [1/Å]."""
        gauss = np.exp(-2.0 * np.pi**2 * self.blur * np.square(k))
        return np.asarray(gauss * soft_edge(k, self.end, _EDGE), dtype=np.float32)

    def for_model(self, shape: tuple[int, ...], voxel_size: float) -> NDArray[np.float32]:
        """The filter of a model whose Gaussians are sampled with the variance that `sampled` adds."""
        radius = frequency_radius(shape, voxel_size)
        more = np.exp(2.0 * np.pi**2 * (self.sampling_blur - self.blur) * np.square(np.minimum(radius, self.end)))
        kept = soft_edge(radius, self.end, _EDGE) * more
        if self.voxels_average:
            for axis, n in enumerate(shape):
                k = (np.fft.rfftfreq if axis == 2 else np.fft.fftfreq)(n, voxel_size)
                # the mean over a voxel is nearly a Gaussian of variance size² / 12; this is the rest
                rest = np.sinc(k * voxel_size) / np.exp(-2.0 * np.pi**2 * voxel_size**2 / 12.0 * k**2)
                kept = kept * rest.astype(np.float32).reshape([-1 if each == axis else 1 for each in range(3)])
        return np.asarray(kept, dtype=np.float32)

    def sampled(self, voxel_size: float) -> float:
        """What is added to the variances of the Gaussians of the sampled model [Å²]."""
        return self.sampling_blur + (voxel_size**2 / 12.0 if self.voxels_average else 0.0)

    def weighted(self, voxel_size: float) -> float:
        """The same for the model as it is compared with the map."""
        return self.blur + (voxel_size**2 / 12.0 if self.voxels_average else 0.0)


def band_up_to(end: float, *, voxel_size: float, voxels_average: bool) -> Band:
    """The band up to `end` [1/Å], with a Gaussian that falls to 0.45 there and leaves nothing to alias on the grid."""
    nyquist = 0.5 / voxel_size
    end = min(end, _NYQUIST_SHARE * nyquist)
    blur = -np.log(_LEFT) / (2.0 * np.pi**2 * end**2)
    # the first alias of the end of the band comes from 2 nyquist - end
    aliased = -np.log(0.02) / (2.0 * np.pi**2 * ((2.0 * nyquist - end) ** 2 - end**2))
    return Band(
        end=float(end), blur=float(blur), sampling_blur=float(max(blur, aliased)), voxels_average=voxels_average
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """What the map shows of its atoms, by frequency.

    Parameters
    ----------
    k : (m,) float [1/Å]
        Middle of the shells.
    transfer : (m,) float
        ``Re <M P*> / <P P*>`` with P the atoms at rest; in the map's units.
    correlation : (m,) float
        Correlation of M and P in the shell.
    end : float [1/Å]
        Up to here the transfer falls like a Gaussian, so that displacements and blur by the same for all explain it.
    u_mean : float [Å²]
        The variance of that Gaussian: mean displacement, errors of the positions, and blur together.
    """

    k: NDArray[np.float64]
    transfer: NDArray[np.float64]
    correlation: NDArray[np.float64]
    end: float
    u_mean: float


def measure_transfer(
    values: NDArray[np.floating],
    grid: Grid,
    positions: NDArray[np.float64],
    element: str,
    *,
    voxels_average: bool,
) -> Transfer:
    """How much of each frequency of its atoms a map shows, and up to where it is complete.

    Low-pass filters end a map sharply, displacements like a Gaussian: the band ends where the transfer leaves the line
    through its logarithm against k². A Gaussian filter cannot be told from displacements, and goes into them.

    Parameters
    ----------
    values : (z, y, x) float
    grid : Grid
    positions : (n, 3) float, x y z [Å]
    element : str
    voxels_average : bool
    """
    blur = 0.05
    atom = peng_atoms([element])
    sampled = density_on_grid(
        grid, positions, np.ones(len(positions)), np.zeros((len(positions), 6)),
        weights=atom.weights[0], variances=atom.sigmas[0] ** 2 + blur,
    )  # fmt: skip
    k = frequency_radius(grid.shape, grid.voxel_size)
    model = fft.rfftn(sampled) * np.exp(2.0 * np.pi**2 * blur * np.square(k))
    if voxels_average:
        for axis, n in enumerate(grid.shape):
            f = (np.fft.rfftfreq if axis == 2 else np.fft.fftfreq)(n, grid.voxel_size)
            model *= np.sinc(f * grid.voxel_size).reshape([-1 if each == axis else 1 for each in range(3)])
    seen = fft.rfftn(np.asarray(values, dtype=np.float32))
    last = _NYQUIST_SHARE * 0.5 / grid.voxel_size
    edges = np.arange(_SHELL, last + _SHELL, _SHELL)
    shell = np.digitize(k.ravel(), edges)

    def summed(product: NDArray[np.floating]) -> NDArray[np.float64]:
        found = np.bincount(shell, product.ravel().astype(float), minlength=len(edges) + 1)
        return np.asarray(found[1:-1], dtype=float)

    cross = summed((seen * np.conj(model)).real)
    power, own, count = summed(np.abs(model) ** 2), summed(np.abs(seen) ** 2), summed(np.ones(k.shape))
    transfer = cross / np.maximum(power, 1e-30)
    correlation = cross / np.sqrt(np.maximum(power * own, 1e-30))
    noise = np.maximum(own - cross**2 / np.maximum(power, 1e-30), 0.0)
    error = np.sqrt(noise / np.maximum(power * count, 1e-30))
    # atoms of a crystal scatter into few shells, so noise is judged over several
    wide = [np.convolve(each, np.ones(_SEVERAL), mode="same") for each in (cross, power, own)]
    above_noise = wide[0] > _NOISE * np.sqrt(wide[1] * wide[2])
    middle = 0.5 * (edges[1:] + edges[:-1])
    end, u_mean = _end_of_band(middle, transfer, error, above_noise)
    return Transfer(k=middle, transfer=transfer, correlation=correlation, end=end, u_mean=u_mean)


def _end_of_band(
    k: NDArray[np.float64], transfer: NDArray[np.float64], error: NDArray[np.float64], above_noise: NDArray[np.bool_]
) -> tuple[float, float]:
    """Where the transfer leaves its line, and the variance [Å²] that the line's slope means."""
    known = (transfer > 2.0 * error) & (transfer > 0.0)
    level, slope = np.log(max(float(np.median(np.abs(transfer))), 1e-30)), 0.0
    first = int(np.searchsorted(k, _LINE[1]))
    for _ in range(3):
        line = (k > _LINE[0]) & (np.arange(len(k)) < first) & known
        if line.sum() < 4:
            return float(_LINE[1]), 0.05
        # the error of a logarithm; none is taken for better than a percent, since atoms differ
        weight = 1.0 / np.maximum(error[line] / transfer[line], 0.01)
        slope, level = np.polyfit(k[line] ** 2, np.log(transfer[line]), 1, w=weight)
        # between the reflections of a crystal the transfer is that of its surface, so it may dip and come back
        good = known & above_noise & (transfer > _FALLEN * np.exp(level + slope * k**2))
        first = begin = int(np.searchsorted(k, _LINE[1]))
        for shell in range(begin, len(k)):
            if shell - first > _DIP or not above_noise[shell]:
                break
            first = shell + 1 if good[shell] else first
    # the last good shell may begin the fall
    return float(k[first - 1] - 0.5 * _SHELL), float(-slope / (2.0 * np.pi**2))
