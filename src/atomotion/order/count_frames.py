"""Simulated frames of independent pixels, drawn when they are read."""

import numpy as np
from numpy.typing import NDArray


class CountFrames:
    """Frames of independent counts (a `Frames`), each drawn anew when it is read, always the same for one seed.

    Parameters
    ----------
    probabilities : (k,) float
        Of the counts 0, 1, 2, ...; they sum to 1.
    shape : (t, y, x)
    seed : int
    """

    def __init__(self, probabilities: NDArray[np.float64], shape: tuple[int, int, int], seed: int) -> None:
        self.shape: tuple[int, ...] = shape
        self.dtype = np.dtype(np.float32)
        self._seeds = np.random.SeedSequence(seed).spawn(shape[0])
        # inverse of the cumulative distribution with 32-bit uniform numbers: their upper half decides almost always
        self._cumulative = np.minimum(np.cumsum(probabilities) * 2.0**32, 2.0**32).astype(np.uint64)
        self._cumulative[-1] = 2**32
        upper = np.arange(2**16, dtype=np.uint64) << np.uint64(16)
        self._table = np.searchsorted(self._cumulative, upper, side="right")
        self._unsure = self._table != np.searchsorted(self._cumulative, upper | np.uint64(2**16 - 1), side="right")

    def __getitem__(self, key: slice, /) -> NDArray[np.float32]:
        return np.stack([self._draw(np.random.default_rng(seed)) for seed in self._seeds[key]])

    def _draw(self, rng: np.random.Generator) -> NDArray[np.float32]:
        uniform = rng.integers(0, 2**32, self.shape[1:], dtype=np.uint32)
        upper = uniform >> np.uint32(16)
        counts = self._table[upper]
        unsure = self._unsure[upper]
        counts[unsure] = np.searchsorted(self._cumulative, uniform[unsure].astype(np.uint64), side="right")
        return counts.astype(np.float32)
