"""What a stack of frames must be able to do, wherever it lies: memory, disk, or a chain of lazy steps."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Frames(Protocol):
    """A (t, y, x) stack that is read piece by piece.

    A numpy array, a memory map and a Zarr array are `Frames`; so are the lazy readers of ``atomotion.io``. Indexing
    takes an integer or a slice for t, then optionally slices for y and x, and gives a numpy array.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(t, y, x)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values as they are given out."""
        ...

    def __getitem__(self, key: Any, /) -> NDArray[Any]:
        """Frames (or one frame) as a numpy array."""
        ...
