"""Principal axes of displacement tensors, and how isotropic they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class PrincipalAxes:
    """Displacement ellipsoids.

    Parameters
    ----------
    values : (n, 3) float [Å²]
        U_maj, U_med, U_min: mean-square displacements along the axes, the largest first.
    axes : (n, 3, 3) float
        Rows are the unit vectors x y z of these axes; their signs have no meaning.
    degree_of_isotropy : (n,) float
        U_min / U_maj, 0 to 1; 0 where U_min is negative, NaN where U_maj is not positive.
    """

    values: NDArray[np.float64]
    axes: NDArray[np.float64]
    degree_of_isotropy: NDArray[np.float64]


def principal_axes(displacements: ArrayLike) -> PrincipalAxes:
    """The principal axes of (n, 3, 3) symmetric tensors [Å²]; NaN for tensors that are NaN.

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024): DOI = U_min / U_maj.
    """
    given = np.asarray(displacements, dtype=float)
    known = np.isfinite(given).all(axis=(1, 2))
    values, vectors = np.linalg.eigh(np.where(known[:, None, None], given, 0.0))
    values, axes = values[:, ::-1].copy(), vectors.transpose(0, 2, 1)[:, ::-1].copy()
    values[~known], axes[~known] = np.nan, np.nan
    isotropy = np.full(len(given), np.nan)
    np.divide(np.maximum(values[:, 2], 0.0), values[:, 0], out=isotropy, where=values[:, 0] > 0.0)
    return PrincipalAxes(values=values, axes=axes, degree_of_isotropy=isotropy)
