"""Slopes of the model by the parameters of every atom, and the step of all of them together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.atoms.anisotropic import Grid, tensors

# order of an atom's parameters: amplitude, x, y, z, and the tensor xx yy zz xy xz yz
PARAMETERS = 10
_DIAGONAL = ((0, 0), (1, 1), (2, 2))
_BESIDE = ((0, 1), (0, 2), (1, 2))
_CHUNK = 256
_DIRECTIONS = 40
_ACCURACY = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalSlopes:
    """What each voxel near an atom changes by with that atom's parameters.

    Parameters
    ----------
    voxels : (n, m) int
        Flat indices of the voxels near each atom; those outside of the grid have one index beyond the last.
    slopes : (n, m, p) float
        By amplitude, x, y, z, and, with p = 10, xx yy zz xy xz yz; 0 beyond the radius and outside of the grid.
    used : (size + 1,) bool
        Voxels that are near any atom.
    """

    voxels: NDArray[np.intp]
    slopes: NDArray[np.float32]
    used: NDArray[np.bool_]

    def forward(self, step: NDArray[np.float64], background: float) -> NDArray[np.float64]:
        """What the model changes by, for a step (n, p) and one of the background; (size + 1,)."""
        change = np.matmul(self.slopes, step[:, :, None].astype(np.float32))[..., 0]
        total = np.bincount(self.voxels.ravel(), change.ravel(), minlength=len(self.used))
        return total + background * self.used

    def backward(self, residual: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Sums of the residual (size + 1,) times the slopes, (n, p), and over the used voxels."""
        near = residual[self.voxels].astype(np.float32)
        return np.matmul(near[:, None, :], self.slopes)[:, 0].astype(float), float(residual[self.used].sum())

    def blocks(self) -> NDArray[np.float64]:
        """(n, p, p) normal matrices of the single atoms."""
        return np.matmul(self.slopes.transpose(0, 2, 1), self.slopes).astype(float)


def near_voxels(
    grid: Grid, positions: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
    """Voxels near each atom: flat indices (n, m), vectors from it (n, m, 3) x y z [Å], and which count (n, m)."""
    half = int(np.ceil(radius / grid.voxel_size + 0.9))
    side = np.arange(-half, half + 1)
    offsets = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    offsets = offsets[np.linalg.norm(offsets, axis=1) * grid.voxel_size <= radius + 0.87 * grid.voxel_size]
    at = grid.in_voxels(positions)
    places = np.rint(at).astype(np.intp)[:, None, :] + offsets
    vectors = ((places - at[:, None, :]) * grid.voxel_size)[..., ::-1]
    shape = np.array(grid.shape)
    outside = ((places < 0) | (places >= shape)).any(axis=-1)
    flat = np.ravel_multi_index(tuple(np.clip(places, 0, shape - 1).transpose(2, 0, 1)), grid.shape)
    counts = ~outside & (np.einsum("nmk,nmk->nm", vectors, vectors) <= radius**2)
    return np.where(outside, int(shape.prod()), flat), vectors, counts


def local_slopes(
    grid: Grid,
    positions: NDArray[np.float64],
    amplitudes: NDArray[np.float64],
    displacements: NDArray[np.float64],
    *,
    weights: NDArray[np.float64],
    variances: NDArray[np.float64],
    radius: float,
    with_tensors: bool = True,
) -> LocalSlopes:
    """Slopes of `density_on_grid` in the voxels within `radius` [Å] of each atom.

    With ``P = (v + U)^-1`` and d the vector from the atom, the Gaussian G changes by ``P d G`` with the position and by
    ``(P d d' P - P) G / 2`` with the tensor; without tensors only by amplitude and position.
    """
    voxels, vectors, counts = near_voxels(grid, positions, radius)
    n, m = voxels.shape
    slopes = np.zeros((n, m, PARAMETERS if with_tensors else 4), dtype=np.float32)
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        d = vectors[part].astype(np.float32)
        for weight, variance in zip(weights, variances, strict=True):
            covariance = tensors(displacements[part]) + variance * np.eye(3)
            p = np.linalg.inv(covariance)
            norm = weight * ((2.0 * np.pi) ** 3 * np.linalg.det(covariance)) ** -0.5
            p32 = p.astype(np.float32)
            v = np.matmul(d, p32)
            g = np.exp(-0.5 * np.einsum("nmk,nmk->nm", v, d)) * norm[:, None].astype(np.float32)
            slopes[part, :, 0] += g
            g *= amplitudes[part, None].astype(np.float32)
            slopes[part, :, 1:4] += g[..., None] * v
            for column, (a, b) in enumerate((*_DIAGONAL, *_BESIDE) if with_tensors else (), start=4):
                half = np.float32(0.5 if a == b else 1.0)
                slopes[part, :, column] += half * g * (v[..., a] * v[..., b] - p32[:, None, a, b])
    slopes *= counts[..., None]
    used = np.zeros(int(np.prod(grid.shape)) + 1, dtype=bool)
    used[voxels[counts]] = True
    return LocalSlopes(voxels=voxels, slopes=slopes, used=used)


def joint_step(
    local: LocalSlopes,
    residual: NDArray[np.float64],
    *,
    stiffness: NDArray[np.float64] | None = None,
    amplitudes: NDArray[np.float64] | None = None,
    damping: float = 1e-3,
) -> tuple[NDArray[np.float64], float]:
    """The Gauss-Newton step (n, p) of all atoms together and that of the background.

    Conjugate gradients on the normal equations; the blocks of the single atoms, which their neighbours change little,
    are the preconditioner.

    Parameters
    ----------
    local : LocalSlopes
    residual : (size + 1,) float
    stiffness, amplitudes : (n,) float or None
        With both, half of ``sum_i s_i (o_i - m)²`` is added to half the sum of squares: amplitudes o are drawn to a
        common one m, which is found with the rest.
    damping : float
        Share of each block's diagonal that is added to it.
    """
    blocks = local.blocks()
    diagonal = np.einsum("nii->ni", blocks)
    added = damping * diagonal + 1e-12 * diagonal.mean(axis=0)
    if stiffness is not None:
        added[:, 0] += stiffness
    for number in range(blocks.shape[1]):
        blocks[:, number, number] += added[:, number]
    inverse = np.linalg.inv(blocks)
    count = float(local.used.sum())
    r, r0 = local.backward(residual)
    if stiffness is not None and amplitudes is not None:
        r[:, 0] -= _to_the_mean(stiffness, amplitudes)
    x, x0 = np.zeros_like(r), 0.0
    z, z0 = np.einsum("nij,nj->ni", inverse, r), r0 / count
    p, p0 = z, z0
    power = first = float(np.sum(r * z)) + r0 * z0
    for _ in range(_DIRECTIONS):
        if not power > _ACCURACY**2 * first:
            break
        a, a0 = local.backward(local.forward(p, p0))
        a = a + added * p
        if stiffness is not None:
            # the term of the mean, which the diagonal lacks
            a[:, 0] -= stiffness * _weighted_mean(p[:, 0], stiffness)
        along = power / (float(np.sum(p * a)) + p0 * a0)
        x, x0 = x + along * p, x0 + along * p0
        r, r0 = r - along * a, r0 - along * a0
        z, z0 = np.einsum("nij,nj->ni", inverse, r), r0 / count
        before, power = power, float(np.sum(r * z)) + r0 * z0
        p, p0 = z + (power / before) * p, z0 + (power / before) * p0
    return x, x0


def _weighted_mean(values: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    return float(weight @ values) / max(float(weight.sum()), 1e-300)


def _to_the_mean(stiffness: NDArray[np.float64], amplitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) slopes of half of ``sum_i s_i (o_i - m)²`` with m where that is least."""
    return stiffness * (amplitudes - _weighted_mean(amplitudes, stiffness))
