"""How well the density around every atom agrees with what the atoms themselves would make of the same images."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from atomotion.atoms.anisotropic import Grid
from atomotion.atoms.validation import validation_correlations
from atomotion.data import DensityMap
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.half_sets import density_of
from atomotion.tomography.observations import Observations
from atomotion.tomography.peaks import finer
from atomotion.tomography.pose_refinement import Placed

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
    whole = replace(model, occupancies=model.occupancies.median().expand(len(model)))
    (found, voxel_size), (simulated, _) = (density_of(observations, placed, model=each) for each in (None, whole))
    maps = [finer(each).cpu().numpy() for each in (found, simulated)]
    fine = DensityMap(values=maps[0], voxel_size=voxel_size * len(found) / len(maps[0]))
    grid = Grid(shape=fine.values.shape, voxel_size=fine.voxel_size, first=np.array(fine.first_voxel))
    positions = model.positions.double().cpu().numpy()
    return validation_correlations(maps[0], maps[1], grid, positions, atom_radius=_ATOM * observations.spacing)
