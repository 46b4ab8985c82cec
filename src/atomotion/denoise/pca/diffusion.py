"""Diffusion maps of a series: what neighbouring frames of the particle's manifold share."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import isotonic_regression
from scipy.sparse.linalg import eigsh

from atomotion.data import UsageError
from atomotion.denoise.pca.centred import MOST_DENSE, CentredSeries
from atomotion.denoise.pca.spectrum import fit_noise

_REACH = 3.0
_MOST_MODES = 1000
_ROWS = 256
_BISECTIONS = 40


def diffusion_maps(
    images: NDArray[np.floating],
    *,
    neighbours: float = 15.0,
    mask: NDArray[np.bool_] | None = None,
    noise_energy: float | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    r"""A series filtered along the modes of diffusion over the graph of its frames.

    The graph joins frames that look alike, ``K_ij = exp(-(d_ij² - d_i²) / h_i)`` with d_i the distance of frame i to its
    nearest neighbour, which leaves out the noise that all distances hold, and h_i such that the weights are as even as
    over `neighbours` frames. Its modes φ, eigenvectors of :math:`D^{-1/2} K D^{-1/2}`, are ordered from those that vary
    slowly over the graph to those that vary fast, whatever the order in time. Signal is smooth on the graph and noise is
    the same in every mode, so each is weighed by what of it is not noise:

    .. math:: \hat x = \sum_l w_l\, \varphi_l \varphi_l^T x , \qquad w_l = \max(0,\; 1 - s / e_l)

    with s the noise's energy per frame and :math:`e_l` the energy :math:`|\varphi_l^T x|^2`, made to fall with l by
    isotonic regression.

    Parameters
    ----------
    images : (n, y, x) float
    neighbours : float
        Effective number (perplexity) of the frames that each one is joined with; cut to a third of the series.
    mask : (y, x) bool or None
        The pixels that distances and energies are taken over; the weights then mix the frames of the whole box.
    noise_energy : float or None
        s over the pixels of the mask, where it is known; None takes it from the series (`component_count`'s fit).
    on_step : callable, optional
        Called with (done, total) steps.

    Returns
    -------
    (n, y, x) float32
        In the units of the images.

    Raises
    ------
    InputError
        For fewer than two images, values that are not finite, a mask that does not fit.
    UsageError
        For fewer than one neighbour, or a negative energy.

    References
    ----------
    Coifman and Lafon, Appl. Comput. Harmon. Anal. 21, 5 (2006). The reference program's default is a projection,
    weights of 1 up to a rank and then 0, on a graph of 5 neighbours; the weights here are those of Wiener's filter.
    """
    if neighbours < 1.0:
        raise UsageError(f"{neighbours:g} neighbours are too few; choose 1 or more, for example 15")
    if noise_energy is not None and noise_energy < 0.0:
        raise UsageError(f"a noise energy of {noise_energy:g} is negative; it is a sum of squares")
    series = CentredSeries(images, mask)
    report = on_step or (lambda done, total: None)
    products = series.products()
    report(1, 4)
    noise = fit_noise(series, products).energy if noise_energy is None else noise_energy
    report(2, 4)
    modes = _modes(_graph(products, min(neighbours, max(len(series) / 3.0, 1.0))))
    report(3, 4)
    energy = np.maximum(np.einsum("il,il->l", modes, products @ modes), 0.0)
    rest, left = float(np.trace(products)) - float(np.sum(energy)), len(series) - modes.shape[1]
    weights = _weights(np.asarray(isotonic_regression(energy, increasing=False).x), noise)
    own = float(_weights(np.array([rest / left]), noise)[0]) if left else 0.0
    result = series.rebuilt(modes * (weights - own), modes.T, own=own)
    report(4, 4)
    return result


def _weights(energy: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    return np.maximum(1.0 - noise / np.maximum(energy, 1e-300), 0.0)


def _graph(products: NDArray[np.float64], neighbours: float) -> sparse.csr_array:
    """(n, n) normalised weights of the graph, symmetric."""
    n = len(products)
    near = min(n - 1, int(np.ceil(_REACH * neighbours)))
    squares = np.diag(products)
    columns = np.empty((n, near), dtype=np.intp)
    weights = np.empty((n, near))
    for first in range(0, n, _ROWS):
        rows = np.arange(first, min(first + _ROWS, n))
        distances = squares[rows, None] + squares - 2.0 * products[rows]
        distances[np.arange(len(rows)), rows] = np.inf
        columns[rows] = np.argpartition(distances, near - 1, axis=1)[:, :near]
        nearest = np.take_along_axis(distances, columns[rows], axis=1)
        weights[rows] = _even_weights(nearest - nearest.min(axis=1, keepdims=True), neighbours)
    one_way = sparse.csr_array((weights.ravel(), (np.repeat(np.arange(n), near), columns.ravel())), shape=(n, n))
    both = (one_way + one_way.T) * 0.5 + sparse.eye_array(n)
    root = sparse.diags_array(1.0 / np.sqrt(both.sum(axis=1)))
    return sparse.csr_array(root @ both @ root)


def _even_weights(excess: NDArray[np.float64], neighbours: float) -> NDArray[np.float64]:
    """``exp(-excess / h)`` with, for every row, the h whose normalised weights have the entropy ln(neighbours)."""
    largest = float(excess.max(initial=0.0))
    if largest == 0.0:
        return np.ones_like(excess)
    low, high = np.full(len(excess), 1e-6 * largest), np.full(len(excess), 1e3 * largest)
    for _ in range(_BISECTIONS):
        width = np.sqrt(low * high)
        weights = np.exp(-excess / width[:, None])
        total = weights.sum(axis=1)
        entropy = np.log(total) + np.einsum("ij,ij->i", weights, excess) / (total * width)
        narrow = entropy < np.log(neighbours)
        low, high = np.where(narrow, width, low), np.where(narrow, high, width)
    return weights


def _modes(graph: sparse.csr_array) -> NDArray[np.float64]:
    """(n, l) eigenvectors of a graph, from slow to fast; all of them, or of a long series the slowest."""
    n = graph.shape[0]
    if n <= MOST_DENSE:
        return np.asarray(np.linalg.eigh(graph.toarray())[1][:, ::-1])
    start = np.random.default_rng(0).normal(size=n)
    values, modes = eigsh(graph, k=_MOST_MODES, which="LA", v0=start)
    return np.asarray(modes[:, np.argsort(values)[::-1]])
