"""Two halves of a window in time reconstructed apart: what is in both was there all the time."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from atomotion.data import Frames, InputError
from atomotion.structure import AlignmentConfig, MatchingConfig, StateChanges, align_states, compare_states
from atomotion.tomography.chain import reconstruct
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.reconstruction import Reconstruction
from atomotion.tomography.response import Optics

_SURE = 3.0  # standard errors


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeHalves:
    """The first and the second half of a window, and what differs between them.

    Parameters
    ----------
    first, second : Reconstruction
        Each from its own images alone, in its own frame.
    split : int
        First image of the second half.
    positions : (n, 3) float [Å]
        The second half's atoms in the frame of the first.
    changes : StateChanges
        Atoms kept, removed and added from the first half to the second.
    displaced : (k,) bool
        Which of the kept atoms lie apart by more than `limit` and by more than three standard errors of both.
    limit : float [Å]
    clear : float
        Atoms by which the alignment beats that on any other copy of the lattice. Below about 2, nothing tells which
        atoms are which.
    """

    first: Reconstruction
    second: Reconstruction
    split: int
    positions: NDArray[np.float64]
    changes: StateChanges
    displaced: NDArray[np.bool_]
    limit: float
    clear: float

    @property
    def rms(self) -> float:
        """Root mean square distance [Å] of the atoms that are in both halves."""
        return float(np.sqrt(np.mean(self.changes.distances**2))) if len(self.changes.kept) else float("nan")

    @property
    def facts(self) -> dict[str, float | int]:
        """The comparison in numbers, units in the names."""
        return {
            "atoms_first": len(self.first),
            "atoms_second": len(self.second),
            "common": len(self.changes.kept),
            "lost": len(self.changes.removed),
            "gained": len(self.changes.added),
            "displaced": int(self.displaced.sum()),
            "rms_A": self.rms,
            "clear_atoms": self.clear,
        }


def time_halves(
    images: Frames,
    config: ReconstructionConfig,
    *,
    pixel_size: float,
    background: Frames | None = None,
    times: ArrayLike | None = None,
    box_centres: ArrayLike | None = None,
    optics: Optics | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    limit: float = 0.8,
    on_step: Callable[[int, int], None] | None = None,
) -> TimeHalves:
    """Both halves in time of a window, reconstructed from nothing but their own images, and compared.

    Unlike half sets that share a model, these halves share neither atoms nor lattice copies nor poses: what both show
    is neither noise nor a structure that only a part of the window had. Each has half of the images, so that its errors
    are larger than those of the whole.

    Parameters
    ----------
    images, config, pixel_size, background, times, box_centres, optics, seed, device, on_step
        As in `reconstruct`; ``config.half_sets`` is not used.
    limit : float [Å]
        Atoms that moved farther count as displaced.

    Raises
    ------
    InputError
        As `reconstruct`, naming the half that fails.

    References
    ----------
    Halves in time are compared by Meana-Pañeda et al., Sci. Adv. (2025).
    """
    count = int(images.shape[0])
    split = count // 2
    alone = replace(config, half_sets=False)
    found = []
    for number, (name, part) in enumerate((("first", slice(0, split)), ("second", slice(split, count)))):

        def report(done: int, total: int, before: int = number) -> None:
            if on_step is not None:
                on_step(before * total + done, 2 * total)

        try:
            found.append(
                reconstruct(
                    images[part],
                    alone,
                    pixel_size=pixel_size,
                    background=background,
                    times=None if times is None else np.asarray(times)[part],
                    box_centres=None if box_centres is None else np.asarray(box_centres)[part],
                    optics=optics,
                    seed=seed + number,
                    device=device,
                    on_step=report,
                )
            )
        except InputError as error:
            raise InputError(f"the {name} half of the window: {error}") from error
    return compared_halves(*found, split=split, limit=limit)


def compared_halves(first: Reconstruction, second: Reconstruction, *, split: int, limit: float = 0.8) -> TimeHalves:
    """Two reconstructions compared, whatever orientation, lattice copy and hand they came in."""
    laid = align_states(second.positions, first.positions, AlignmentConfig(mirror=True))
    positions = laid.motion.apply(second.positions)
    changes = compare_states(first.positions, positions, MatchingConfig())
    error = np.sqrt(3.0) * np.hypot(first.sigmas[changes.kept[:, 0]], second.sigmas[changes.kept[:, 1]])
    displaced = (changes.distances > limit) & (changes.distances > _SURE * np.nan_to_num(error))
    return TimeHalves(
        first=first,
        second=second,
        split=split,
        positions=positions,
        changes=changes,
        displaced=displaced,
        limit=limit,
        clear=laid.score - laid.next_score,
    )
