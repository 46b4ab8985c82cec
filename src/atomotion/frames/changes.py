"""Where the size of the particle changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from atomotion.frames.config import WindowsConfig
from atomotion.frames.diameter import SizeEvidence, single_sizes
from atomotion.frames.splits import calibrated_changes, long_run_covariance

_ROUNDS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeChange:
    """One change of the particle's size.

    Parameters
    ----------
    at : int
        Number of the first good box after it.
    gain, price : float
        What the change explains, in long-run variances, and what it had to explain.
    atoms : float
        Change of the number of atoms as a part of it, three times that of the diameter.
    """

    at: int
    gain: float
    price: float
    atoms: float


def size_changes(
    evidence: SizeEvidence, config: WindowsConfig, *, regions: NDArray[np.float64] | None, rng: np.random.Generator
) -> tuple[SizeChange, ...]:
    """The changes of size that the series shows and that matter.

    All kinds of evidence are searched together (`calibrated_changes`). A change counts where the number of atoms
    differs by at least ``config.smallest_change``, as the best linear combination of the kinds has it: tumbling of an
    uneven particle makes small changes that are real in the images, but not in the particle.

    Parameters
    ----------
    evidence : SizeEvidence
    config : WindowsConfig
    regions : (g,) float [Å] or None
        See `single_sizes`.
    rng : numpy.random.Generator
    """
    at: tuple[int, ...] = ()
    for _ in range(_ROUNDS):
        sizes = single_sizes(evidence, at, regions=regions)
        found = calibrated_changes(
            sizes,
            min_length=config.min_frames,
            block=config.block_frames,
            alpha=config.alpha,
            resamples=config.resamples,
            rng=rng,
        )
        if found.at == at:
            break
        at = found.at
    gains = dict(zip(found.at, found.gains, strict=True))
    kept = list(found.at)
    while kept:
        steps = _steps(sizes, kept, config.block_frames)
        smallest = int(np.abs(steps).argmin())
        if abs(steps[smallest]) >= config.smallest_change:
            return tuple(
                SizeChange(at=place, gain=gains[place], price=found.price, atoms=float(step))
                for place, step in zip(kept, steps, strict=True)
            )
        del kept[smallest]
    return ()


def _steps(sizes: NDArray[np.float64], at: Sequence[int], block: int) -> NDArray[np.float64]:
    """Relative change of the number of atoms at every change."""
    edges = [0, *at, len(sizes)]
    rest = np.concatenate([sizes[a:b] - sizes[a:b].mean(axis=0) for a, b in pairwise(edges)])
    weights = np.maximum(np.linalg.solve(long_run_covariance(rest, block), np.ones(sizes.shape[1])), 0.0)
    size = sizes @ (weights / weights.sum())
    levels = np.array([size[a:b].mean() for a, b in pairwise(edges)])
    return (levels[1:] / levels[:-1]) ** 3 - 1.0
