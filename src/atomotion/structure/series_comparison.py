"""All states of a trajectory compared: one frame, what changed at every step, what stayed throughout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.structure.alignment_of_states import StateAlignment, align_series
from atomotion.structure.changes import StateChanges, compare_states
from atomotion.structure.comparison_config import AlignmentConfig
from atomotion.structure.core import InvariantCore, follow_atoms, time_invariant_core


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesComparison:
    """The states of a trajectory in the frame of the first.

    Parameters
    ----------
    positions : list of (n, 3) float, x y z [Å]
    alignments : list of StateAlignment
        Of each state but the first onto the one before it.
    changes : list of StateChanges
        From each state to the next.
    core : InvariantCore
    atoms : (atoms ever seen, states) int
        See `follow_atoms`.
    """

    positions: list[NDArray[np.float64]]
    alignments: list[StateAlignment]
    changes: list[StateChanges]
    core: InvariantCore
    atoms: NDArray[np.intp]


def compare_series(
    states: Sequence[ArrayLike],
    config: AlignmentConfig | None = None,
    *,
    species: Sequence[ArrayLike] | None = None,
    farthest: float | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> SeriesComparison:
    """Align all states, compare consecutive ones, and find the core that all share.

    Parameters
    ----------
    states : sequence of (n, 3) float, x y z [Å]
        In the order of time, each in any orientation and at any place.
    config : AlignmentConfig or None
        Its `matching` is used throughout.
    species : sequence of (n,) or None
        Elements of each state.
    farthest : float [Å] or None
        Longest way of a rearranged atom, see `compare_states`.
    on_step : callable or None
        Called with the alignments done and their number.

    Raises
    ------
    InputError
        Without states, for states of fewer than 4 atoms, and where two consecutive ones have no atom in common.
    """
    config = AlignmentConfig() if config is None else config
    positions, alignments = align_series(states, config, species=species, on_step=on_step)
    kinds = [None] * (len(positions) - 1) if species is None else list(pairwise(species))
    changes = [
        compare_states(before, after, config.matching, species=both, farthest=farthest)
        for (before, after), both in zip(pairwise(positions), kinds, strict=True)
    ]
    return SeriesComparison(
        positions=positions,
        alignments=alignments,
        changes=changes,
        core=time_invariant_core(positions, config.matching, species=species),
        atoms=follow_atoms([len(each) for each in positions], [each.kept for each in changes]),
    )
