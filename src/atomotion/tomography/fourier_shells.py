"""How far two densities agree, by spatial frequency: the Fourier shell correlation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft


@dataclass(frozen=True, kw_only=True, slots=True)
class ShellCorrelation:
    """The Fourier shell correlation of two densities.

    Parameters
    ----------
    k : (s,) float [1/Å]
        Mean frequency of each shell.
    correlation : (s,) float
        NaN for a shell where one of the densities is zero.
    """

    k: NDArray[np.float64]
    correlation: NDArray[np.float64]

    def resolution(self, threshold: float = 0.143) -> float:
        """Period [Å] at which the correlation first falls below `threshold` after it was above.

        What comes before is left out: a crystal has hardly any signal below its first reflections, where the band that
        is used may begin. The last shell's period where the correlation never falls, the first one's where it never
        rises. Lattice copies that are mixed alike in both halves do not lower it: it says how reproducible a density
        is, not how right.
        """
        above = np.flatnonzero(self.correlation >= threshold)
        if len(above) == 0:
            return float(1.0 / self.k[0])
        below = np.flatnonzero(self.correlation < threshold)
        later = below[below > above[0]]
        if len(later) == 0:
            return float(1.0 / self.k[-1])
        first = int(later[0])
        high, low = self.correlation[first - 1], self.correlation[first]
        if not np.isfinite(high):
            return float(1.0 / self.k[first])
        part = (high - threshold) / (high - low)
        return float(1.0 / (self.k[first - 1] + part * (self.k[first] - self.k[first - 1])))


def shell_correlation(
    first: NDArray[np.floating], second: NDArray[np.floating], voxel_size: float, *, highest: float, lowest: float = 0.0
) -> ShellCorrelation:
    """``sum F conj(G) / sqrt(sum |F|² sum |G|²)`` over shells one coefficient thick.

    Parameters
    ----------
    first, second : (size, size, size) float
        Masked alike, and softly: a hard mask correlates by itself.
    voxel_size : float [Å]
    highest, lowest : float [1/Å]
        Range of the shells.

    References
    ----------
    Harauz & van Heel, Optik 73, 146 (1986).
    """
    size = len(first)
    frequency = fft.fftfreq(size, voxel_size)
    k = np.sqrt(frequency[:, None, None] ** 2 + frequency[None, :, None] ** 2 + fft.rfftfreq(size, voxel_size) ** 2)
    shell = np.rint(k * size * voxel_size).astype(np.intp)
    used = (k <= highest) & (k >= lowest)
    f, g = fft.rfftn(first)[used], fft.rfftn(second)[used]
    index = shell[used]
    cross = np.bincount(index, (f * np.conj(g)).real)
    power = np.bincount(index, np.abs(f) ** 2) * np.bincount(index, np.abs(g) ** 2)
    count = np.bincount(index)
    filled = count > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = cross[filled] / np.sqrt(power[filled])
    return ShellCorrelation(k=np.bincount(index, k[used])[filled] / count[filled], correlation=correlation)
