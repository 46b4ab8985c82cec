"""The particles of a simulated movie: their atoms in every state, and where these are in every frame."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from atomotion.data.poses import Poses
from atomotion.geometry.rotations import random_quaternions, rotate
from atomotion.particles.disorder import disordered

_ARRANGEMENTS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrangements:
    """Where the atoms of one state are, in the particle's own frame, ordered and molten.

    Parameters
    ----------
    ordered : (n, 3) float [Å]
    molten : (k, n, 3) float [Å]
        Some arrangements of the disordered state; none where the particle never melts.
    choice : (t,) int
        Which of them a frame shows; -1 is the ordered one.
    turns : (t, 4) float, w x y z
        Rotation of the molten arrangement in the particle's frame, a new one at every frame.
    """

    ordered: NDArray[np.float64]
    molten: NDArray[np.float64]
    choice: NDArray[np.intp]
    turns: NDArray[np.float64]

    def of(self, frame: int) -> NDArray[np.float64]:
        """(n, 3) positions [Å] in the particle's frame."""
        if self.choice[frame] < 0:
            return self.ordered
        return np.asarray(rotate(self.turns[frame], self.molten[self.choice[frame]]))


def arrangements(atoms: Atoms, is_ordered: NDArray[np.bool_], amount: float, rng: np.random.Generator) -> Arrangements:
    """The arrangement of every frame: one lattice, and one of a few random packings wherever the particle is molten.

    A wholly molten particle is also turned at random at every frame, so that no two frames show the same arrangement.
    """
    n = len(is_ordered)
    count = min(_ARRANGEMENTS, n - int(is_ordered.sum()))
    molten = [disordered(atoms, amount, rng).positions for _ in range(count)]
    choice = np.where(is_ordered, -1, rng.integers(max(count, 1), size=n))
    turns = random_quaternions(n, rng)
    if amount < 1.0:
        turns[:] = (1.0, 0.0, 0.0, 0.0)
    return Arrangements(
        ordered=np.asarray(atoms.positions),
        molten=np.array(molten).reshape(count, len(atoms), 3),
        choice=choice,
        turns=turns,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """One particle, frame by frame.

    Parameters
    ----------
    states : tuple of ase.Atoms
        In the particle's own frame.
    state : (t,) int
        Which of them a frame shows.
    ordered : (t,) bool
    arrangements : tuple of Arrangements
        One per state.
    poses : Poses
        `shifts` are relative to the centre of pixel n // 2 of the frame.
    heights : (t,) float [Å]
        Position of the particle's origin along the beam, relative to the plane of the defocus.
    diameter : float [Å]
        Of the sphere with as many atoms of the bulk metal as the first state.
    """

    states: tuple[Atoms, ...]
    state: NDArray[np.intp]
    ordered: NDArray[np.bool_]
    arrangements: tuple[Arrangements, ...]
    poses: Poses
    heights: NDArray[np.float64]
    diameter: float

    def elements(self, frame: int) -> list[str]:
        """The chemical symbols of the atoms of a frame."""
        return list(self.states[self.state[frame]].get_chemical_symbols())

    def turned(self, frame: int) -> NDArray[np.float64]:
        """(n, 3) x y z [Å] of the atoms in the laboratory, relative to the particle's origin."""
        return np.asarray(rotate(self.poses.quaternions[frame], self.arrangements[self.state[frame]].of(frame)))

    def positions(self, frame: int) -> NDArray[np.float64]:
        """(n, 3) x y z [Å] of the atoms in the laboratory; x and y are relative to the centre of pixel n // 2."""
        moved = self.turned(frame)
        moved[:, :2] += self.poses.shifts[frame]
        moved[:, 2] += self.heights[frame]
        return moved

    def reach(self) -> float:
        """Largest distance [Å] of an atom from the particle's origin."""
        furthest = 0.0
        for each in self.arrangements:
            everywhere = np.concatenate([each.ordered, each.molten.reshape(-1, 3)])
            furthest = max(furthest, float(np.linalg.norm(everywhere, axis=1).max()))
        return furthest
