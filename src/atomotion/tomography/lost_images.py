"""Images that fit the atoms in none of the poses near their own, searched in all orientations."""

from dataclasses import replace

import torch

from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.lattice_symmetry import symmetry_of
from atomotion.tomography.observations import Observations
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.pose_search import search_poses
from atomotion.tomography.refinement import Refined
from atomotion.tomography.start import first_orientations
from atomotion.tomography.start_models import StartModel

_POOR = 0.75  # of the median z
_NO_COPY = 4.0  # noise sigmas: an image in a wrong orientation fits no lattice copy of it much better than the others
_GAIN = 3.0  # noise sigmas
_RESOLUTION, _TRIAL_DEG, _PASSES = 1.25, 5.0, 3


def found_again(
    observations: Observations, refined: Refined, config: ReconstructionConfig, *, generator: torch.Generator
) -> Refined:
    """The poses with those anew of images that fit poorly, or no better than on another lattice copy.

    The start has no surface and no vacancies, and leads some images without order in time to orientations from which
    trials around do not lead out. The atoms themselves tell one orientation from all others.

    Parameters
    ----------
    observations : Observations
    refined : Refined
    config : ReconstructionConfig
    generator : torch.Generator
    """
    placed = refined.placed
    lost = torch.nonzero((placed.z < _POOR * placed.z.median()) | (refined.margin < _NO_COPY)).flatten()
    if len(lost) == 0:
        return refined
    images = observations.of(lost)
    start = StartModel(kind="atoms", model=refined.model, symmetry=symmetry_of("none"))
    found = first_orientations(images, start, config).assignment
    anywhere = Placed(rotations=found.rotations, shifts=found.shifts, z=found.z)
    here = Placed(rotations=placed.rotations[lost], shifts=placed.shifts[lost], z=placed.z[lost])
    best, own = (
        search_poses(
            images,
            refined.model,
            each,
            resolution=_RESOLUTION,
            trial_deg=_TRIAL_DEG,
            passes=_PASSES,
            generator=generator,
        ).placed
        for each in (anywhere, here)
    )
    better = best.z > own.z + _GAIN
    moved = lost[better]
    rotations, shifts, z = placed.rotations.clone(), placed.shifts.clone(), placed.z.clone()
    rotations[moved], shifts[moved], z[moved] = best.rotations[better], best.shifts[better], best.z[better]
    return replace(refined, placed=Placed(rotations=rotations, shifts=shifts, z=z))
