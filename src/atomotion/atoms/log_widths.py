"""Widths of atoms' peaks by the published linear fits: the logarithm of the density against squared distances."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.atoms.anisotropic import Grid, tensors
from atomotion.atoms.normal_equations import near_voxels

# eigenvalues above this many squared radii of the fit are no peak
_WIDEST = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PeakWidths:
    """Widths of peaks as the map shows them: displacement, the atom's own width and the map's blur together.

    Parameters
    ----------
    isotropic : (n,) float [Å²]
        The variance along an axis; NaN where the density does not fall with distance.
    tensors : (n, 3, 3) float [Å²]
        The covariance x y z; NaN where it is none.
    isotropic_correlation, tensor_correlation : (n,) float
        Correlation of the fitted Gaussians with the map in the voxels of the fit.
    """

    isotropic: NDArray[np.float64]
    tensors: NDArray[np.float64]
    isotropic_correlation: NDArray[np.float64]
    tensor_correlation: NDArray[np.float64]


def published_widths(density: ArrayLike, grid: Grid, positions: ArrayLike, *, radius: float) -> PeakWidths:
    r"""U_iso and U of paper 004: Gaussians by weighted linear least squares of the logarithm.

    .. math:: \min \sum_i I_i (\ln I_i - \beta_0 - \beta_1 r_i^2)^2, \quad U_{iso} = -1 / 2\beta_1

    and with the six products of x, y, z instead of r² for the tensor: ``Σ^-1`` is ``-2 β`` on the diagonal and ``-β``
    beside it.
    Only voxels > 0 enter. The fit takes no account of neighbours, background or the map's resolution, so these numbers
    compare atoms of one map and are no displacements.

    Parameters
    ----------
    density : (z, y, x) float
        Without background.
    grid : Grid
    positions : (n, 3) float, x y z [Å]
    radius : float [Å]
        Paper 004 takes three quarters of half the distance of neighbours.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024). U_maj, U_med and U_min are eigenvalues of Σ, as its Eq. for the
    variance has them; one sentence there calls them their square roots. A tensor counts if its eigenvalues are positive
    and below 4 squared radii, as in the text; its program takes 1.5625.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    voxels, d, counts = near_voxels(grid, points, radius)
    seen = np.append(np.asarray(density, dtype=float).ravel(), 0.0)[voxels]
    weight = np.where(counts & (seen > 0.0), seen, 0.0)
    log = np.log(np.where(weight > 0.0, seen, 1.0))
    squares = np.einsum("nmk,nmk->nm", d, d)
    one = np.ones_like(squares)
    line, enough = _weighted(np.stack([one, squares], axis=-1), log, weight)
    slope = np.where(enough & (line[:, 1] < 0.0), line[:, 1], np.nan)
    products = [one, d[..., 0] ** 2, d[..., 1] ** 2, d[..., 2] ** 2]
    products += [d[..., 0] * d[..., 1], d[..., 0] * d[..., 2], d[..., 1] * d[..., 2]]
    design = np.stack(products, axis=-1)
    form, enough = _weighted(design, log, weight)
    inverse = tensors(form[:, 1:] * [-2.0, -2.0, -2.0, -1.0, -1.0, -1.0])
    values, vectors = np.linalg.eigh(inverse)
    good = enough & (values[:, 0] > 1.0 / (_WIDEST * radius**2))
    spread = np.einsum("nij,nj,nkj->nik", vectors, 1.0 / np.where(good[:, None], values, 1.0), vectors)
    spread[~good] = np.nan
    return PeakWidths(
        isotropic=-0.5 / slope,
        tensors=spread,
        isotropic_correlation=np.where(
            np.isnan(slope), np.nan, _likeness(line[:, :1] + line[:, 1:] * squares, seen, counts)
        ),
        tensor_correlation=np.where(good, _likeness(np.einsum("nmk,nk->nm", design, form), seen, counts), np.nan),
    )


def _weighted(
    design: NDArray[np.float64], values: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n, p) solutions of weighted least squares, and for which there were enough voxels."""
    weighted = design * weight[..., None]
    normal = np.matmul(design.transpose(0, 2, 1), weighted)
    right = np.einsum("nmp,nm->np", weighted, values)
    enough = (weight > 0.0).sum(axis=1) > design.shape[-1] + 2
    normal[~enough] = np.eye(design.shape[-1])
    return np.linalg.solve(normal, right[..., None])[..., 0], enough


def _likeness(logs: NDArray[np.float64], seen: NDArray[np.float64], counts: NDArray[np.bool_]) -> NDArray[np.float64]:
    return masked_correlation(np.exp(np.clip(logs, -50.0, 50.0)), seen, counts)


def masked_correlation(
    first: NDArray[np.float64], second: NDArray[np.float64], counts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n,) Pearson's correlation of each row's values where `counts`; NaN where either is constant."""
    number = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    a = np.where(counts, first - np.where(counts, first, 0.0).sum(axis=1, keepdims=True) / number, 0.0)
    b = np.where(counts, second - np.where(counts, second, 0.0).sum(axis=1, keepdims=True) / number, 0.0)
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.divide((a * b).sum(axis=1), norm, out=np.full(len(a), np.nan), where=norm > 0.0)
