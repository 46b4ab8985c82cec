"""How well a model agrees with the truth, beside what a particle without any data would score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data.errors import InputError
from atomotion.geometry.alignment import Alignment
from atomotion.neighbours import coordination_numbers, coordination_radius, nearest_distances, neighbour_pairs
from atomotion.structure.alignment_of_states import align_states
from atomotion.structure.comparison_config import AlignmentConfig, MatchingConfig, ScoreConfig

# Å; where the centre of the sphere without data may lie, relative to that of the truth
_CENTRE_REACH, _CENTRE_STEP = 2.8, 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelScore:
    """A model against the truth. No one of these numbers says enough by itself.

    Parameters
    ----------
    found : float
        Matched atoms over true atoms.
    false : float
        Model atoms without a true one, over true atoms.
    rms, median : float [Å]
        Distance of the matched atoms from their true places.
    surface_found : float
        Matched over true atoms, of those with few neighbours in the truth (`ScoreConfig.surface`).
    true_atoms, model_atoms : int
    pairs : (k, 2) int
        Matched indices into model and truth.
    motion : Alignment
        From the model to the truth; says whether a mirror was used.
    """

    found: float
    false: float
    rms: float
    median: float
    surface_found: float
    true_atoms: int
    model_atoms: int
    pairs: NDArray[np.intp]
    motion: Alignment

    def skill(self, null: "ModelScore") -> float:
        """1 for a model with all atoms and no false one, 0 for one with as many errors as `null`, negative for more.

        Errors are missed and false atoms together.
        """
        errors = 1.0 - null.found + null.false
        return 1.0 - (1.0 - self.found + self.false) / errors if errors > 0 else float("nan")


def score_model(
    model: ArrayLike, truth: ArrayLike, config: ScoreConfig | None = None, *, coordination: ArrayLike | None = None
) -> ModelScore:
    """Found, false and surface atoms of a model, and how far they lie from the truth.

    The model is laid on the truth over all lattice copies and, since projections do not tell the hand, mirror images;
    the pairs are one to one within 1 Å, the most of them with the smallest sum of distances.

    A lattice of the right size finds most atoms of a crystal whatever the data say: give `null_score` beside this.

    Parameters
    ----------
    model, truth : (n, 3), (m, 3) float, x y z [Å]
    config : ScoreConfig or None
    coordination : (m,) int or None
        Neighbours of the true atoms; None counts them within 1.207 of the median nearest-neighbour distance, half-way
        between the first two shells of FCC.

    Raises
    ------
    InputError
        For fewer than 4 atoms, and a model without any atom in common with the truth.
    """
    config = ScoreConfig() if config is None else config
    return _score(model, truth, config, coordination, search_all=True)


def null_score(
    truth: ArrayLike, lattice: float, config: ScoreConfig | None = None, *, coordination: ArrayLike | None = None
) -> ModelScore:
    """What an FCC sphere with the right number of atoms scores, without any data.

    An endless lattice is laid on the truth in its best orientation and offset; of all spheres in it that hold as many
    atoms as the truth, the one that finds the most is scored. It is the level that a reconstruction has to beat, since
    it starts from such a sphere: about 0.95 found at 0.2 Å for a crystal of 300 atoms.

    Parameters
    ----------
    truth : (m, 3) float, x y z [Å]
    lattice : float [Å]
        Lattice constant of the element (`particles.lattice_constant`).
    config : ScoreConfig or None
    coordination : (m,) int or None

    Raises
    ------
    InputError
        For fewer than 4 atoms and a lattice constant that is not positive.
    """
    config = ScoreConfig() if config is None else config
    if not lattice > 0:
        raise InputError(f"the lattice constant is {lattice} Å; pass the element's own, for example 3.92 for platinum")
    true = np.asarray(truth, dtype=float)
    centred = true - true.mean(axis=0)
    radius = float(np.linalg.norm(centred, axis=1).max()) + _CENTRE_REACH + lattice
    sites = _lattice_sites(lattice, radius)
    matching = MatchingConfig(limit=config.limit)
    laid = align_states(sites, centred, AlignmentConfig(matching=matching, reach=lattice))
    sites = laid.motion.apply(sites)
    occupied = np.zeros(len(sites), dtype=bool)
    occupied[laid.pairs[:, 0]] = True
    steps = np.arange(-_CENTRE_REACH, _CENTRE_REACH + 1e-9, _CENTRE_STEP)
    centres = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    found = [np.count_nonzero(occupied[_nearest(sites, centre, len(true))]) for centre in centres]
    sphere = sites[_nearest(sites, centres[int(np.argmax(found))], len(true))]
    return _score(sphere, centred, config, coordination, search_all=False)


def _score(
    model: ArrayLike, truth: ArrayLike, config: ScoreConfig, coordination: ArrayLike | None, *, search_all: bool
) -> ModelScore:
    true = np.asarray(truth, dtype=float)
    alignment = AlignmentConfig(
        search="all" if search_all else "given",
        mirror=config.mirror and search_all,
        matching=MatchingConfig(limit=config.limit),
    )
    laid = align_states(model, true, alignment)
    neighbours = _coordination(true) if coordination is None else np.asarray(coordination)
    if neighbours.shape != (len(true),):
        raise InputError(f"{neighbours.size} coordination numbers for {len(true)} true atoms; give one for each")
    matched = np.zeros(len(true), dtype=bool)
    matched[laid.pairs[:, 1]] = True
    surface = neighbours <= config.surface
    moved = laid.motion.apply(model)
    distance = np.linalg.norm(moved[laid.pairs[:, 0]] - true[laid.pairs[:, 1]], axis=1)
    return ModelScore(
        found=float(matched.mean()),
        false=(len(moved) - len(laid.pairs)) / len(true),
        rms=float(np.sqrt(np.mean(distance**2))),
        median=float(np.median(distance)),
        surface_found=float(matched[surface].mean()) if surface.any() else float("nan"),
        true_atoms=len(true),
        model_atoms=len(moved),
        pairs=laid.pairs,
        motion=laid.motion,
    )


def _coordination(positions: NDArray[np.float64]) -> NDArray[np.intp]:
    lattice = np.sqrt(2.0) * float(np.median(nearest_distances(positions)))
    return coordination_numbers(neighbour_pairs(positions, coordination_radius(lattice)))


def _nearest(sites: NDArray[np.float64], centre: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    squared = np.sum((sites - centre) ** 2, axis=1)
    return np.argpartition(squared, count - 1)[:count]


def _lattice_sites(lattice: float, radius: float) -> NDArray[np.float64]:
    reach = int(radius / lattice) + 1
    cells = np.arange(-reach, reach + 1)
    corners = np.stack(np.meshgrid(cells, cells, cells, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    basis = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    sites = lattice * (corners + basis).reshape(-1, 3)
    return sites[np.linalg.norm(sites, axis=1) <= radius]
