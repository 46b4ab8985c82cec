"""The map as one simulated atom sees it: where such atoms are, and how strongly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage
from scipy.spatial import cKDTree

from atomotion.data.errors import InputError
from atomotion.scattering.form_factors import electron_form_factor

# the filter falls from 1 to 0 over this share of the band
_EDGE = 0.15


@dataclass(frozen=True, kw_only=True, slots=True)
class FilteredMap:
    """What the matched filter makes of a map.

    Parameters
    ----------
    values : (z, y, x) float
        C = M ⋆ A: the map's correlation with the simulated atom A, of zero mean; high at atoms.
    overlap : (z, y, x) float
        C ⋆ (A ⋆ A): its correlation with what the filter would make of one atom.
    shells : (m,) float [1/Å]
        Where the filter's own transform is tabulated.
    transform : (m,) float
        The transform of A at these frequencies.
    voxel_size : float [Å]
    """

    values: NDArray[np.float32]
    overlap: NDArray[np.float32]
    shells: NDArray[np.float64]
    transform: NDArray[np.float64]
    voxel_size: float


def matched_filter(
    density: ArrayLike, element: str, *, voxel_size: float, resolution: float | None = None
) -> FilteredMap:
    """The correlation of a map with one simulated atom of the element.

    For white noise this is the filter that makes atoms stand out most. The simulated atom is the element's potential at
    rest (its form factor), with nothing finer than `resolution`.

    Parameters
    ----------
    density : (z, y, x) float
        Atoms bright.
    element : str
    voxel_size : float [Å]
    resolution : float or None [Å]
        None is 1.0 Å, or two voxels where that is coarser.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), "Denoising of the experimental map"; 1.0 Å is its program's.
    """
    values = np.asarray(density, dtype=np.float32)
    band = 1.0 / max(1.0 if resolution is None else resolution, 2.0 * voxel_size)
    shape = [fft.next_fast_len(n, real=True) for n in values.shape]
    radius = frequency_radius(shape, voxel_size)
    shells = np.linspace(0.0, band, 256)
    transform = electron_form_factor(element, shells) * soft_edge(shells, band)
    atom = np.interp(radius, shells, transform, right=0.0).astype(np.float32)
    atom[0, 0, 0] = 0.0
    spectrum = fft.rfftn(values - values.mean(), s=shape) * atom
    nz, ny, nx = values.shape
    filtered = fft.irfftn(spectrum, s=shape)[:nz, :ny, :nx]
    overlap = fft.irfftn(spectrum * atom**2, s=shape)[:nz, :ny, :nx]
    return FilteredMap(
        values=np.ascontiguousarray(filtered, dtype=np.float32),
        overlap=np.ascontiguousarray(overlap, dtype=np.float32),
        shells=shells,
        transform=transform,
        voxel_size=voxel_size,
    )


def frequency_radius(shape: list[int] | tuple[int, ...], voxel_size: float) -> NDArray[np.float32]:
    """Length [1/Å] of every frequency of a real transform of that shape, (nz, ny, nx // 2 + 1)."""
    nz, ny, nx = shape
    z = np.fft.fftfreq(nz, voxel_size).astype(np.float32)[:, None, None]
    y = np.fft.fftfreq(ny, voxel_size).astype(np.float32)[None, :, None]
    x = np.fft.rfftfreq(nx, voxel_size).astype(np.float32)[None, None, :]
    return np.asarray(np.sqrt(z * z + y * y + x * x), dtype=np.float32)


def soft_edge(k: NDArray[np.floating], band: float, share: float = _EDGE) -> NDArray[np.floating]:
    """1 up to ``(1 - share) band``, 0 from `band` on, half a cosine between."""
    start = (1.0 - share) * band
    inside = np.clip((k - start) / (band - start), 0.0, 1.0)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * inside), dtype=k.dtype)


def particle_region(filtered: FilteredMap, *, margin: float) -> NDArray[np.bool_]:
    """Voxels of the one region in which the map has structure, grown by `margin` [Å]; (z, y, x) bool.

    The power of the filtered map, smoothed over 2.5 Å, is split in two by Otsu's threshold; the largest connected part
    is taken. Power, and not the density itself, because some reconstructions lack the low frequencies. It is found on
    voxels of about 1 Å.

    Raises
    ------
    InputError
        Where the map has no structure at all.
    """
    from skimage.filters import threshold_otsu

    step = max(1, round(1.0 / filtered.voxel_size))
    size = step * filtered.voxel_size
    shape = filtered.values.shape
    padded = np.pad(np.square(filtered.values), [(0, -n % step) for n in shape])
    nz, ny, nx = (n // step for n in padded.shape)
    power = padded.reshape(nz, step, ny, step, nx, step).mean(axis=(1, 3, 5))
    power = ndimage.gaussian_filter(power, 2.5 / size, mode="constant", truncate=3.0)
    if not power.max() > 0.0:
        raise InputError("the map is empty: all its voxels have the same value")
    # the square root brings weak and strong atoms nearer to each other
    level = np.sqrt(power)
    labels, count = ndimage.label(level > threshold_otsu(level))
    largest = labels == 1 + int(np.bincount(labels.ravel(), minlength=count + 1)[1:].argmax())
    grown = ndimage.distance_transform_edt(~largest) * size <= margin
    fine = grown.repeat(step, axis=0).repeat(step, axis=1).repeat(step, axis=2)
    region: NDArray[np.bool_] = fine[: shape[0], : shape[1], : shape[2]]
    return region


def find_peaks(
    values: NDArray[np.floating], *, voxel_size: float, separation: float, least: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Local maxima, the highest first; of two that are nearer than `separation` [Å] only the higher one.

    Parameters
    ----------
    values : (z, y, x) float
    voxel_size, separation : float [Å]
    least : float
        Lower maxima are left out.

    Returns
    -------
    places : (n, 3) float, z y x [voxels]
        Refined by a parabola along each axis.
    heights : (n,) float
    """
    highest = ndimage.maximum_filter(values, size=3, mode="constant", cval=np.inf)
    at = np.argwhere((values == highest) & (values > least))
    heights = values[tuple(at.T)].astype(float)
    order = np.argsort(-heights, kind="stable")
    at, heights = at[order], heights[order]
    places = at.astype(float)
    for axis in range(3):
        step = np.zeros(3, dtype=int)
        step[axis] = 1
        before, after = values[tuple((at - step).T)].astype(float), values[tuple((at + step).T)].astype(float)
        bend = before - 2.0 * heights + after
        places[:, axis] += np.divide(0.5 * (before - after), bend, out=np.zeros_like(bend), where=bend < 0.0)
    kept = apart(places * voxel_size, separation)
    return places[kept], heights[kept]


def apart(points: NDArray[np.float64], separation: float) -> NDArray[np.intp]:
    """Indices of the points, in their order, that are at least `separation` from every point taken before."""
    if len(points) == 0:
        return np.empty(0, dtype=np.intp)
    near: list[list[int]] = list(cKDTree(points).query_ball_point(points, separation))  # type: ignore[arg-type]
    taken = np.zeros(len(points), dtype=bool)
    for number, others in enumerate(near):
        taken[number] = not any(taken[other] for other in others if other < number)
    return np.flatnonzero(taken)
