"""Diffusion maps of a series: what neighbouring frames of the particle's manifold share."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.optimize import isotonic_regression

from atomotion.data import UsageError
from atomotion.denoise.pca.centred import MOST_DENSE, CentredSeries
from atomotion.denoise.pca.simulated_noise import simulated_products
from atomotion.denoise.pca.spectrum import fit_noise

_REACH = 3.0
_MOST_MODES = 1000
_ROWS = 256
_BISECTIONS = 40
_LEAST_FRAMES, _MOST_FRAMES = 10, 600


def diffusion_maps(
    images: NDArray[np.floating],
    *,
    neighbours: float = 15.0,
    mask: NDArray[np.bool_] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    r"""A series filtered along the modes of diffusion over the graph of its frames.

    The graph joins frames that look alike, ``K_ij = exp(-(d_ij² - d_i²) / h_i)``. d_i is the distance of frame i to its
    nearest neighbour, which leaves out the noise that all distances hold, and h_i is such that the weights are as even
    as over `neighbours` frames; K is made symmetric. Its modes φ, the eigenvectors of :math:`D^{-1/2} K D^{-1/2}`, are
    ordered from slow to fast over the graph, whatever the order in time. Signal is smooth on the graph and noise is
    not, so each mode is weighed by what of it is not noise:

    .. math:: \hat x = \sum_l w_l\, \varphi_l \varphi_l^T x , \qquad w_l = \max(0,\; 1 - s_l / e_l)

    with :math:`e_l` the energy :math:`|\varphi_l^T x|^2`, made to fall with l by isotonic regression. The noise's
    :math:`s_l` would be its energy per frame, s, on a graph that knows nothing of the noise. Ours is made from noisy
    frames and joins those whose noise is alike by chance, so that noise gathers in its slow modes: with
    :math:`s^0_l` the energies of simulated noise on a graph of its own, :math:`s_l = s + c\, (s^0_l - s)`, c being the
    part that noise has in the variance of squared distances.

    Parameters
    ----------
    images, mask
        As in `CentredSeries`, with its errors.
    neighbours : float
        Effective number (perplexity) of the frames that each one is joined with; cut to a third of the series.
    on_step : callable, optional
        Called with (done, total) steps.

    Returns
    -------
    (n, y, x) float32
        In the units of the images.

    Raises
    ------
    UsageError
        For fewer than one neighbour.

    References
    ----------
    Coifman and Lafon, Appl. Comput. Harmon. Anal. 21, 5 (2006). The reference program's default is a projection,
    weights of 1 up to a rank and then 0, on a graph of 5 neighbours; the weights here are those of a Wiener filter.
    """
    if neighbours < 1.0:
        raise UsageError(f"{neighbours:g} neighbours are too few; choose 1 or more, for example 15")
    series = CentredSeries(images, mask)
    report = on_step or (lambda done, total: None)
    products = series.products()
    report(1, 4)
    noise = fit_noise(series, products)
    report(2, 4)
    energy, modes = _modes(products, neighbours)
    report(3, 4)
    simulated = simulated_products(noise.power, series.mask, min(len(series) - 1, _MOST_FRAMES))
    expected = _noise_of_modes(noise.energy, simulated, products, neighbours)[: len(energy)]
    weights = np.maximum(1.0 - expected / np.maximum(energy, 1e-300), 0.0)
    left = len(series) - len(energy)
    rest = (float(np.trace(products)) - float(np.sum(energy))) / left if left else 0.0
    own = max(0.0, 1.0 - noise.energy / rest) if rest > 0.0 else 0.0
    result = series.rebuilt(modes * (weights - own), modes.T, own=own)
    report(4, 4)
    return result


def _noise_of_modes(
    noise: float, simulated: NDArray[np.float64], products: NDArray[np.float64], neighbours: float
) -> NDArray[np.float64]:
    """(n,) the energy of noise in every mode of the graph, from that of a frame and products of simulated noise."""
    n, few = len(products), len(simulated)
    flat = np.full(n, noise)
    spread = _spread(products)
    if few < _LEAST_FRAMES or spread == 0.0:
        return flat
    share = min(1.0, _spread(simulated) / spread)
    alone, _ = _modes(simulated, neighbours)
    at = (np.arange(n) + 0.5) / n
    return flat + share * (np.interp(at, (np.arange(few) + 0.5) / few, alone) - flat)


def _spread(products: NDArray[np.float64]) -> float:
    """The variance of the squared distances between frames."""
    chosen = np.linspace(0, len(products) - 1, min(len(products), _MOST_FRAMES)).round().astype(int)
    products = products[np.ix_(chosen, chosen)]
    squares = np.diag(products)
    rows, columns = np.triu_indices(len(products), 1)
    return float(np.var(squares[rows] + squares[columns] - 2.0 * products[rows, columns]))


def _modes(products: NDArray[np.float64], neighbours: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies (l,), made to fall, and modes (n, l) of the graph of frames with these products, from slow to fast.

    They are all modes, or of a long series the slowest.
    """
    n = len(products)
    graph = _graph(products, min(neighbours, max(n / 3.0, 1.0))).toarray()
    # so many modes that iterative solvers would take longer
    slowest = (n - _MOST_MODES, n - 1) if n > MOST_DENSE else None
    modes = linalg.eigh(graph, subset_by_index=slowest, overwrite_a=True)[1][:, ::-1]
    energy = np.maximum(np.einsum("il,il->l", modes, products @ modes), 0.0)
    return np.asarray(isotonic_regression(energy, increasing=False).x), modes


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
