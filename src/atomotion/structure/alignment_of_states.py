"""One state laid on another, in whatever orientation and on whichever copy of the lattice it comes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfftn, next_fast_len, rfftn
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree

from atomotion.data.errors import InputError
from atomotion.geometry.alignment import Alignment, align
from atomotion.structure.comparison_config import AlignmentConfig, MatchingConfig
from atomotion.structure.matching import match_atoms
from atomotion.structure.rotation_search import likely_rotations, pair_harmonics

# the cube has 24 rotations and the icosahedron 60; the right copy is sure to be among so many
_ROTATIONS = 64
_OFFSETS = 4
_STARTS = 64
_FINALISTS = 8
# in units of the spacing: voxel and blur of the search for offsets, the capture ranges of the refinement, how far apart
# two copies are in the root mean square, and the distance beyond which a pair has no say in the motion
_VOXEL, _BLUR = 0.3, 0.28
_CAPTURE = (0.7, 0.6, 0.5, 0.5)
_APART = 0.25
_TRUSTED = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class StateAlignment:
    """How one state lies best on another.

    Parameters
    ----------
    motion : Alignment
        The rigid motion of the moving state, and the root mean square distance of its pairs.
    pairs : (k, 2) int
        Indices into the moving and the fixed state of what is the same atom.
    score : float
        ``sum(1 - d²/limit²)`` over the pairs: atoms in common, each counted the less the farther apart it lies. A limit
        beyond 0.6 of the nearest-neighbour distance counts as that here, and pairs beyond it have no say in the motion.
    next_score : float
        That of the best other copy. Where it comes near to `score` the data do not tell the copies apart.
    """

    motion: Alignment
    pairs: NDArray[np.intp]
    score: float
    next_score: float


class _State:
    """A particle with what the search needs of it, made once."""

    def __init__(self, positions: ArrayLike, name: str) -> None:
        self.positions = np.asarray(positions, dtype=float)
        if self.positions.ndim != 2 or self.positions.shape[1] != 3 or len(self.positions) < 4:
            raise InputError(f"{name} has the shape {self.positions.shape}; it needs (n, 3) with at least 4 atoms")
        if not np.isfinite(self.positions).all():
            raise InputError(f"{name} has positions that are not numbers; remove these atoms first")
        self.centre = self.positions.mean(axis=0)
        self.centred = self.positions - self.centre
        self.tree = cKDTree(self.centred)
        self.spacing = float(np.median(np.asarray(self.tree.query(self.centred, k=2)[0])[:, 1]))
        if self.spacing <= 0.0:
            raise InputError(f"{name} has several atoms at one place; merge them first")
        self._harmonics: dict[float, NDArray[np.complex128]] = {}

    def harmonics(self, spacing: float) -> NDArray[np.complex128]:
        if spacing not in self._harmonics:
            self._harmonics = {spacing: pair_harmonics(self.centred, spacing)}
        return self._harmonics[spacing]


def align_states(
    moving: ArrayLike,
    fixed: ArrayLike,
    config: AlignmentConfig | None = None,
    *,
    species: tuple[ArrayLike, ArrayLike] | None = None,
) -> StateAlignment:
    """The rigid motion that lays one state on another, over all copies of the lattice, and the atoms in common.

    1. Rotations at which the interatomic vectors agree (`likely_rotations`: the 24 of the cube for FCC).
    2. For each, and for its mirror image if allowed, the offsets at which most atoms fall on atoms, by correlation of
       the two densities within `reach` of equal centres of mass.
    3. The best of these are refined by least squares on nearest atoms, and then on the one-to-one matching until it no
       longer changes.
    4. The copy with the largest ``sum(1 - d²/limit²)`` is taken. A perfect crystal has copies that nothing tells
       apart: the position in which the states are given wins over those that are better by less than `tie` atoms, and
       so do copies without a mirror over those with one.

    Parameters
    ----------
    moving, fixed : (n, 3), (m, 3) float, x y z [Å]
        At least 4 atoms each.
    config : AlignmentConfig or None
    species : pair of (n,) and (m,) or None
        Elements of the moving and the fixed state; atoms of different elements are not matched.

    Raises
    ------
    InputError
        For too few atoms, positions that are not numbers, and states without a single atom in common.
    """
    config = AlignmentConfig() if config is None else config
    return _align(_State(moving, "the moving state"), _State(fixed, "the fixed state"), config, species)


def align_series(
    states: Sequence[ArrayLike],
    config: AlignmentConfig | None = None,
    *,
    species: Sequence[ArrayLike] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[list[NDArray[np.float64]], list[StateAlignment]]:
    """All states in the frame of the first, each laid on the one before it.

    Parameters
    ----------
    states : sequence of (n, 3) float, x y z [Å]
        In the order of time.
    config : AlignmentConfig or None
    species : sequence of (n,) or None
        Elements of each state.
    on_step : callable or None
        Called with the alignments done and their number.

    Returns
    -------
    positions : list of (n, 3) float
        As many as states; the first is unchanged.
    alignments : list of StateAlignment
        One less than states; each from the state as given onto the aligned one before it. The hand of the whole series
        is that of the first state.
    """
    config = AlignmentConfig() if config is None else config
    if not states:
        raise InputError("there is no state to align; pass at least one")
    aligned = [np.array(states[0], dtype=float)]
    alignments: list[StateAlignment] = []
    before = _State(aligned[0], "state 1")
    for number, positions in enumerate(states[1:], start=1):
        state = _State(positions, f"state {number + 1}")
        kinds = None if species is None else (species[number], species[number - 1])
        found = _align(state, before, config, kinds)
        alignments.append(found)
        aligned.append(found.motion.apply(state.positions))
        before = _State(aligned[-1], f"state {number + 1}")
        if on_step is not None:
            on_step(number, len(states) - 1)
    return aligned, alignments


def _align(
    moving: _State, fixed: _State, config: AlignmentConfig, species: tuple[ArrayLike, ArrayLike] | None
) -> StateAlignment:
    limit = min(config.matching.limit, _TRUSTED * fixed.spacing)
    # the position in which the states are given is always among the finalists
    refined = [_refined(_Motion(1.0, np.eye(3), moving.centre - fixed.centre), moving, fixed, limit)]
    if config.search == "all":
        refined += sorted(
            (_refined(start, moving, fixed, limit) for start in _starts(moving, fixed, config)), key=_worst
        )
    distinct = _distinct(refined, moving, fixed)
    finished = [_finished(each, moving, fixed, config.matching, limit, species) for each in distinct[:_FINALISTS]]
    given = finished[0]
    if not any(len(each.pairs) for each in finished):
        raise InputError(
            f"the two states have no atom in common within {limit:.2f} Å; check that both are the same particle"
        )
    # the given position is the first; a mirror has to be worth it
    chosen = max(finished, key=lambda each: each.score - config.tie * each.motion.mirrored)
    if len(given.pairs) and given.score >= chosen.score - config.tie:
        chosen = given
    others = [each.score for each in finished if each is not chosen] + [each.score for each in distinct[_FINALISTS:]]
    return replace(chosen, next_score=max(others, default=0.0))


@dataclass(frozen=True, slots=True)
class _Motion:
    """A motion of the centred moving state, y = hand R x + shift, in the frame of the centred fixed one."""

    hand: float
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]
    score: float = 0.0

    def apply(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.hand * points @ self.rotation.T + self.shift


def _worst(motion: _Motion) -> float:
    return -motion.score


def _rms(vectors: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.sum(vectors**2, axis=-1))))


def _starts(moving: _State, fixed: _State, config: AlignmentConfig) -> list[_Motion]:
    """The motions at which the blurred densities overlap most."""
    rotations = likely_rotations(moving.harmonics(fixed.spacing), fixed.harmonics(fixed.spacing), most=_ROTATIONS)
    search = _OffsetSearch(moving, fixed, config.reach)
    found = [
        _Motion(hand, rotation, shift, overlap)
        for rotation in rotations
        for hand in ((1.0, -1.0) if config.mirror else (1.0,))
        for shift, overlap in search.offsets(hand * moving.centred @ rotation.T)
    ]
    return sorted(found, key=_worst)[: _STARTS * (2 if config.mirror else 1)]


class _OffsetSearch:
    """Offsets at which one set of atoms falls on another, by correlation in a box in which no image interferes."""

    def __init__(self, moving: _State, fixed: _State, reach: float) -> None:
        self.voxel = _VOXEL * fixed.spacing
        radii = [float(np.linalg.norm(state.centred, axis=1).max()) for state in (moving, fixed)]
        self.size = next_fast_len(int((sum(radii) + reach) / self.voxel) + 5, real=True)
        self.window = min(int(reach / self.voxel) + 1, self.size // 2 - 1)
        frequency = np.fft.fftfreq(self.size, self.voxel)
        half = np.fft.rfftfreq(self.size, self.voxel)
        squared = frequency[:, None, None] ** 2 + frequency[None, :, None] ** 2 + half**2
        blur = np.exp(-2 * (np.pi * _BLUR * fixed.spacing) ** 2 * squared)
        self.fixed = (rfftn(self._deposited(fixed.centred)) * blur).astype(np.complex64)

    def offsets(self, points: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], float]]:
        """The best (shift [Å], overlap), at most `_OFFSETS` of them."""
        spectrum = self.fixed * np.conj(rfftn(self._deposited(points)))
        overlap = irfftn(spectrum, s=(self.size,) * 3)
        near = np.arange(-self.window, self.window + 1)
        inside = overlap[np.ix_(near, near, near)]
        highest = (inside == maximum_filter(inside, size=3)) & (inside > 0.0)
        peaks = np.argwhere(highest)
        peaks = peaks[((peaks > 0) & (peaks < 2 * self.window)).all(axis=1)]
        # a parabola along each axis: neighbouring lattice vectors differ by less than the voxels cost in height
        centre = inside[tuple(peaks.T)]
        height, place = centre.copy(), peaks - float(self.window)
        for axis, step in enumerate(np.eye(3, dtype=int)):
            left, right = inside[tuple((peaks - step).T)], inside[tuple((peaks + step).T)]
            slope, bend = (right - left) / 2, np.minimum(left + right - 2 * centre, -1e-6)
            place[:, axis] -= slope / bend
            height -= slope**2 / (2 * bend)
        best = np.argsort(height)[::-1][:_OFFSETS]
        return [(self.voxel * place[each], float(height[each])) for each in best]

    def _deposited(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """(x, y, z) density with every atom shared by the eight voxels around it."""
        place = points / self.voxel
        corner = np.floor(place).astype(int)
        part = place - corner
        total = np.zeros(self.size**3)
        for step in np.ndindex(2, 2, 2):
            index = (corner + step) % self.size
            flat = (index[:, 0] * self.size + index[:, 1]) * self.size + index[:, 2]
            share = np.prod(np.where(step, part, 1.0 - part), axis=1)
            total += np.bincount(flat, weights=share, minlength=self.size**3)
        return total.reshape((self.size,) * 3).astype(np.float32)


def _refined(start: _Motion, moving: _State, fixed: _State, limit: float) -> _Motion:
    """The motion after least squares on the nearest atoms, with its score."""
    points, motion = start.hand * moving.centred, start
    for capture in _CAPTURE:
        distance, index = (np.asarray(each) for each in fixed.tree.query(motion.apply(moving.centred)))
        near = distance < capture * fixed.spacing
        if np.count_nonzero(near) < 4:
            return replace(motion, score=0.0)
        fit = align(points[near], fixed.centred[index[near]])
        motion = _Motion(start.hand, fit.rotation, fit.translation)
    distance = np.asarray(fixed.tree.query(motion.apply(moving.centred))[0])
    return replace(motion, score=float(np.clip(1.0 - (distance / limit) ** 2, 0.0, None).sum()))


def _distinct(motions: list[_Motion], moving: _State, fixed: _State) -> list[_Motion]:
    """Motions in the given order without those that end at the same copy as one before."""
    moved = np.empty((0, *moving.centred.shape))
    kept: list[_Motion] = []
    for motion in motions:
        positions = motion.apply(moving.centred)
        apart = np.sqrt(np.mean(np.sum((moved - positions) ** 2, axis=-1), axis=-1))
        if not len(kept) or apart.min() > _APART * fixed.spacing:
            kept.append(motion)
            moved = np.concatenate([moved, positions[None]])
    return kept


def _finished(
    motion: _Motion,
    moving: _State,
    fixed: _State,
    config: MatchingConfig,
    limit: float,
    species: tuple[ArrayLike, ArrayLike] | None,
) -> StateAlignment:
    """The motion refined on one-to-one pairs until these no longer change."""
    points, trusted = motion.hand * moving.centred, replace(config, limit=limit)
    before = None
    for _ in range(10):
        pairs = match_atoms(motion.apply(moving.centred), fixed.centred, trusted, species=species)
        if len(pairs) < 3 or (before is not None and np.array_equal(pairs, before)):
            break
        fit = align(points[pairs[:, 0]], fixed.centred[pairs[:, 1]])
        motion, before = _Motion(motion.hand, fit.rotation, fit.translation), pairs
    moved = motion.apply(moving.centred)
    pairs = match_atoms(moved, fixed.centred, config, species=species)
    apart = moved[pairs[:, 0]] - fixed.centred[pairs[:, 1]]
    rotation = motion.hand * motion.rotation
    found = Alignment(
        rotation=rotation,
        translation=motion.shift + fixed.centre - rotation @ moving.centre,
        rmsd=_rms(apart) if len(pairs) else float("nan"),
        mirrored=motion.hand < 0,
    )
    score = float(np.clip(1.0 - np.sum(apart**2, axis=1) / limit**2, 0.0, None).sum())
    return StateAlignment(motion=found, pairs=pairs, score=score, next_score=0.0)
