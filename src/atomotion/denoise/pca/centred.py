"""A series of boxes around its average: the products of its frames, and mixtures of them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.linalg import eigsh

from atomotion.data import InputError, UsageError

_BLOCK_PX = 1024
# beyond this many frames only the leading eigenvectors are computed
MOST_DENSE = 3000


class CentredSeries:
    """Boxes minus their average over time, as every method of this package takes them.

    The images are read in place; what is computed beside them is one average and, block by block, some pixels of all
    frames.

    Parameters
    ----------
    images : (n, y, x) float
    mask : (y, x) bool or None
        The pixels that enter products of frames; None takes all. What follows from the products mixes whole boxes.

    Raises
    ------
    InputError
        For fewer than two images, values that are not finite, and a mask that does not fit or holds no pixel.
    """

    def __init__(self, images: NDArray[np.floating], mask: NDArray[np.bool_] | None = None) -> None:
        images = np.asarray(images)
        if images.ndim != 3:
            raise InputError(f"a series is a stack (n, y, x), not of shape {images.shape}; pass all its boxes at once")
        if len(images) < 2:
            raise InputError(f"a series needs at least 2 images to be compared; this one has {len(images)}")
        for index, image in enumerate(images):
            if not np.isfinite(image).all():
                raise InputError(f"image {index} has values that are not finite; leave it out of the series")
        self.shape: tuple[int, int, int] = images.shape
        self.mask = np.ones(self.shape[1:], dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
        if self.mask.shape != self.shape[1:]:
            raise InputError(
                f"the mask is {self.mask.shape} and the images are {self.shape[1:]}; they must be the same"
            )
        if not self.mask.any():
            raise InputError("the mask holds no pixel; pass one that is true where the particle is")
        self.flat = images.reshape(len(images), -1)
        self.average: NDArray[np.float64] = self.flat.mean(axis=0, dtype=np.float64)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def pixels(self) -> int:
        """Pixels in the mask."""
        return int(self.mask.sum())

    def products(self) -> NDArray[np.float64]:
        """(n, n) sum over the mask's pixels of the products of every two centred frames."""
        total = np.zeros((len(self), len(self)))
        inside = self.mask.ravel()
        for block in self._blocks():
            if inside[block].any():
                part = self._centred(block)[:, inside[block]]
                total += part @ part.T
        return total

    def mixtures(self, weights: NDArray[np.floating]) -> NDArray[np.float64]:
        """(k, y * x) ``weights @ frames`` of the centred frames, on all pixels, for weights (k, n)."""
        out = np.empty((len(weights), self.flat.shape[1]))
        for block in self._blocks():
            out[:, block] = weights @ self._centred(block)
        return out

    def rebuilt(
        self, left: NDArray[np.floating], right: NDArray[np.floating] | None = None, *, own: float = 0.0
    ) -> NDArray[np.float32]:
        """(n, y, x) float32 ``average + left @ right @ frames + own * frames``, on all pixels.

        Parameters
        ----------
        left : (n, k) float
        right : (k, n) float or None
            None is the unit matrix.
        own : float
        """
        out = np.empty(self.flat.shape, dtype=np.float32)
        for block in self._blocks():
            frames = self._centred(block)
            mixed = left @ (frames if right is None else right @ frames)
            if own:
                mixed += own * frames
            out[:, block] = mixed + self.average[block]
        return out.reshape(self.shape)

    def batches(self, size: int = 64) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Some centred frames (m, y, x) float32 after the other, 0 outside of the mask."""
        for first in range(0, len(self), size):
            which = slice(first, min(first + size, len(self)))
            frames = (self.flat[which] - self.average).reshape(-1, *self.shape[1:]) * self.mask
            yield which, frames.astype(np.float32)

    def _blocks(self) -> Iterator[slice]:
        total = self.flat.shape[1]
        for first in range(0, total, _BLOCK_PX):
            yield slice(first, min(first + _BLOCK_PX, total))

    def _centred(self, block: slice) -> NDArray[np.float64]:
        centred: NDArray[np.float64] = self.flat[:, block] - self.average[block]
        return centred


def leading_eigenvectors(matrix: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The `count` largest eigenvalues of a symmetric matrix, descending, and their eigenvectors as columns.

    The same matrix gives the same vectors.
    """
    n = len(matrix)
    count = min(count, n)
    if n <= MOST_DENSE or count > n // 4:
        values, vectors = linalg.eigh(matrix, subset_by_index=(n - count, n - 1) if count < n else None)
    else:
        # a start that is orthogonal to nothing in particular, the same every time
        start = np.random.default_rng(0).normal(size=n)
        values, vectors = eigsh(matrix, k=count, which="LA", v0=start)
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]


def check_components(components: int | None, n: int) -> None:
    """Refuse a number of components that a series of `n` frames cannot have."""
    if components is not None and not 0 <= components <= n:
        raise UsageError(f"{components} components of {n} images; choose between 0 and {n}, or none for automatic")
