"""Reconstructions that were stuck with images on different lattice copies, made on purpose."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from atomotion.data import Poses
from atomotion.geometry.rotations import matrices_from_quaternions, quaternions_from_matrices
from atomotion.geometry.symmetry import lattice_copies, rotation_group
from atomotion.tomography import Reconstruction
from atomotion.tomography.copies import Assignment
from atomotion.tomography.model_evidence import model_evidence
from atomotion.tomography.observations import Observations
from atomotion.tomography.refinement import first_model


def moved_to(result: Reconstruction, moved: NDArray[np.bool_], *, copy: int) -> Assignment:
    """The poses of a result, of which those `moved` are on another lattice copy than all others."""
    quaternions = np.array(result.poses.quaternions, dtype=float)
    quaternions[moved] = lattice_copies(quaternions[moved], rotation_group("O"))[:, copy]
    score = torch.from_numpy(result.poses.score).float()
    return Assignment(
        rotations=torch.from_numpy(matrices_from_quaternions(quaternions)).float(),
        shifts=torch.from_numpy(result.poses.shifts).float(),
        weights=torch.ones(len(score)),
        z=score,
        changed=0.0,
    )


def stuck(observations: Observations, result: Reconstruction, start: Assignment) -> Reconstruction:
    """What would be said if nobody had noticed: the atoms that the density of these poses shows."""
    model, placed = first_model(observations, start)
    wrong = replace(
        result,
        positions=model.positions.double().numpy(),
        occupancies=(model.occupancies / model.occupancies.median()).double().numpy(),
        b_factor=model.b_factor,
        poses=Poses(
            quaternions=quaternions_from_matrices(placed.rotations.double().numpy()),
            shifts=placed.shifts.double().numpy(),
            score=placed.z.double().numpy(),
        ),
        sigmas=np.full(len(model), np.median(result.sigmas)),
        covariances=None,
        widths=None,
        agreement=None,
    )
    return replace(wrong, evidence=model_evidence(observations, wrong))
