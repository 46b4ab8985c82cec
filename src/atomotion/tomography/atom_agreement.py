"""How well the density around every atom agrees with what the atoms themselves would make of the same images."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from atomotion.atoms.anisotropic import Grid
from atomotion.atoms.validation import validation_correlations
from atomotion.data import DensityMap
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.joint import good_weights
from atomotion.tomography.observations import Observations
from atomotion.tomography.peaks import finer
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.pose_search import MODEL_MISMATCH
from atomotion.tomography.volume import accumulate, volume_of

_FLOOR = 0.1
_WORST = 0.1
_ATOM = 0.4  # radius of an atom, of the distance of neighbours


def agreement_with_density(observations: Observations, model: AtomModel, placed: Placed) -> NDArray[np.float64]:
    """(n,) correlation of density and simulated density in a sphere of 1.5 atomic radii around every atom.

    The simulated density is made of the images that the model predicts, at the same poses, so that it lacks what the
    density lacks: frequencies outside of the band and directions that were not seen. All its atoms are whole.

    Parameters
    ----------
    observations : Observations
    model : AtomModel
    placed : Placed

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), "Validation of atomic positions", for densities without gaps.
    """
    used, response = observations.at(mismatch=MODEL_MISMATCH)
    whole = replace(model, occupancies=model.occupancies.median().expand(len(model)))
    expected = predicted(whole, response, placed.rotations, placed.shifts)
    maps: list[NDArray[np.floating]] = []
    voxel_size = 0.0
    for values in (used.values, expected):
        sums = accumulate(
            used.plane, values, response.lens, placed.rotations, placed.shifts, weights=good_weights(placed, _WORST)
        )
        density = volume_of(sums, precision=_FLOOR * sums.mean_weight, radius=observations.radius, positive=False)
        maps.append(finer(density).cpu().numpy())
        voxel_size = sums.grid.voxel_size * len(density) / len(maps[-1])
    found = DensityMap(values=maps[0], voxel_size=voxel_size)
    grid = Grid(shape=found.values.shape, voxel_size=found.voxel_size, first=np.array(found.first_voxel))
    positions = model.positions.double().cpu().numpy()
    return validation_correlations(maps[0], maps[1], grid, positions, atom_radius=_ATOM * observations.spacing)
