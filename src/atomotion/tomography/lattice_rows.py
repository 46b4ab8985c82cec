"""Images that lie on the same row of the lattice: where the particle is in its box, up to a lattice vector."""

import torch

from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.observations import Observations
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.pose_search import MODEL_MISMATCH
from atomotion.tomography.shifts import best_shifts, shift_grid, shift_penalty

_REACH, _STEP = 3.2, 0.4  # Å: farther than the nearest neighbour of an atom


def search_rows(observations: Observations, model: AtomModel, placed: Placed, *, resolution: float) -> Placed:
    """The displacements searched anew, over neighbouring rows of the lattice too, with the orientations as they are.

    A lattice that is displaced by one of its vectors fits nearly as well, so that part of the images may lie on another
    row than all others. They are drawn to where the boxes were cut, and not to where they are now.

    Parameters
    ----------
    observations, model, placed
        The origin is the centre of the model.
    resolution : float [Å]
        Of the coefficients that judge.
    """
    used, response = observations.at(mismatch=MODEL_MISMATCH, resolution=resolution)
    shifts = shift_grid(_REACH, _STEP, device=observations.device)
    z, moved = best_shifts(
        used.plane,
        used.values,
        predicted(model, response, placed.rotations, torch.zeros_like(placed.shifts)),
        shifts,
        penalty=shift_penalty(shifts, observations.centre_error, float(placed.z.mean())),
    )
    return Placed(rotations=placed.rotations, shifts=moved, z=z)
