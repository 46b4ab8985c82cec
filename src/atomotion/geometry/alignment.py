"""The rigid motion that lays one point set on another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """A rigid motion x -> R x + t and how well it fits.

    Parameters
    ----------
    rotation : (3, 3) float
        Orthogonal; its determinant is -1 where `mirrored`.
    translation : (3,) float
    rmsd : float
        Root mean square distance of the pairs after the motion.
    mirrored : bool
        Whether the motion contains a mirror. Projections do not determine the hand of a structure, so a comparison
        with a reconstruction is up to a mirror and says with this whether one was used.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    rmsd: float
    mirrored: bool

    def apply(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 3) points after the motion."""
        moved: NDArray[np.float64] = np.asarray(points, dtype=float) @ self.rotation.T + self.translation
        return moved


def align(
    points: ArrayLike, targets: ArrayLike, *, mirror: bool = False, weights: ArrayLike | None = None
) -> Alignment:
    """The motion that brings each point as near as possible to its target, in the (weighted) least-squares sense.

    With H = sum_i w_i (x_i - x̄)(y_i - ȳ)^T = U S V^T, the best rotation is V diag(1, 1, d) U^T with d = det(V U^T); the
    best orthogonal matrix of either hand has d = 1.

    Parameters
    ----------
    points, targets : (n, 3) float
        In pairs; n >= 3, not on one line, for the rotation to be determined.
    mirror : bool
        Allow a mirror, and use one where that fits better.
    weights : (n,) float or None
        Not negative.

    References
    ----------
    Kabsch, Acta Cryst. A32, 922 (1976); A34, 827 (1978).
    """
    x, y = np.asarray(points, dtype=float), np.asarray(targets, dtype=float)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)
    w = w / w.sum()
    x_mean, y_mean = w @ x, w @ y
    u, _, vt = np.linalg.svd((x - x_mean).T @ (w[:, None] * (y - y_mean)))
    hand = float(np.sign(np.linalg.det(u @ vt)))
    d = 1.0 if mirror else hand
    rotation = vt.T @ np.diag([1.0, 1.0, d]) @ u.T
    translation = y_mean - rotation @ x_mean
    residual = x @ rotation.T + translation - y
    rmsd = float(np.sqrt(w @ np.einsum("ij,ij->i", residual, residual)))
    return Alignment(rotation=rotation, translation=translation, rmsd=rmsd, mirrored=mirror and hand < 0)
