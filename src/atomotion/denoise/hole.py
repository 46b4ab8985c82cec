"""How large a network's hole must be, from the measured correlation of the noise."""

import numpy as np
from numpy.typing import ArrayLike

# correlations below this part of the noise's variance tell a network nothing worth hiding
_NEGLIGIBLE = 0.02
_LARGEST = 2


def hole_radius(pixel_correlation: ArrayLike | None, *, is_white: bool | None) -> int:
    """The radius [px] beyond which the noise of a pixel has nothing in common with its neighbours'.

    A network that sees a pixel whose noise goes with the hidden one's learns to restore the noise.

    Parameters
    ----------
    pixel_correlation : (7, 7) or None
        Correlation of the noise at pixel lags -3..3.
    is_white : bool or None
        Whether the noise of neighbouring pixels was found independent; None where that is not known.

    Returns
    -------
    int
        0 for independent pixels, at most 2.
    """
    if is_white is not False or pixel_correlation is None:
        return 0
    values = np.abs(np.asarray(pixel_correlation, dtype=float))
    middle = values.shape[0] // 2
    y, x = np.indices(values.shape) - middle
    away = np.maximum(np.abs(y), np.abs(x))
    correlated = [radius for radius in range(1, middle + 1) if values[away == radius].max() > _NEGLIGIBLE]
    return min(max(correlated, default=1), _LARGEST)
