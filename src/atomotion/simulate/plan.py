"""All of a simulated movie that is drawn before its first frame is made."""

import math
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from numpy.typing import NDArray

from atomotion.data.errors import UsageError
from atomotion.data.poses import Poses
from atomotion.particles.ideal import equivalent_diameter, lattice_constant, particle
from atomotion.particles.surface_changes import displaced, spacing, successive_states
from atomotion.simulate.bodies import Body, arrangements
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.motion import diffusion, drift, orientations, places
from atomotion.simulate.states import equal_parts, lasting, states_of

# how many streams of random numbers each particle has
_STREAMS = 16
_GAP = 6.0  # Å, between particles and to the edge of the frame
States = Sequence[tuple[Atoms, int]]


class Plan:
    """The particles, the stage and the frames that get lost.

    Parameters
    ----------
    config : MovieConfig
    seed : int
    states : sequence of (ase.Atoms, frames), or one such sequence per particle, or None
        None builds the particles that the config describes.
    paths : sequence of (t, 2) float, x y [Å], optional
        One per particle: where its origin is on the stage, from the centre of pixel n // 2, in every frame before
        frames are lost; None lets it diffuse from a place of its own.

    Raises
    ------
    UsageError
        Where the parameters contradict each other, particles find no room, or paths do not fit the movie.

    Attributes
    ----------
    bodies : tuple of Body
    drift : (t, 2) float [Å]
        Of the stage.
    kept : (frames,) int
        The frames that were not lost.
    """

    def __init__(
        self,
        config: MovieConfig,
        seed: int,
        states: States | Sequence[States] | None,
        paths: Sequence[NDArray[np.floating]] | None = None,
    ) -> None:
        self.config, self.seed = config, seed
        self.total = config.frames + config.dropped_frames
        given = _per_particle(config, states)
        count = config.particles if given is None else len(given)
        made = [self._built(index) if given is None else self._given(given[index]) for index in range(count)]
        turned = []
        for index in range(count):
            motion = self._stream(index, 0)
            turned.append(orientations(config, self.total, motion))
            if index == 0:
                steady = (config.drift_x, config.drift_y)
                self.drift = drift(self.total, walk=config.drift_walk, steady=steady, rng=motion)
        sizes = np.array([_diameter(atoms[0]) for atoms, _ in made])
        frame = (config.width_px * config.pixel_size, config.height_px * config.pixel_size)
        walks = [self._walk(index, float(size)) for index, size in enumerate(sizes)]
        if paths is None:
            starts = places(sizes / 2.0, frame, gap=_GAP, rng=self._stream(0, 5))
            paths = [start + walk[:, :2] for start, walk in zip(starts, walks, strict=True)]
        elif [np.shape(path) for path in paths] != [(self.total, 2)] * count:
            raise UsageError(
                f"paths of shapes {[np.shape(path) for path in paths]} do not fit {count} particles in {self.total} "
                f"frames; give one array of shape ({self.total}, 2) per particle"
            )
        self.bodies = tuple(
            self._body(index, *made[index], turned[index], paths[index], walks[index][:, 2], float(sizes[index]))
            for index in range(count)
        )
        # the first frame is never lost, so that a dark first frame stays the first
        lost = 1 + self._stream(0, 4).permutation(self.total - 1)[: config.dropped_frames]
        self.kept = np.delete(np.arange(self.total), lost)

    def _stream(self, index: int, stream: int) -> np.random.Generator:
        key = stream if index == 0 else 100 + _STREAMS * index + stream
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(key,)))

    def _built(self, index: int) -> tuple[tuple[Atoms, ...], NDArray[np.intp]]:
        config, rng = self.config, self._stream(index, 10)
        diameter = config.diameter * (1.0 + rng.uniform(-config.size_spread, config.size_spread))
        atoms = particle(config.kind, config.element, diameter)
        if config.surface_disorder > 0.0 or config.inner_disorder > 0.0:
            atoms = displaced(atoms, surface=config.surface_disorder, inner=config.inner_disorder, rng=rng)
        states = successive_states(atoms, config.change, states=config.states, changed=config.changed_atoms, rng=rng)
        return states, equal_parts(self.total, len(states))

    def _given(self, states: States) -> tuple[tuple[Atoms, ...], NDArray[np.intp]]:
        return tuple(atoms for atoms, _ in states), lasting([frames for _, frames in states], self.total)

    def _walk(self, index: int, diameter: float) -> NDArray[np.float64]:
        config = self.config
        return diffusion(
            self.total,
            rms=config.diffusion,
            axial_rms=config.axial_diffusion,
            half_depth=max(0.0, (config.surroundings.thickness - diameter) / 2.0),
            rng=self._stream(index, 8),
        )

    def _body(
        self,
        index: int,
        states: tuple[Atoms, ...],
        state: NDArray[np.intp],
        quaternions: NDArray[np.float64],
        path: NDArray[np.floating],
        heights: NDArray[np.float64],
        diameter: float,
    ) -> Body:
        config = self.config
        ordered = states_of(config, self.total, self._stream(index, 1))
        melting = self._stream(index, 2)
        return Body(
            states=states,
            state=state,
            ordered=ordered,
            arrangements=tuple(arrangements(atoms, ordered, config.disorder, melting) for atoms in states),
            poses=Poses(quaternions=quaternions, shifts=np.asarray(path) + self.drift),
            heights=heights,
            diameter=diameter,
        )


def _per_particle(config: MovieConfig, states: States | Sequence[States] | None) -> Sequence[States] | None:
    """The states of every particle; a single list of them is one particle, or as many equal ones as the config says."""
    if states is None:
        return None
    if len(states) == 0:
        raise UsageError("the list of states is empty; give at least one pair of atoms and frames")
    if isinstance(states[0], tuple) and len(states[0]) == 2 and isinstance(states[0][0], Atoms):
        return [states] * config.particles  # type: ignore[list-item]
    return states  # type: ignore[return-value]


def _diameter(atoms: Atoms) -> float:
    """Of the sphere with as many atoms of the bulk metal; of what is no FCC metal, from the nearest neighbours."""
    symbols = atoms.get_chemical_symbols()
    element = max(sorted(set(symbols)), key=symbols.count)
    try:
        lattice = lattice_constant(element)
    except UsageError:
        near = spacing(atoms.positions) if len(atoms) > 1 else 2.0 * float(covalent_radii[atoms.numbers[0]])
        lattice = math.sqrt(2.0) * near
    return equivalent_diameter(len(atoms), lattice)
