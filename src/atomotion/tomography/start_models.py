"""What a reconstruction can start from: soft spheres of several lattices, given atoms, or atoms without order."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import torch
from ase import Atoms
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull

from atomotion.data import InputError, UsageError
from atomotion.geometry.rotations import quaternions_from_vectors, rotate
from atomotion.neighbours import neighbour_pairs
from atomotion.particles import decahedron, fcc_sphere, icosahedron
from atomotion.particles.ideal import twinned_sphere
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.lattice_symmetry import LatticeSymmetry, symmetry_of

# the starts that "auto" tries, FCC first
LATTICES = ("fcc", "twin", "icosahedron", "decahedron")
STARTS = (*LATTICES, "none")
SOFTNESS = 1.0  # Å
_B_FACTOR = 5.0  # Å²
_WEAKEST = 0.02
_FEWEST = 10
_ROOM = 3.0  # of the softness, beyond which no occupancy is left
# bonds are shorter than this times the spacing of the lattice, second neighbours longer
_BOND = 1.2
_TRIES = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class StartModel:
    """A model that images are matched with before anything is known of the particle.

    Parameters
    ----------
    kind : str
        One of `STARTS`, or "atoms" for given ones.
    model : AtomModel
        Its centre of symmetry at the origin.
    symmetry : LatticeSymmetry
    """

    kind: str
    model: AtomModel
    symmetry: LatticeSymmetry


def start_model(
    kind: str,
    element: str,
    diameter: float,
    *,
    lattice: float,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> StartModel:
    """A sphere with a soft edge, cut from the lattice of a kind.

    Parameters
    ----------
    kind : str
        "fcc"; "twin", FCC with a (111) twin plane through the centre; "icosahedron" or "decahedron", of twenty or five
        twins about the centre, whose mean bond is that of the lattice; "none", atoms without order at the density of
        the lattice, no two of them nearer than 0.8 of a bond.
    element : str
    diameter : float [Å]
        Where the occupancy is one half.
    lattice : float [Å]
    device : torch device
    seed : int
        Of the atoms without order.

    Raises
    ------
    UsageError
        For an unknown kind.
    """
    if kind not in STARTS:
        raise UsageError(f"unknown start {kind!r}; known are auto, {', '.join(STARTS)}, and a file of atoms")
    reach = diameter + 2.0 * _ROOM * SOFTNESS
    sites = _SITES[kind](element, reach, lattice) if kind != "none" else _without_order(reach, lattice, seed)
    return StartModel(kind=kind, model=soft_edged(sites, diameter, device=device), symmetry=symmetry_of(kind))


def given_start(positions: ArrayLike, *, device: torch.device | str = "cpu") -> StartModel:
    """Atoms that are known already, (n, 3) x y z [Å], about their mean; they have no symmetry.

    Raises
    ------
    InputError
        For fewer than 10 atoms, and what is no list of places.
    """
    places = np.asarray(positions, dtype=float)
    if places.ndim != 2 or places.shape[1] != 3 or not np.isfinite(places).all():
        raise InputError(f"the atoms to start from have the shape {places.shape}; give x, y and z of each")
    if len(places) < _FEWEST:
        raise InputError(f"{len(places)} atoms are too few to start from; at least {_FEWEST} are needed")
    model = AtomModel(
        positions=torch.from_numpy(places - places.mean(axis=0)).float().to(device),
        occupancies=torch.ones(len(places), device=device),
        b_factor=_B_FACTOR,
    )
    return StartModel(kind="atoms", model=model, symmetry=symmetry_of("none"))


def soft_edged(
    sites: NDArray[np.float64],
    diameter: float,
    *,
    softness: float = SOFTNESS,
    b_factor: float = _B_FACTOR,
    device: torch.device | str = "cpu",
) -> AtomModel:
    """Sites (n, 3) [Å] whose occupancy falls off as ``1 / (1 + exp(2 (r - d/2) / softness))``.

    The soft edge stands for a surface that is not known: a sharp one would look for its own facets in the images.
    """
    r = np.linalg.norm(sites, axis=1)
    occupancy = 1.0 / (1.0 + np.exp(2.0 * (r - 0.5 * diameter) / softness))
    used = occupancy > _WEAKEST
    return AtomModel(
        positions=torch.from_numpy(sites[used]).float().to(device),
        occupancies=torch.from_numpy(occupancy[used]).float().to(device),
        b_factor=b_factor,
    )


def resized(start: StartModel, element: str, diameter: float, *, lattice: float) -> StartModel:
    """The same start with another diameter and lattice constant [Å]; given atoms stay as they are."""
    if start.kind == "atoms":
        return start
    device = start.model.positions.device
    return replace(start, model=start_model(start.kind, element, diameter, lattice=lattice, device=device).model)


def _fcc(element: str, diameter: float, lattice: float) -> NDArray[np.float64]:
    return np.asarray(fcc_sphere(element, diameter, lattice=lattice).positions)


def _twin(element: str, diameter: float, lattice: float) -> NDArray[np.float64]:
    """The normal of the twin plane along z, a two-fold axis along x as the group D3 has it."""
    sites = twinned_sphere(element, diameter, lattice=lattice).positions
    return np.asarray(rotate(quaternions_from_vectors([0.0, 0.0, 90.0]), sites), dtype=float)


def _icosahedron(element: str, diameter: float, lattice: float) -> NDArray[np.float64]:
    return _enclosing(lambda n: icosahedron(element, n, lattice=lattice), diameter, lattice)


def _decahedron(element: str, diameter: float, lattice: float) -> NDArray[np.float64]:
    sites = _enclosing(lambda n: decahedron(element, n + 1, n + 1, lattice=lattice), diameter, lattice)
    return np.asarray(rotate(quaternions_from_vectors([0.0, 0.0, 90.0]), sites), dtype=float)


_SITES: dict[str, Callable[[str, float, float], NDArray[np.float64]]] = {
    "fcc": _fcc,
    "twin": _twin,
    "icosahedron": _icosahedron,
    "decahedron": _decahedron,
}


def _enclosing(build: Callable[[int], Atoms], diameter: float, lattice: float) -> NDArray[np.float64]:
    """Sites of the smallest polyhedron that holds a sphere, with the mean bond ``lattice / sqrt 2``."""
    bond = lattice / np.sqrt(2.0)
    for size in count(2):
        sites = np.asarray(build(size).positions)
        pairs = neighbour_pairs(sites, _BOND * bond)
        sites = sites * (bond / float(pairs.distances.mean()))
        # faces of the hull are n·x + offset <= 0
        if -ConvexHull(sites).equations[:, 3].max() >= 0.5 * diameter:
            break
    return np.asarray(sites[np.linalg.norm(sites, axis=1) <= 0.5 * diameter])


def _without_order(diameter: float, lattice: float, seed: int) -> NDArray[np.float64]:
    """Places at random, none nearer to another than a liquid's atoms are, as many as the lattice would have."""
    rng = np.random.default_rng(seed)
    wanted = round(np.pi / 6.0 * diameter**3 * 4.0 / lattice**3)
    closest = 0.8 * lattice / np.sqrt(2.0)
    places = np.zeros((0, 3))
    for _ in range(_TRIES):
        trial = rng.uniform(-0.5 * diameter, 0.5 * diameter, (64, 3))
        for each in trial[np.linalg.norm(trial, axis=1) <= 0.5 * diameter]:
            if len(places) == 0 or np.linalg.norm(places - each, axis=1).min() > closest:
                places = np.vstack([places, each])
        if len(places) >= wanted:
            break
    return places
