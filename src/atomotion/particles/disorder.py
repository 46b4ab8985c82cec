"""Molten-like versions of a particle: the same atoms at the same density, without a lattice."""

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from atomotion.data.errors import AtomotionError, UsageError

# in units of the nearest-neighbour distance of the particle
_CONTACT = 0.95
_JITTER = 0.10
_CLOSEST = 0.75
# contact distances of single atoms differ by up to this part: equal spheres in a small drop crystallize at its surface
_SPREAD = 0.12


def disordered(atoms: Atoms, amount: float, rng: np.random.Generator) -> Atoms:
    """A particle whose outer part has lost its lattice: the same number of atoms at the same density, packed at random.

    The molten atoms, the outermost `amount` of all, are thrown at random into the ellipsoid that has the particle's
    moments of inertia (a drop has no facets), outside of the core, and pushed apart until they pack like a dense
    liquid; a random displacement of a tenth of the nearest-neighbour distance then gives them a liquid's spread of
    distances. No molten atom comes nearer to another atom than three quarters of the nearest-neighbour distance. Atoms
    of the core do not move.

    Parameters
    ----------
    atoms : ase.Atoms
        At least 13 atoms, not in one plane. The arrays that belong to the atoms stay as they are.
    amount : float
        0 leaves all as it is; 1 melts the whole particle; between, the surface melts and the core stays.
    rng : numpy.random.Generator

    Raises
    ------
    UsageError
        For an amount outside of 0 to 1, for too few atoms and for flat particles.
    AtomotionError
        Where no packing without too near neighbours is found.
    """
    if not 0.0 <= amount <= 1.0:
        raise UsageError(f"the amount of disorder is {amount}; allowed is 0 to 1")
    if len(atoms) < 13:
        raise UsageError(f"a particle of {len(atoms)} atoms cannot be disordered; it takes at least 13")
    result: Atoms = atoms.copy()
    positions = np.array(atoms.positions, dtype=float)
    spacing = float(np.median(_nearest(positions)))
    drop = _Drop(positions, spacing)
    depth = drop.level(positions)
    molten = np.argsort(depth, kind="stable")[len(atoms) - round(amount * len(atoms)) :]
    if len(molten) == 0:
        return result
    core = np.delete(positions, molten, axis=0)
    inner = float(depth[molten].min()) if len(core) else 0.0
    reach = rng.uniform(1.0 - _SPREAD, 1.0 + _SPREAD, size=len(molten))
    packed = drop.random_points(len(molten), min(inner, 0.9), rng)
    packed = _push_apart(packed, core, drop, _CONTACT * spacing * reach, _CONTACT * spacing)
    packed = packed + rng.normal(scale=_JITTER * spacing / np.sqrt(3.0), size=packed.shape)
    least = (_CLOSEST + 0.03) * spacing
    for _ in range(50):
        packed = _push_apart(packed, core, drop, np.full(len(molten), least), least)
        positions[molten] = packed
        nearest = _nearest(positions)[molten]
        trapped = int(nearest.argmin())
        if nearest[trapped] >= _CLOSEST * spacing:
            break
        # an atom that the others hold in too small a hole goes to the widest of a hundred random places
        trial = drop.random_points(100, min(inner, 0.9), rng)
        room = np.asarray(cKDTree(positions).query(trial)[0])
        packed[trapped] = trial[room.argmax()]
    else:
        raise AtomotionError(f"random packing left two atoms {nearest.min():.2f} Å apart; try another seed")
    result.positions = positions
    return result


def _nearest(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cKDTree(positions).query(positions, k=2)[0])[:, 1]


class _Drop:
    """The ellipsoid that holds the centres of a packing with the second moments of `positions`.

    Its `level` is 0 at the centre and 1 on the surface.
    """

    def __init__(self, positions: NDArray[np.float64], spacing: float) -> None:
        self.centre = positions.mean(axis=0)
        moments = (positions - self.centre).T @ (positions - self.centre) / len(positions)
        variances, self.axes = np.linalg.eigh(moments)
        if variances[0] < 0.05 * spacing**2:
            raise UsageError(
                "the particle is flat: its atoms lie in one plane, and disorder is made in three dimensions"
            )
        # A uniform ellipsoid of half-axis a has the variance a² / 5 along it. Centres of packed atoms crowd at a wall,
        # so the wall stands a fifth of a spacing further in; this keeps the radius of gyration within a few percent.
        self.half_axes = np.sqrt(5.0 * variances) - 0.2 * spacing

    def level(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        inside: NDArray[np.float64] = np.linalg.norm((points - self.centre) @ self.axes / self.half_axes, axis=1)
        return inside

    def random_points(self, n: int, lowest: float, rng: np.random.Generator) -> NDArray[np.float64]:
        """(n, 3) points, even over the volume between the levels `lowest` and 1."""
        direction = rng.normal(size=(n, 3))
        direction /= np.linalg.norm(direction, axis=1)[:, None]
        level = np.cbrt(rng.uniform(lowest**3, 1.0, size=n))
        points: NDArray[np.float64] = self.centre + (level[:, None] * direction * self.half_axes) @ self.axes.T
        return points

    def wall(self, points: NDArray[np.float64], contact: float) -> tuple[float, NDArray[np.float64]]:
        """The energy of points outside, ``((level - 1) a / contact)²`` with the mean half-axis a, and its gradient."""
        scale = float(self.half_axes.mean()) / contact
        level = np.maximum(self.level(points), 1e-9)
        outside = scale * np.maximum(level - 1.0, 0.0)
        slope = ((points - self.centre) @ self.axes / self.half_axes**2) @ self.axes.T / level[:, None]
        return float(outside @ outside), 2.0 * scale * outside[:, None] * slope


def _push_apart(
    moving: NDArray[np.float64], fixed: NDArray[np.float64], drop: _Drop, reach: NDArray[np.float64], contact: float
) -> NDArray[np.float64]:
    """`moving` points, relaxed under ``sum (1 - r / d)²`` over pairs nearer than their contact d, and held in the drop.

    d is the mean of the two points' `reach`; fixed points have `contact`.
    """
    n = len(moving)
    radii = 0.5 * np.concatenate([reach, np.full(len(fixed), contact)])

    def energy(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        points = np.concatenate([flat.reshape(-1, 3), fixed])
        pairs = cKDTree(points).query_pairs(2.0 * radii.max(), output_type="ndarray")
        pairs = pairs[pairs[:, 0] < n]  # the fixed ones come last, so this leaves out only pairs of two fixed points
        touch = radii[pairs[:, 0]] + radii[pairs[:, 1]]
        separation = points[pairs[:, 0]] - points[pairs[:, 1]]
        r = np.maximum(np.linalg.norm(separation, axis=1), 1e-9)
        overlap = np.maximum(1.0 - r / touch, 0.0)
        push = (-2.0 * overlap / (touch * r))[:, None] * separation
        gradient = np.zeros_like(points)
        np.add.at(gradient, pairs[:, 0], push)
        np.add.at(gradient, pairs[:, 1], -push)
        wall, wall_gradient = drop.wall(points[:n], contact)
        return float(overlap @ overlap) + wall, (gradient[:n] + wall_gradient).ravel()

    relaxed = minimize(energy, moving.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    result: NDArray[np.float64] = relaxed.x.reshape(-1, 3)
    return result
