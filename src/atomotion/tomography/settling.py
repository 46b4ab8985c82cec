"""From the first orientations to common lattice copies."""

from dataclasses import replace

import torch

from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import Assignment, settle_copies
from atomotion.tomography.exploration import DENSITY_MISMATCH, PRIOR_SPREAD
from atomotion.tomography.lattice_symmetry import LatticeSymmetry
from atomotion.tomography.observations import Observations
from atomotion.tomography.shifts import shift_grid
from atomotion.tomography.start import centre_spread
from atomotion.tomography.start_models import StartModel

# Å; a path through time is right to a few degrees and coarse densities tell its copies apart badly; without order the
# first densities are too blurred for more
_COPIES_RESOLUTION = {True: 1.3, False: 1.9}
_STEP = 0.4  # Å
ITERATIONS = 12


def settled(
    observations: Observations,
    start: StartModel,
    begin: Assignment,
    config: ReconstructionConfig,
    generator: torch.Generator,
    *,
    iterations: int = ITERATIONS,
    starts: int | None = None,
) -> Assignment:
    """The images on common lattice copies: from the path through time, or from the best of several random starts."""
    ordered = observations.time.ordered
    used, response = observations.at(mismatch=DENSITY_MISMATCH, resolution=_COPIES_RESOLUTION[ordered])
    spread = centre_spread(observations.centre_error)

    def settle(first: Assignment) -> Assignment:
        return settle_copies(
            used,
            response,
            start.model,
            first,
            symmetry=start.symmetry,
            time=observations.time,
            folds=observations.folds,
            iterations=iterations,
            prior_spread=PRIOR_SPREAD,
            radius=observations.radius,
            shifts=shift_grid(2.3 * spread, _STEP, device=observations.device),
            spread=spread,
        )

    if ordered or start.symmetry.order == 1:
        return settle(begin)
    tried = [settle(_at_random_copies(begin, start.symmetry, generator)) for _ in range(starts or config.starts)]
    return max(tried, key=lambda each: each.held_out_z)


def _at_random_copies(begin: Assignment, symmetry: LatticeSymmetry, generator: torch.Generator) -> Assignment:
    copies = symmetry.copies(begin.rotations)
    pick = torch.randint(symmetry.order, (len(copies),), generator=generator).to(copies.device)
    return replace(begin, rotations=copies[torch.arange(len(copies), device=copies.device), pick])
