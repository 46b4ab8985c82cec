"""How much a particle is seen at every place of a picture: energy in the band of its lattice, or contrast."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fftfreq, irfft2, next_fast_len, rfft2, rfftfreq
from scipy.signal import fftconvolve

from atomotion.scattering import frequency_grid

Kind = Literal["lattice", "dark", "bright"]

_CELL = 1.4  # Å: what maps are pooled to, several to the radius of the smallest particle
_FADE = 10.0  # Å at the sides of a picture
_REACH = 2.5  # coefficients around a wave's own that it reaches, in a faded picture
_FINEST_BLOB = 5.0  # Å
_SHELLS = 2  # coefficients
EDGE = 0.47  # diameters from the centre: where the lattice's energy has fallen to half


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Where the cells of a map lie in a picture of `shape` pixels.

    Parameters
    ----------
    shape : (y, x) [px]
        Both multiples of `cell_px`.
    pixel_size : float [Å]
    bin_px : int
        The band is computed on a grid this much coarser than the picture.
    cell_px : int
        Pixels along the side of a cell.
    """

    shape: tuple[int, int]
    pixel_size: float
    bin_px: int
    cell_px: int

    @property
    def cell(self) -> float:
        """Side of a cell [Å]."""
        return self.cell_px * self.pixel_size

    @property
    def cells(self) -> tuple[int, int]:
        """(y, x) how many cells the picture has."""
        return self.shape[0] // self.cell_px, self.shape[1] // self.cell_px

    def first(self) -> float:
        """Centre of the first cell [Å] from the centre of the picture's first pixel."""
        # pixel j of the coarser grid lies on pixel j * bin_px of the picture
        return 0.5 * (self.cell_px - self.bin_px) * self.pixel_size


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """What is looked at: the periods of a lattice, or those of a blob.

    Parameters
    ----------
    kind : "lattice", "dark" or "bright"
    longest, shortest : float [Å]
    """

    kind: Kind
    longest: float
    shortest: float

    def weight(self, k: NDArray[np.floating]) -> NDArray[np.floating]:
        """1 within the band, 0 outside, with soft edges; `k` in 1/Å."""
        low, high = 1.0 / self.longest, 1.0 / self.shortest
        soft = 0.15 * (high - low)
        rise = 0.5 * (1 + np.tanh((k - low) / (0.5 * soft)))
        fall = 0.5 * (1 - np.tanh((k - high) / (0.5 * soft)))
        return rise * fall


def lattice_band(longest: float, shortest: float) -> Band:
    """The band of a lattice."""
    return Band(kind="lattice", longest=longest, shortest=shortest)


def blob_band(kind: Kind, diameter: float) -> Band:
    """The band in which a particle of that diameter [Å] is a dark or bright blob; uneven light is coarser."""
    return Band(kind=kind, longest=3.0 * diameter, shortest=min(_FINEST_BLOB, 0.5 * diameter))


def grid_for(shape: Sequence[int], pixel_size: float, band: Band) -> Grid:
    """The largest grid that fits into `shape` (y, x) [px]."""
    bin_px = max(1, int(0.87 * band.shortest / (2 * pixel_size)))
    cell_px = bin_px * max(1, round(_CELL / (bin_px * pixel_size)))
    tall, wide = (int(side) // cell_px * cell_px for side in shape)
    return Grid(shape=(tall, wide), pixel_size=pixel_size, bin_px=bin_px, cell_px=cell_px)


def window_for(reach: float, pixel_size: float, band: Band) -> Grid:
    """A square grid whose middle, `reach` [Å] to either side, is not faded; its sides suit a fast transform."""
    grid = grid_for((10**6, 10**6), pixel_size, band)
    needed = 2 * (reach + _FADE) / pixel_size
    side = next_fast_len(int(np.ceil(needed / grid.cell_px / 2)), real=True) * 2 * grid.cell_px
    return Grid(shape=(side, side), pixel_size=pixel_size, bin_px=grid.bin_px, cell_px=grid.cell_px)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Turns pictures into maps of evidence.

    The spectrum of a picture is divided by the amplitude of the background, which makes noise white and takes out
    graphene's spots, and limited to the band. For a lattice the square of what is left is the evidence, summed over
    cells; for a blob its values are, with a second division, the matched filter for whatever has the blob's outline.

    Parameters
    ----------
    grid : Grid
    band : Band
    gain : (ky, kx) float32
        What the spectrum is multiplied with, cropped to the coarser grid.
    noise : (ky, kx) float32
        What the gain makes of the background: its amplitude, multiplied.
    taper : (y, x) float32
    usual : (cy, cx) float32
        Evidence in the background, which is subtracted.
    """

    grid: Grid
    band: Band
    gain: NDArray[np.float32]
    noise: NDArray[np.float32]
    taper: NDArray[np.float32]
    usual: NDArray[np.float32]

    def maps(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        """(n, cy, cx) evidence in the cells of pictures (n, y, x); 0 on average where there is no particle."""
        return self.maps_of_spectra(cropped_spectra(pictures, self.taper, self.grid))

    def maps_of_spectra(self, spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
        """(n, cy, cx) the same from the pictures' `cropped_spectra`."""
        values = irfft2(spectra * self.gain, s=_coarse(self.grid), axes=(1, 2), overwrite_x=True)
        return np.asarray(self._pooled(values) - self.usual, dtype=np.float32)

    def of_noise(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """(count, cy, cx) what maps would be of pictures of nothing but the background's noise, not faded."""
        white = rng.normal(size=(count, *_coarse(self.grid))).astype(np.float32)
        spectra = rfft2(white, axes=(1, 2)) * (self.noise * np.float32(self.grid.bin_px))
        return self._pooled(irfft2(spectra, s=_coarse(self.grid), axes=(1, 2)))

    def _pooled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.band.kind == "lattice":
            values = np.square(values)
        elif self.band.kind == "dark":
            values = -values
        pool = self.grid.cell_px // self.grid.bin_px
        rows, columns = self.grid.cells
        pooled: NDArray[np.float32] = values.reshape(len(values), rows, pool, columns, pool).sum(axis=(2, 4))
        return pooled

    def filtered(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        """(n, y, x) the band of pictures (n, y, x), its noise white, on the coarser grid."""
        spectra = cropped_spectra(pictures, self.taper, self.grid)
        spectra *= self.gain
        values: NDArray[np.float32] = irfft2(spectra, s=_coarse(self.grid), axes=(1, 2), overwrite_x=True)
        return values


def make_evidence(
    power: NDArray[np.floating], grid: Grid, band: Band, spots: NDArray[np.floating] | None = None
) -> Evidence:
    """Evidence for pictures whose background has the power spectrum `power` (see `mean_power`).

    The noise of a coefficient is taken as the median of its shell; at graphene's `spots`, (s, 2) x y [1/Å], as the
    power itself where that is more. Whatever else is bright may be a particle.
    """
    noise = shell_median(power, grid)
    if spots is not None and len(spots):
        noise = np.where(_near(spots, grid), np.maximum(power, noise), noise)
    weight = band.weight(_frequencies(grid))
    gain = weight / np.sqrt(noise) if band.kind == "lattice" else weight / noise
    # white noise of variance 1 per pixel has |F|² = number of pixels; a pixel of the coarser grid stands for several
    scale = np.sqrt(float(np.prod(grid.shape))) / grid.bin_px if band.kind == "lattice" else 1.0
    return Evidence(
        grid=grid,
        band=band,
        gain=(gain * scale).astype(np.float32),
        noise=(gain * np.sqrt(noise / np.prod(grid.shape)) * scale).astype(np.float32),
        taper=taper_of(grid),
        usual=np.zeros(grid.cells, dtype=np.float32),
    )


def mean_power(pictures: NDArray[Any], grid: Grid) -> NDArray[np.float64]:
    """(ky, kx) mean |F|² of faded pictures (n, y, x), cropped to the coarser grid."""
    spectra = cropped_spectra(pictures, taper_of(grid), grid)
    return np.asarray(np.mean(spectra.real**2 + spectra.imag**2, axis=0, dtype=float))


def cropped_spectra(pictures: NDArray[Any], taper: NDArray[np.float32], grid: Grid) -> NDArray[np.complex64]:
    """(n, ky, kx) spectra of faded pictures, without their mean, as far as the coarser grid holds them."""
    values = pictures[:, : grid.shape[0], : grid.shape[1]].astype(np.float32)
    values -= (values * taper).sum(axis=(1, 2), keepdims=True) / taper.sum()
    values *= taper
    whole = rfft2(values, axes=(1, 2), overwrite_x=True)
    return np.ascontiguousarray(whole[:, _rows(grid)][:, :, : _columns(grid)])


def shell_median(power: NDArray[np.floating], grid: Grid) -> NDArray[np.float64]:
    """(ky, kx) the median of the power at the same spatial frequency."""
    k = _frequencies(grid)
    shell = (k * max(grid.shape) * grid.pixel_size / _SHELLS).astype(int)
    order = np.argsort(shell, axis=None, kind="stable")
    starts = np.searchsorted(shell.ravel()[order], np.arange(int(shell.max()) + 2))
    sorted_power = power.ravel()[order]
    medians = np.array([np.median(sorted_power[a:b]) if b > a else np.inf for a, b in pairwise(starts)])
    return np.asarray(np.maximum(medians[shell], 1e-30))


def _near(spots: NDArray[np.floating], grid: Grid) -> NDArray[np.bool_]:
    """(ky, kx) coefficients that a wave of one of the spatial frequencies reaches."""
    ky = fftfreq(grid.shape[0], grid.pixel_size)[_rows(grid)]
    kx = rfftfreq(grid.shape[1], grid.pixel_size)[: _columns(grid)]
    sides = np.array(grid.shape) * grid.pixel_size
    near = np.zeros((len(ky), len(kx)), dtype=bool)
    for x, y in np.concatenate([spots, -spots]):
        far_y, far_x = (ky[:, None] - y) * sides[0], (kx[None, :] - x) * sides[1]
        near |= far_y**2 + far_x**2 < _REACH**2
    return near


def _frequencies(grid: Grid) -> NDArray[np.floating]:
    return frequency_grid(grid.shape, grid.pixel_size)[_rows(grid)][:, : _columns(grid)]


def taper_of(grid: Grid) -> NDArray[np.float32]:
    """(y, x) 1 inside, falling to 0 over 10 Å (or an eighth of a small picture) at every side."""
    sides = []
    for size in grid.shape:
        fade = min(_FADE / grid.pixel_size, size / 8)
        inwards = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5)
        sides.append(np.sin(0.5 * np.pi * np.minimum(1.0, inwards / fade)) ** 2)
    return np.outer(*sides).astype(np.float32)


def disc(diameter: float, cell: float, *, softness: float = 0.045) -> NDArray[np.float32]:
    """(c, c) a disc of that diameter [Å] on cells of side `cell` [Å]; its edge is as soft as `softness` diameters."""
    half = int(np.ceil(((0.5 + softness) * diameter + 2.0) / cell))
    r = np.arange(-half, half + 1) * cell
    distance = np.hypot(r[:, None], r[None, :])
    return np.asarray(1.0 / (1.0 + np.exp((distance - EDGE * diameter) / (softness * diameter))), dtype=np.float32)


def summed_over(maps: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, cy, cx) evidence within the kernel's outline around every cell."""
    summed: NDArray[np.float32] = fftconvolve(maps, kernel[None], mode="same", axes=(1, 2)).astype(np.float32)
    return summed


def _rows(grid: Grid) -> NDArray[np.intp]:
    size, kept = grid.shape[0], grid.shape[0] // grid.bin_px
    return np.r_[0 : (kept + 1) // 2, size - kept // 2 : size]


def _columns(grid: Grid) -> int:
    return grid.shape[1] // grid.bin_px // 2 + 1


def _coarse(grid: Grid) -> tuple[int, int]:
    return grid.shape[0] // grid.bin_px, grid.shape[1] // grid.bin_px
