"""What all measures of a particle are made from: its spacing, shells, lattice, neighbours and surface."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.neighbours import (
    FirstMinimum,
    Grains,
    LatticeFit,
    Neighbours,
    coordination_radius,
    find_grains,
    first_minimum,
    neighbour_pairs,
)
from atomotion.structure.config import StructureConfig
from atomotion.structure.plausible import check_spacing
from atomotion.structure.surface import Surface, find_surface

# less of the particle than this on lattices means that it has none
_LEAST_ORDERED = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Particle:
    """A particle and what was found of it before anything is measured.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    minimum : FirstMinimum
    grains : Grains or None
        None where less than half of the atoms are on a lattice.
    neighbours : Neighbours
        Within the radius of coordination.
    order_neighbours : Neighbours
        Within the radius of bond-orientational order.
    surface : Surface
    notes : tuple of str
    """

    positions: NDArray[np.float64]
    minimum: FirstMinimum
    grains: Grains | None
    neighbours: Neighbours
    order_neighbours: Neighbours
    surface: Surface
    notes: tuple[str, ...]

    @property
    def spacing(self) -> float:
        """The nearest-neighbour distance [Å]: the first peak of g(r)."""
        return self.minimum.peak

    @property
    def lattice(self) -> LatticeFit | None:
        """The lattice of the largest grain."""
        return None if self.grains is None else self.grains.lattices[0]


def prepared_particle(atoms: Atoms, config: StructureConfig | None = None) -> Particle:
    """Check a particle, and find its shells, lattice, neighbours and surface.

    The radius of coordination is ``a (1 + 1/√2) / 2`` with a from the lattice fit (paper 004), and the first minimum of
    g(r) where there is no lattice; the radius of bond-orientational order is that minimum (paper 002).

    Raises
    ------
    InputError
        For fewer than 5 atoms, atoms in one plane, and coordinates that cannot be Å.
    """
    config = StructureConfig() if config is None else config
    positions = np.array(atoms.positions, dtype=float)
    if len(positions) < 5:
        raise InputError(f"a particle takes at least 5 atoms; there are {len(positions)}")
    notes = check_spacing(positions)
    minimum = first_minimum(positions)
    grains, why = _grains(positions)
    if why:
        notes.append(why)
    radius = config.neighbour_radius
    if radius is None:
        radius = minimum.r if grains is None else coordination_radius(grains.lattices[0].constant)
    neighbours = neighbour_pairs(positions, radius)
    order_radius = minimum.r if config.order_radius is None else config.order_radius
    return Particle(
        positions=positions,
        minimum=minimum,
        grains=grains,
        neighbours=neighbours,
        order_neighbours=neighbour_pairs(positions, order_radius),
        surface=find_surface(positions, neighbours, ball=config.ball * minimum.peak),
        notes=tuple(notes),
    )


def _grains(positions: NDArray[np.float64]) -> tuple[Grains | None, str]:
    try:
        grains = find_grains(positions)
    except InputError as error:
        return None, f"no lattice, so no strain: {error}"
    ordered = float((grains.grain >= 0).mean())
    if ordered < _LEAST_ORDERED:
        return None, f"no lattice, so no strain: only {100 * ordered:.0f} % of the atoms are on one"
    return grains, ""
