"""Curves that stay on a level and then change it: how their averages scatter, and where the levels meet."""

import numpy as np
import ruptures
from numpy.typing import NDArray


def block_mean_steps(curves: NDArray[np.floating], block: int) -> NDArray[np.float64]:
    r"""(n - 2m + 1, ...) differences of the means of neighbouring blocks of m values, at every offset.

    ``B_{j+m} - B_j`` with ``B_j = (x_j + ... + x_{j+m-1}) / m``. Within a level their variance is 2/m times the
    long-run variance, the one that averages behave by, once m is longer than the correlation of the values; a change
    of level enters only the few differences that lie across it.

    Parameters
    ----------
    curves : (n, ...) float, n ≥ 2m
    block : int
        m.
    """
    total = np.concatenate([np.zeros((1, *curves.shape[1:])), np.cumsum(curves, axis=0)])
    means = (total[block:] - total[:-block]) / block
    return np.asarray(means[block:] - means[:-block])


def least_squares_levels(curves: NDArray[np.floating], *, min_length: int, price: float) -> list[int]:
    """Indices at which a new level begins: the exact minimum of ``Σ |x - level|² + price · changes`` (PELT).

    Parameters
    ----------
    curves : (n, p) float
        All p curves change at once; in units of their long-run standard deviation, so that a price in units of the
        variance means the same for each.
    min_length : int
        Shortest level.
    price : float

    References
    ----------
    Killick, Fearnhead, Eckley, J. Am. Stat. Assoc. 107, 1590 (2012); the implementation is that of ruptures.
    """
    search = ruptures.KernelCPD(kernel="linear", min_size=min_length).fit(np.ascontiguousarray(curves))
    return [int(index) for index in search.predict(pen=price)[:-1]]
