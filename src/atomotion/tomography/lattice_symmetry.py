"""Which orientations of a start images cannot tell apart, and the grid of those that they can."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.geometry.rotation_grid import fundamental_zone, grid_size, super_fibonacci
from atomotion.geometry.rotations import compose, matrices_from_quaternions
from atomotion.geometry.symmetry import HALF_TURN_ABOUT_BEAM, rotation_group

_IDENTITY = (1.0, 0.0, 0.0, 0.0)
_TURNS = (_IDENTITY, HALF_TURN_ABOUT_BEAM)
# rotation group, and the proper part C of an improper operation -C: an inversion centre or a mirror plane normal to z
_SYMMETRIES = {
    "fcc": ("O", _IDENTITY),
    "icosahedron": ("I", _IDENTITY),
    "twin": ("D3", (0.0, 0.0, 0.0, 1.0)),
    "decahedron": ("D5", (0.0, 0.0, 0.0, 1.0)),
    "none": ("C1", None),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class LatticeSymmetry:
    """The point group of a start.

    A structure with the improper operation -C looks along the beam in the orientation ``H R C`` as it does in R, where
    H turns the image by 180°: inverting what is turned by ``R C`` changes the sign of x and y, and of z, which the
    projection does not show.

    Parameters
    ----------
    group : (g, 4) float, w x y z
        Proper rotations, the identity first.
    mirror : (4,) float, w x y z, or None
        C; the identity for an inversion centre, the half-turn about z for a mirror plane normal to z. None: the
        structure has no improper operation.
    """

    group: NDArray[np.float64]
    mirror: NDArray[np.float64] | None

    @property
    def centred(self) -> bool:
        """Whether there is an inversion centre, so that projections have real coefficients."""
        return self.mirror is not None and abs(float(self.mirror[0])) == 1.0

    @property
    def order(self) -> int:
        """How many orientations look the same."""
        return len(self.group) * (1 if self.mirror is None else 2)

    def copies(self, rotations: Tensor) -> Tensor:
        """(n, order, 3, 3) orientations that look like each of (n, 3, 3): R g, then H R C g; the first is R itself."""
        members = torch.from_numpy(matrices_from_quaternions(self.group)).to(rotations)
        proper = torch.einsum("nij,gjk->ngik", rotations, members)
        if self.mirror is None:
            return proper
        turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0])).to(rotations)
        after = torch.from_numpy(matrices_from_quaternions(self.mirror)).to(rotations)
        return torch.cat([proper, torch.einsum("ij,njk,gkl->ngil", turn, rotations, after @ members)], dim=1)

    def candidates(self, rotations: Tensor) -> tuple[Tensor, bool]:
        """The copies as `score_candidates` wants them: those that are no half-turn of others, and whether to turn."""
        copies = self.copies(rotations)
        return (copies[:, : len(self.group)], True) if self.centred else (copies, False)

    def half_zone(self, step_deg: float) -> NDArray[np.float64]:
        """(u, 4) orientations of mean spacing `step_deg`, one of each class of those alike or alike but for H."""
        members = self.group
        if self.mirror is not None and not self.centred:
            members = np.concatenate([self.group, compose(self.mirror, self.group)])
        return fundamental_zone(super_fibonacci(grid_size(step_deg)), members, turns=_TURNS)

    def zone(self, step_deg: float) -> NDArray[np.float64]:
        """(t, 4) orientations of mean spacing `step_deg`, one of each class of those that look alike.

        Without an inversion centre the second half of them are the first ones turned by H, whose projections are the
        complex conjugates.
        """
        return self.whole_zone(self.half_zone(step_deg))

    def whole_zone(self, half: NDArray[np.float64]) -> NDArray[np.float64]:
        """(t, 4) the zone of a half zone (u, 4)."""
        return half if self.centred else np.concatenate([half, compose(HALF_TURN_ABOUT_BEAM, half)])


def symmetry_of(kind: str) -> LatticeSymmetry:
    """The symmetry of the starts "fcc", "twin", "icosahedron", "decahedron", and "none" of what has none."""
    name, mirror = _SYMMETRIES[kind]
    return LatticeSymmetry(group=rotation_group(name), mirror=None if mirror is None else np.asarray(mirror))
