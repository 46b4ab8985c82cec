"""Even grids of rotations, and the part of them that a crystal's symmetry leaves to be searched."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.geometry.rotations import compose

# the two constants of the super-Fibonacci spiral: sqrt(2), and the positive root of psi⁴ = psi + 4
_PHI = float(np.sqrt(2.0))
_PSI = 1.533751168755204288118041
# an orientation that no rotation of any crystal group leaves in place, from which the zone is measured
_ANCHOR = np.array([0.9393727, 0.2418448, 0.1297034, 0.2050000])
_BLOCK = 200_000


def super_fibonacci(n: int) -> NDArray[np.float64]:
    """(n, 4) quaternions w x y z, spread evenly over all rotations along a spiral.

    With s = i + 1/2, t = s / n: ``(√t sin α, √t cos α, √(1-t) sin β, √(1-t) cos β)``, α = 2π s / φ, β = 2π s / ψ, where
    φ = √2 and ψ⁴ = ψ + 4.

    References
    ----------
    Alexa, Super-Fibonacci Spirals: Fast, Low-Discrepancy Sampling of SO(3), CVPR (2022).
    """
    s = np.arange(n) + 0.5
    t = s / n
    alpha, beta = 2.0 * np.pi * s / _PHI, 2.0 * np.pi * s / _PSI
    inner, outer = np.sqrt(t), np.sqrt(1.0 - t)
    return np.stack([inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)], axis=1)


def grid_size(step_deg: float) -> int:
    """How many rotations have a mean spacing of `step_deg`: the volume 8π² of all rotations over step³ [rad³]."""
    return max(1, round(8.0 * np.pi**2 / np.deg2rad(step_deg) ** 3))


def fundamental_zone(
    quaternions: ArrayLike, group: ArrayLike, *, turns: ArrayLike = ((1.0, 0.0, 0.0, 0.0),)
) -> NDArray[np.float64]:
    """Those of `quaternions` that stand for all their copies ``T R g``.

    Of all copies the one nearest to a fixed general orientation is kept (a Dirichlet cell), so that each class of
    equivalent orientations is represented once.

    Parameters
    ----------
    quaternions : (n, 4) float, w x y z
    group : (g, 4) float, w x y z
        Rotations of the crystal, applied before R.
    turns : (l, 4) float, w x y z
        Rotations of the image, applied after R, that change nothing: only the identity, or with it the half-turn about
        the beam for a crystal with an inversion centre. They must form a group.
    """
    given = np.asarray(quaternions, dtype=float)
    anchor = _ANCHOR / np.linalg.norm(_ANCHOR)
    # <T q g, p> = <q, T⁻¹ p g⁻¹>: the copies of the anchor are few, so they are turned instead of the grid
    anchors = np.concatenate([compose(turn, compose(anchor, group)) for turn in np.asarray(turns, dtype=float)])
    keep = np.zeros(len(given), dtype=bool)
    for start in range(0, len(given), _BLOCK):
        block = given[start : start + _BLOCK]
        keep[start : start + _BLOCK] = np.abs(block @ anchor) >= np.abs(block @ anchors.T).max(axis=1) - 1e-9
    return given[keep]
