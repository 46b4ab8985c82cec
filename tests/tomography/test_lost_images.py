"""Images in wrong orientations find the right ones with the atoms."""

from dataclasses import replace

import numpy as np
import torch

from atomotion.geometry.rotations import (
    angle_between,
    matrices_from_quaternions,
    quaternions_from_matrices,
    random_quaternions,
)
from atomotion.tomography import ReconstructionConfig
from atomotion.tomography.copies import Assignment
from atomotion.tomography.lost_images import found_again
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.preparation import prepare
from atomotion.tomography.refinement import Refined, first_model

SMALL = ReconstructionConfig(diameter=15.0, resolution=1.15, start="fcc", ordered=False)


def test_lost_images_are_found_again(tumbling):
    generator = torch.Generator().manual_seed(0)
    observations, _ = prepare(tumbling.images, SMALL, pixel_size=tumbling.pixel_size, generator=generator)
    ones = torch.ones(100)
    model, placed = first_model(
        observations,
        Assignment(
            rotations=torch.from_numpy(matrices_from_quaternions(tumbling.poses.quaternions)).float(),
            shifts=torch.from_numpy(tumbling.poses.shifts).float(),
            weights=ones,
            z=20.0 * ones,
            changed=0.0,
        ),
    )
    right = quaternions_from_matrices(placed.rotations.double().numpy())
    lost = np.arange(3, 100, 10)
    rotations, margin = placed.rotations.clone(), 20.0 * ones
    rotations[lost] = torch.from_numpy(
        matrices_from_quaternions(random_quaternions(len(lost), np.random.default_rng(0)))
    ).float()
    margin[lost] = 1.0
    # one of a low margin that is where it belongs
    margin[50] = 1.0
    given = Refined(model=model, placed=Placed(rotations=rotations, shifts=placed.shifts, z=20.0 * ones), margin=margin)
    found = found_again(observations, given, SMALL, generator=generator)
    off = angle_between(quaternions_from_matrices(found.placed.rotations.double().numpy()), right)
    assert np.sum(off[lost] < 5.0) >= 9
    assert (off[np.setdiff1d(np.arange(100), lost)] < 5.0).all()
    nothing = found_again(observations, replace(given, margin=20.0 * ones), SMALL, generator=generator)
    assert nothing.placed.rotations.equal(rotations)
