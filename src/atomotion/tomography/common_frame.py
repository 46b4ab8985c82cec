"""The models of several windows in one frame, with the poses of their images, and all sites of atoms in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from atomotion.data import InputError
from atomotion.geometry.alignment import Alignment
from atomotion.geometry.matching import match_points
from atomotion.geometry.rotations import angle_between, matrices_from_quaternions, quaternions_from_matrices
from atomotion.neighbours import coordination_numbers, nearest_distances, neighbour_pairs
from atomotion.structure import AlignmentConfig, align_states

_FREE = 0.6  # of the spacing: no site is nearer to an atom
_BOUND = 1.2  # of the spacing
_FEWEST_BONDS = 3
_FEWEST_COMMON = 0.5  # of the smaller model's atoms
_CLEAR = 2.0  # atoms by which an alignment has to beat that on any other lattice copy
_NEXT = 6  # images on each side of a boundary that say how the particle turns on
_SMOOTHLY_DEG = 35.0
_TRIAL_DEG = 8.0
_POOR = 0.6
_CORNERS = np.array(list(product((-1.0, 0.0, 1.0), repeat=3)))
_FACES = np.array([each for each in product((-1.0, 0.0, 1.0), repeat=3) if np.abs(each).sum() == 2]) / np.sqrt(2.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowModel:
    """What was reconstructed from one window of a series of images.

    Parameters
    ----------
    start, stop : int
        The window: images start, start + 1, ..., stop - 1 of the series.
    images : (k,) int
        The images that have a pose, ascending, in [start, stop).
    positions : (n, 3) float, x y z [Å]
    occupancies : (n,) float
        In units of the median.
    sigmas : (n,) float [Å]
        Standard errors of the positions along an axis; NaN where unknown.
    b_factor : float [Å²]
    quaternions : (k, 4) float, w x y z
    shifts : (k, 2) float, dx dy [Å]
    z : (k,) float
        Fit of each image to the atoms.
    """

    start: int
    stop: int
    images: NDArray[np.intp]
    positions: NDArray[np.float64]
    occupancies: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    b_factor: float
    quaternions: NDArray[np.float64]
    shifts: NDArray[np.float64]
    z: NDArray[np.float64]

    @property
    def fits(self) -> NDArray[np.bool_]:
        """(k,) whether an image fits by more than 0.6 of the median; poses of others are wrong."""
        return np.asarray(self.z > _POOR * np.median(self.z))


@dataclass(frozen=True, kw_only=True, slots=True)
class Tied:
    """Models of neighbouring windows that lie in the frame of the first.

    Parameters
    ----------
    models : tuple of WindowModel
    ambiguous : bool
        Whether the model before was left out only because the first of these lies on it in several ways equally well.
    """

    models: tuple[WindowModel, ...]
    ambiguous: bool = False


def moved_model(model: WindowModel, motion: Alignment) -> WindowModel:
    """The model after a rigid motion, with the poses that show the same images.

    For x' = Q x + t the pose R, s becomes ``R' = D R Q^T`` and ``s' = s - (R' t)_xy`` with ``D = diag(1, 1, det Q)``:
    where Q holds a mirror, the model is seen mirrored along the beam, which no projection shows.
    """
    hand = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(motion.rotation)))])
    turned = hand @ matrices_from_quaternions(model.quaternions) @ motion.rotation.T
    return replace(
        model,
        positions=motion.apply(model.positions),
        quaternions=quaternions_from_matrices(turned),
        shifts=model.shifts - (turned @ motion.translation)[:, :2],
    )


def tied_models(models: Sequence[WindowModel]) -> tuple[list[Tied], list[str]]:
    """Models in common frames, as far as neighbours can be laid on each other, and a sentence on each break.

    Every model is laid on the one before, on whichever copy of the lattice and in whichever hand fits best. Where
    another copy fits as well to two atoms, as on a particle that was symmetric before it lost some, the copy is taken
    in which the particle turns on smoothly from window to window. A model begins a group of its own where fewer than
    half of the atoms are common, or nothing tells the copies apart: there the images of one window would be compared
    with atoms that are not where they seem.
    """
    groups: list[list[WindowModel]] = []
    ambiguous: set[int] = set()
    notes: list[str] = []
    for number, model in enumerate(models):
        if number == 0:
            groups.append([model])
            continue
        before = groups[-1][-1]
        laid = align_states(model.positions, before.positions, AlignmentConfig(mirror=True))
        common = len(laid.pairs) / min(len(model.positions), len(before.positions))
        moved = moved_model(model, laid.motion)
        why = ""
        if common < _FEWEST_COMMON:
            why = f"have {common:.0%} of the atoms in common only"
        elif laid.next_score > laid.score - _CLEAR:
            smooth = _turning_on(model, before, laid.score - _CLEAR)
            if smooth is None:
                why = "lie on each other on two copies of the lattice equally well"
                ambiguous.add(len(groups))
            else:
                moved = smooth
        if why:
            notes.append(f"the models of images {before.start} to {model.stop - 1} {why}; they are not merged")
            groups.append([model])
        else:
            groups[-1].append(moved)
    tied = [Tied(models=tuple(group), ambiguous=number in ambiguous) for number, group in enumerate(groups)]
    return tied, notes


def _turning_on(model: WindowModel, before: WindowModel, least: float) -> WindowModel | None:
    """The model laid on the one before so that the particle turns on smoothly; None where that scores below `least`.

    The images next to the boundary say, to some ten degrees, how the frames of both models lie; the models are laid on
    each other from rotations around that and from neighbouring places of the lattice.
    """
    best: tuple[float, WindowModel] | None = None
    # images at the boundary may lie in the wrong window, where their poses are wrong
    ending = before.quaternions[before.fits][-_NEXT:]
    beginning = np.flatnonzero(model.fits)[:_NEXT]
    spacing = float(np.median(nearest_distances(before.positions)))
    for hand in (np.eye(3), np.diag([1.0, 1.0, -1.0])):
        last, first = matrices_from_quaternions(ending), matrices_from_quaternions(model.quaternions[beginning])
        # x_before = R_before^T D R x for the same lab frame
        each = np.einsum("aji,jk,bkl->abil", last, hand, first).reshape(-1, 3, 3)
        sign = float(np.sign(np.linalg.det(each[0])))
        mean = sign * Rotation.from_matrix(sign * each).mean().as_matrix()
        for turn in Rotation.from_rotvec(np.deg2rad(_TRIAL_DEG) * _CORNERS).as_matrix():
            found = _laid_from(model, before, turn @ mean, np.zeros(3))
            if best is None or found[0] > best[0]:
                best, start = found, turn @ mean
    assert best is not None
    for place in spacing * _FACES:
        found = _laid_from(model, before, start, place)
        best = max(best, found, key=lambda each: each[0])
    score, moved = best
    each = moved.quaternions[beginning]
    turned = np.median(angle_between(np.repeat(each, len(ending), axis=0), np.tile(ending, (len(each), 1))))
    return moved if score >= least and turned < _SMOOTHLY_DEG else None


def _laid_from(
    model: WindowModel, before: WindowModel, rotation: NDArray[np.float64], offset: NDArray[np.float64]
) -> tuple[float, WindowModel]:
    """The model laid on the one before from a first guess, and how many atoms fit."""
    shift = before.positions.mean(axis=0) - rotation @ model.positions.mean(axis=0) + offset
    hand = bool(np.linalg.det(rotation) < 0)
    guessed = moved_model(model, Alignment(rotation=rotation, translation=shift, rmsd=0.0, mirrored=hand))
    try:
        laid = align_states(guessed.positions, before.positions, AlignmentConfig(search="given"))
    except InputError:
        return -np.inf, guessed
    return laid.score, moved_model(guessed, laid.motion)


def sites_of(models: Sequence[WindowModel], limit: float) -> NDArray[np.float64]:
    """(s, 3) [Å] every place at which one of the models has an atom.

    Places in two models no farther apart than `limit` [Å] are one site, at their mean; an atom that moves farther has
    two.
    """
    sites = np.array(models[0].positions)
    seen = np.ones(len(sites))
    for model in models[1:]:
        pairs = match_points(sites, model.positions, limit)
        mine, theirs = pairs[:, 0], pairs[:, 1]
        sites[mine] += (model.positions[theirs] - sites[mine]) / (seen[mine] + 1.0)[:, None]
        seen[mine] += 1.0
        new = np.setdiff1d(np.arange(len(model.positions)), theirs)
        sites = np.concatenate([sites, model.positions[new]])
        seen = np.concatenate([seen, np.ones(len(new))])
    return sites


def lattice_continued(sites: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """(k, 3) [Å] free places next to the sites where the lattice would have an atom.

    A bond of an FCC crystal has its opposite, so that ``2 x_i - x_j`` is a place of the lattice for neighbours i and j,
    whatever the particle's strain and orientation. Places that several pairs point to are averaged; those with fewer
    than three neighbours are left out.
    """
    pairs = neighbour_pairs(sites, _BOUND * spacing)
    places = 2.0 * sites[pairs.first] - sites[pairs.second]
    tree = cKDTree(sites)
    places = places[np.asarray(tree.query(places)[0]) > _FREE * spacing]
    found: list[NDArray[np.float64]] = []
    while len(places):
        near = np.linalg.norm(places - places[0], axis=1) < 0.5 * spacing
        found.append(places[near].mean(axis=0))
        places = places[~near]
    free = np.array(found).reshape(-1, 3)
    bonds = np.asarray(tree.query_ball_point(free, _BOUND * spacing, return_length=True)) if len(free) else np.zeros(0)
    return free[bonds >= _FEWEST_BONDS]


def core_of(sites: NDArray[np.float64], everywhere: NDArray[np.bool_], spacing: float) -> NDArray[np.bool_]:
    """(s,) which sites are inside of the particle, with all neighbours there, in all models; they change last.

    Where these are fewer than 13, the sites with the most neighbours up to a quarter of those that are everywhere.
    """
    count = coordination_numbers(neighbour_pairs(sites, _BOUND * spacing))
    core = everywhere & (count >= 12)
    if core.sum() < 13:
        ranked = np.argsort(np.where(everywhere, -count, 99), kind="stable")
        core = np.zeros(len(sites), dtype=bool)
        core[ranked[: max(int(everywhere.sum()) // 4, 1)]] = True
    return core
