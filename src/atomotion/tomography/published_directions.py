"""A fixed set of directions of projection, and which of them lie near each other."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

_GOLDEN = np.pi * (3.0 - np.sqrt(5.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Directions:
    """Directions of projection, spread evenly over the sphere.

    Parameters
    ----------
    rotations : (d, 3, 3) float
        Each turns its direction onto the beam, +z.
    coarse : (c,) int
        A subset, spread evenly too.
    near : (d, w) int
        The directions in the neighbourhood of each, itself among them, filled up with itself.
    """

    rotations: Tensor
    coarse: Tensor
    near: Tensor

    def __len__(self) -> int:
        return len(self.rotations)


def spiral(n: int) -> NDArray[np.float64]:
    """(n, 3) unit vectors along a spiral from pole to pole: equal steps of z, the golden angle between neighbours."""
    index = np.arange(n)
    z = 1.0 - (2.0 * index + 1.0) / n
    r = np.sqrt(1.0 - z**2)
    return np.stack([r * np.cos(_GOLDEN * index), r * np.sin(_GOLDEN * index), z], axis=1)


def projection_directions(
    count: int, *, coarse: int, neighbourhood_deg: float, device: torch.device | str = "cpu"
) -> Directions:
    """The directions of `spiral`, those of them nearest to a spiral of `coarse` ones, and their neighbourhoods.

    Parameters
    ----------
    count, coarse : int
        2,500 directions have a mean spacing of 4°.
    neighbourhood_deg : float [deg]
    device : torch device
    """
    axes = spiral(count)
    tree = cKDTree(axes)
    subset = np.unique(tree.query(spiral(min(coarse, count)))[1])
    neighbours = tree.query_ball_point(axes, 2.0 * np.sin(0.5 * np.deg2rad(neighbourhood_deg)) + 1e-9)
    width = max(len(each) for each in neighbours)
    near = np.repeat(np.arange(count)[:, None], width, axis=1)
    for row, each in zip(near, neighbours):
        row[: len(each)] = each
    return Directions(
        rotations=torch.from_numpy(_onto_beam(axes)).float().to(device),
        coarse=torch.from_numpy(subset).to(device),
        near=torch.from_numpy(near).to(device),
    )


def _onto_beam(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3) rotations whose third rows are `axes` (n, 3)."""
    aside = np.where(np.abs(axes[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(aside, axes)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(axes, first), axes], axis=1)
