"""Whether images taken at different times lie on the same copies of the lattice."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.tomography.candidates import Projector, score_candidates
from atomotion.tomography.half_plane import HalfPlane
from atomotion.tomography.observations import Observations
from atomotion.tomography.pose_search import MODEL_MISMATCH
from atomotion.tomography.shifts import shift_grid
from atomotion.tomography.slices import slicer
from atomotion.tomography.volume import accumulate, volume_of

_FLOOR = 0.1
_REACH, _STEP = 1.2, 0.4  # Å
_RESOLUTION = 1.3  # Å
_PARTS, _FEWEST = 4, 25  # and the fewest images of each
_IMAGES = 50  # of each part that are compared


@dataclass(frozen=True, kw_only=True, slots=True)
class Division:
    """Some parts of the images on another copy of the lattice than the others.

    Parameters
    ----------
    margin : float
        How much better all fit where they are than if `moved` were on the other copy, in noise sigmas per image. Below
        0 they lie on mixed copies.
    moved : (p,) bool
    copy : int
        Index of the copy; see `LatticeSymmetry.copies`.
    """

    margin: float
    moved: NDArray[np.bool_]
    copy: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyAgreement:
    """Parts of the images, in order of time, against densities of the other parts.

    Parameters
    ----------
    fit : (p, p, c) float
        Mean correlation, in noise sigmas, of the images of the second part with the density of the first one, for each
        lattice copy of their orientations; the first copy is the one they are on. NaN on the diagonal.
    """

    fit: NDArray[np.float64]

    @property
    def worst(self) -> Division:
        """The parts and the copy that they would go to, all together, with the least harm or the most gain."""
        parts = len(self.fit)
        gains = self.fit[..., :1] - self.fit[..., 1:]
        divisions = []
        for code in range(1, 2 ** (parts - 1)):
            one = np.array([code >> each & 1 == 1 for each in range(parts)])
            divisions.append(_division(gains, one))
        return min(divisions, key=lambda each: each.margin)


def _division(gains: NDArray[np.float64], one: NDArray[np.bool_]) -> Division:
    """Both sides of a division judge the images of the other one; those are moved for which more speaks."""
    sides = []
    for moved in (one, ~one):
        each = gains[np.ix_(~moved, moved)].mean(axis=(0, 1))
        sides.append(Division(margin=float(each.min()), moved=moved, copy=int(each.argmin()) + 1))
    clearer = min(sides, key=lambda each: each.margin)
    return replace(clearer, margin=0.5 * (sides[0].margin + sides[1].margin))


def copy_agreement(observations: Observations, rotations: Tensor, shifts: Tensor) -> CopyAgreement | None:
    """How well images fit densities of other times, on the copies they are on and on all others.

    A density of images on mixed copies holds each of them a little, so that every image fits it where it is. The
    density of a part of the images in time is of one copy, where the path through time jumped from one to another only
    now and then; the images of another part, all moved to the same copy, tell which one that is.

    Parameters
    ----------
    observations : Observations
    rotations : (n, 3, 3) float
    shifts : (n, 2) float [Å]

    Returns
    -------
    CopyAgreement or None
        None without order in time, for a start without symmetry, and for fewer than 50 images.
    """
    n = len(observations)
    parts = min(_PARTS, n // _FEWEST)
    if not observations.time.ordered or observations.symmetry.order < 2 or parts < 2:
        return None
    part = parts_in_time(n, parts, device=observations.device)
    used, response = observations.at(mismatch=MODEL_MISMATCH, resolution=_RESOLUTION)
    sums = accumulate(used.plane, used.values, response.lens, rotations, shifts, sets=part, count=parts)
    grid = shift_grid(_REACH, _STEP, device=observations.device)
    fit = np.full((parts, parts, observations.symmetry.order), np.nan)
    for first in range(parts):
        only = sums.only(first)
        density = volume_of(only, precision=_FLOOR * only.mean_weight, radius=observations.radius)
        others = torch.cat([_some(torch.nonzero(part == each).flatten()) for each in range(parts) if each != first])
        some = used.of(others)
        copies, half_turns = observations.symmetry.candidates(rotations[others])
        scores = score_candidates(
            replace(some, values=some.values * used.plane.phases(-shifts[others])),
            _projector(density, used.plane, response.lens),
            copies,
            grid,
            folds=torch.zeros(len(others), dtype=torch.long, device=observations.device),
            half_turns=half_turns,
        )
        for second in set(range(parts)) - {first}:
            fit[first, second] = scores.z[part[others] == second].mean(dim=0).double().cpu().numpy()
    return CopyAgreement(fit=fit)


def _projector(density: Tensor, plane: HalfPlane, lens: Tensor) -> Projector:
    project = slicer(density)
    return lambda _, rotations: project(plane, rotations) * lens


def _some(images: Tensor) -> Tensor:
    """At most 50 of them, spread evenly."""
    return images[torch.linspace(0, len(images) - 1, min(_IMAGES, len(images)), device=images.device).round().long()]


def parts_in_time(n: int, parts: int, *, device: torch.device) -> Tensor:
    """(n,) part of each image, in order of time."""
    return torch.arange(n, device=device) * parts // n
