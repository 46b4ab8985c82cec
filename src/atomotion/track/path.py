"""The most probable path of a sample, from how likely each frame makes each displacement."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.ndimage import correlate1d

from atomotion.track.references import Around, references
from atomotion.track.spectra import Spectra

_BATCH = 32  # frames
_SHOWN = 0.5  # of what the better frames show of their averages
_JUMP = 1e-10  # probability of a jump to anywhere, so that a kick of the stage is not excluded


def likelihood(
    spectra: Spectra, products: NDArray[np.complexfloating], grid: NDArray[np.floating]
) -> NDArray[np.floating]:
    """(b, g, g) log-likelihood of displacements (grid[x], grid[y]) at [y, x], up to a constant, for several frames.

    ``L(s) = Re sum_k conj(R(k)) Y(k) exp(2 pi i k . s) / N(k)``: the matched filter for the reference R in noise of
    power N; `products` (b, ky, kx) are ``conj(R) Y``.
    """
    count, tall, wide = products.shape
    size = len(grid)
    down = np.exp(2j * np.pi * np.outer(grid, spectra.ky)).astype(np.complex64)
    along = np.exp(2j * np.pi * np.outer(spectra.kx, grid)).astype(np.complex64)
    # one large product of matrices for all frames: many small ones are slow where BLAS starts threads for each
    weighted = (products * spectra.weight).astype(np.complex64).transpose(1, 0, 2).reshape(tall, count * wide)
    half = (down @ weighted).reshape(size * count, wide)
    return (half @ along).real.astype(float).reshape(size, count, size).transpose(1, 0, 2)


def most_probable_path(
    spectra: Spectra,
    near: NDArray[np.floating],
    path: NDArray[np.floating],
    around: Around,
    grid: NDArray[np.floating],
    step: float,
) -> tuple[NDArray[np.floating], float, NDArray[np.bool_]]:
    """The path on which all frames fit best the averages that were made along `path`.

    A frame that shows of its average, wherever it is laid, less than half of what others do has another content: where
    it would fit best says nothing about where it is, and it leaves that to its neighbours.

    Parameters
    ----------
    spectra : Spectra
    near, path : (n, 2) dx dy
        Where displacements are tried, and along which path averages are made.
    around : Around
    grid : (g,)
        Displacements from `near` that are tried along an axis.
    step : float [px]
        See `most_probable`.

    Returns
    -------
    (n, 2) dx dy, the log-evidence, and (n,) whether a frame shows its average.
    """
    surfaces = np.zeros((len(spectra), len(grid), len(grid)))
    energy = np.zeros(len(spectra))
    waiting: list[int] = []
    products: list[NDArray[np.complexfloating]] = []

    def compare() -> None:
        surfaces[waiting] = spectra.counts[waiting, None, None] * likelihood(spectra, np.stack(products), grid)
        waiting.clear()
        products.clear()

    for i, value, reference in references(spectra, path, around):
        waiting.append(i)
        products.append(np.conj(reference) * value * spectra.phase(near[i]))
        energy[i] = spectra.counts[i] * float(np.sum(spectra.weight * np.abs(reference) ** 2))
        if len(waiting) == _BATCH:
            compare()
    if waiting:
        compare()
    shown = surfaces.max(axis=(1, 2)) / np.maximum(energy, 1e-30)
    # where averages have little content, noise shows all of it; they say nothing about what is usual
    strong = energy >= 0.5 * np.percentile(energy, 90)
    # an average of several contents is weaker than each, and its frames show more than all of it
    shows = shown >= _SHOWN * max(1.0, float(np.percentile(shown[strong], 75)))
    surfaces[~shows] = 0.0
    away, evidence = most_probable(surfaces, grid, step)
    return near + away, evidence, shows


def most_probable(
    log_likelihood: NDArray[np.floating], grid: NDArray[np.floating], step: float
) -> tuple[NDArray[np.floating], float]:
    """(n, 2) dx dy of every frame given all frames, and the log-evidence: forward and backward over the grid.

    From frame to frame the displacement changes by a Gaussian of standard deviation `step`, rarely by anything. The
    result is the mean over the neighbourhood of the most probable displacement: the mean over everything would lie
    between two lattice positions that are both possible.
    """
    n, size, _ = log_likelihood.shape
    spacing = grid[1] - grid[0]
    reach = int(np.ceil(5 * step / spacing))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * spacing / step) ** 2)
    kernel /= kernel.sum()

    def moved(probability: NDArray[np.floating]) -> NDArray[np.floating]:
        spread = correlate1d(correlate1d(probability, kernel, 0, mode="constant"), kernel, 1, mode="constant")
        return (1 - _JUMP) * spread + _JUMP / size**2

    highest = log_likelihood.max(axis=(1, 2))
    forward = np.exp(log_likelihood - highest[:, None, None])
    evidence = float(highest.sum())
    state: NDArray[np.floating] = np.full((size, size), 1.0 / size**2)
    for i in range(n):
        state = (moved(state) if i else state) * forward[i]
        total = state.sum()
        evidence += float(np.log(total))
        state /= total
        forward[i] = state
    result = np.empty((n, 2))
    later: NDArray[np.floating] = np.ones((size, size))
    for i in range(n - 1, -1, -1):
        posterior = forward[i] * later
        posterior /= posterior.sum()
        result[i] = _peak_mean(posterior, grid)
        later = moved(later * np.exp(log_likelihood[i] - highest[i]))
        later /= later.sum()
    return result, evidence


def _peak_mean(posterior: NDArray[np.floating], grid: NDArray[np.floating]) -> tuple[float, float]:
    y, x = np.unravel_index(int(posterior.argmax()), posterior.shape)
    rows, columns = slice(max(0, y - 2), y + 3), slice(max(0, x - 2), x + 3)
    near = posterior[rows, columns]
    if near.sum() < 0.5:  # no displacement stands out
        return float(posterior.sum(axis=0) @ grid), float(posterior.sum(axis=1) @ grid)
    near = near / near.sum()
    return float(near.sum(axis=0) @ grid[columns]), float(near.sum(axis=1) @ grid[rows])


def slope_and_information(
    spectra: Spectra, value: NDArray[np.complex64], reference: NDArray[np.complex64], at: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]:
    """Gradient (2,) of the log-likelihood at a displacement, expected curvature (2, 2), and how much is shown.

    The last is 1 where the frame holds all of the reference's content at that displacement, and 0 where none.
    """
    kx, ky = 2 * np.pi * spectra.kx[None, :], 2 * np.pi * spectra.ky[:, None]
    product = np.conj(reference) * value * spectra.phase(at) * spectra.weight
    energy = spectra.weight * np.abs(reference) ** 2
    slope = -np.array([(product.imag * kx).sum(), (product.imag * ky).sum()], dtype=float)
    mixed = float((energy * kx * ky).sum())
    information = np.array([[(energy * kx**2).sum(), mixed], [mixed, (energy * ky**2).sum()]], dtype=float)
    return slope, information, float(product.real.sum() / max(float(energy.sum()), 1e-30))


def jitter_step(
    slope: NDArray[np.floating],
    information: NDArray[np.floating],
    away: NDArray[np.floating],
    jitter: float,
    memory: float,
) -> tuple[NDArray[np.floating], float]:
    """One Newton step of all frames together, (n, 2), and the log-evidence of the prior.

    The prior is a stationary jitter about the smooth path, an autoregression of standard deviation `jitter` whose
    neighbouring frames are correlated by `memory`.

    Parameters
    ----------
    slope, information : (n, 2), (n, 2, 2)
        Of every frame's log-likelihood where it is now.
    away : (n, 2)
        Where it is now, from the smooth path.
    """
    n = len(away)
    inner, outer, tie = _prior_precision(jitter, memory)
    prior = np.full(n, inner)
    prior[[0, -1]] = outer
    bands = np.zeros((3, 2 * n))  # upper form: x y x y ..., so frames are two apart
    bands[2] = (np.diagonal(information, axis1=1, axis2=2) + prior[:, None]).ravel()
    bands[1, 1::2] = information[:, 0, 1]
    bands[0, 2:] = -tie
    pull = prior[:, None] * away
    pull[1:] -= tie * away[:-1]
    pull[:-1] -= tie * away[1:]
    factor = cholesky_banded(bands)
    moves = cho_solve_banded((factor, False), (slope - pull).ravel()).reshape(n, 2)
    there = away + moves
    energy = np.sum(prior[:, None] * there**2) - 2 * tie * np.sum(there[1:] * there[:-1])
    fit = np.sum(slope * moves) - 0.5 * np.einsum("ia,iab,ib->", moves, information, moves)
    prior_volume = -2 * n * np.log(jitter) - (n - 1) * np.log(1 - memory**2)
    return moves, float(fit - 0.5 * energy + prior_volume - np.log(factor[2]).sum())


def standard_deviation(information: NDArray[np.floating], jitter: float, memory: float) -> NDArray[np.floating]:
    """(n, 2) posterior standard deviation of every displacement under the prior of `jitter_step`.

    The blocks on the diagonal of the inverse, from eliminations that come from both ends.
    """
    inner, outer, tie = _prior_precision(jitter, memory)
    diagonal = information + inner * np.eye(2)
    diagonal[[0, -1]] += (outer - inner) * np.eye(2)
    down, up = diagonal.copy(), diagonal.copy()
    for i in range(1, len(down)):
        down[i] -= tie**2 * np.linalg.inv(down[i - 1])
        up[-1 - i] -= tie**2 * np.linalg.inv(up[-i])
    return np.sqrt(np.diagonal(np.linalg.inv(down + up - diagonal), axis1=1, axis2=2))


def _prior_precision(jitter: float, memory: float) -> tuple[float, float, float]:
    """Precision of an autoregression: on the diagonal, at its ends, and minus the one beside it."""
    new = jitter**2 * (1 - memory**2)
    return (1 + memory**2) / new, 1 / new, memory / new
