"""Exact projections of atoms onto pixels, as products of one-dimensional factors."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.special import erf

from atomotion.scattering.atom_gaussians import AtomGaussians

# a Gaussian is zero beyond this many sigmas (2e-9 of its integral)
_REACH = 6.0


def project_atoms(
    positions: ArrayLike,
    gaussians: AtomGaussians,
    *,
    shape: tuple[int, int],
    pixel_size: float,
    shift: ArrayLike = (0.0, 0.0),
) -> NDArray[np.floating]:
    """The potential of atoms, integrated along the beam (z) and averaged over each pixel.

    A Gaussian atom's projection is a product of a factor of x and a factor of y, so the whole image is one matrix
    product, ``Y^T (w X)``, over all atoms and terms. The factors are exact averages over the pixel (differences of the
    error function), not samples at its centre: an atom that is much narrower than a pixel keeps its integral wherever
    it lies. Atoms outside of the frame give what reaches into it; nothing wraps around.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
        In the laboratory, the particle's origin at 0. float32 positions give a float32 image.
    gaussians : AtomGaussians
        One row per atom.
    shape : (ny, nx)
    pixel_size : float [Å]
    shift : (dx, dy) float [Å]
        Where the particle's origin lies relative to pixel (ny // 2, nx // 2).

    Returns
    -------
    (ny, nx) float
        [V Å] for potentials: weights are in V Å³ and the projection divides by an area.
    """
    given = np.asarray(positions)
    dtype = np.dtype(np.float32) if given.dtype == np.float32 else np.dtype(np.float64)
    dx, dy = np.asarray(shift, dtype=float)
    ny, nx = shape
    along_x = pixel_factors(given[:, 0] + dx, gaussians.sigmas, count=nx, spacing=pixel_size, dtype=dtype)
    along_y = pixel_factors(given[:, 1] + dy, gaussians.sigmas, count=ny, spacing=pixel_size, dtype=dtype)
    along_y *= gaussians.weights.T.reshape(-1, 1).astype(dtype)
    image: NDArray[np.floating] = along_y.T @ along_x
    return image


def pixel_factors(
    centres: NDArray[np.floating],
    sigmas: NDArray[np.float64],
    *,
    count: int,
    spacing: float,
    dtype: DTypeLike = np.float64,
) -> NDArray[np.floating]:
    """Averages over pixels of normalized one-dimensional Gaussians.

    Parameters
    ----------
    centres : (n,) float [Å]
        Relative to the centre of pixel ``count // 2``.
    sigmas : (n, j) float [Å]
    count : int
        Number of pixels.
    spacing : float [Å]

    Returns
    -------
    (j * n, count) float [1/Å]
        Term by term: row ``t * n + i`` is term t of atom i.
    """
    n, terms = sigmas.shape
    at = np.asarray(centres, dtype=float) / spacing + count // 2
    reaches = [int(np.ceil(_REACH * sigmas[:, t].max(initial=0.0) / spacing)) + 1 for t in range(terms)]
    margin = 2 * max(reaches, default=0) + 1
    factors = np.zeros((terms, n, count + 2 * margin), dtype=dtype)
    for t, reach in enumerate(reaches):
        width = 2 * reach + 1
        # atoms far outside are moved to the margin, which is cut off
        first = np.clip(np.rint(at), -reach - 1, count + reach).astype(np.intp) - reach
        edges = first[:, None] + np.arange(width + 1) - 0.5
        integral = 0.5 * erf((edges - at[:, None]) * (spacing / (np.sqrt(2.0) * sigmas[:, t, None])))
        np.put_along_axis(
            factors[t], first[:, None] + margin + np.arange(width), np.diff(integral, axis=1) / spacing, axis=1
        )
    inside: NDArray[np.floating] = factors[:, :, margin : margin + count].reshape(terms * n, count)
    return inside
