"""The crystallinity score of paper 001, as printed and as run: distances between all atoms against an ideal sphere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from scipy.special import kolmogorov

from atomotion.data import InputError
from atomotion.particles import fcc_sphere
from atomotion.structure.size import largest_distance

_TOLERANCE = 0.1  # of the shortest distance
_STEP = np.pi / 6000.0  # Å; no lattice has its distances on the borders of such bins
_BLOCK = 500
_FEWEST = 13


@dataclass(frozen=True, kw_only=True, slots=True)
class CrystallinityScore:
    """Both versions of the score.

    Parameters
    ----------
    text : float
        The probability that the paper describes: two-sample Kolmogorov-Smirnov test on the distances themselves.
    text_distance : float
        The largest difference of the two cumulative distributions, from which it comes.
    program : float
        The probability that the program prints: the same test on the heights of two histograms.
    shells : int
        Bins of these.
    """

    text: float
    text_distance: float
    program: float
    shells: int


def crystallinity_score(positions: ArrayLike, *, bulk: float) -> CrystallinityScore:
    r"""The probability that distances between atoms come from an ideal FCC sphere as large, in two versions.

    The sphere is centred on an atom and has the particle's largest distance as its diameter.

    *Text*: a two-sample Kolmogorov-Smirnov test between all pair distances of the particle and of the sphere. With
    tens of thousands of pairs it rejects any real particle (and pairs are not independent): the probability is
    practically 0, and `text_distance` is what carries information.

    *Program*: the sphere's distances, sorted, belong to one shell as long as none is more than a tenth of the shortest
    distance above the one before; both particles' distances are counted in bins around the shells' means, with borders
    half-way; and the test is made between the two lists of bin heights (percent). Either probability is

    .. math:: p = Q_{KS}\big((\sqrt{N_e} + 0.12 + 0.11/\sqrt{N_e})\,D\big), \qquad N_e = \frac{n_1 n_2}{n_1 + n_2}.

    The program's version compares how often heights occur and not which shell has which height, so it is 1 for any
    permutation of the shells. The numbers that paper 001 prints (0.12 to 0.99) are of this kind.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    bulk : float [Å]
        Lattice constant of the sphere.

    Raises
    ------
    InputError
        For fewer than 13 atoms, in the particle or the sphere.

    References
    ----------
    Meana-Pañeda et al., Sci. Adv. 11 (2025), "Crystallinity score", and its program; Press et al., Numerical Recipes,
    14.3. The program puts the sphere's centre at an arbitrary place of the lattice, that depends on its box.
    """
    points = np.asarray(positions, dtype=float).reshape(-1, 3)
    if len(points) < _FEWEST:
        raise InputError(f"a crystallinity score takes at least {_FEWEST} atoms; there are {len(points)}")
    diameter = largest_distance(points)
    sphere = fcc_sphere("Pt", diameter, lattice=bulk).positions
    if len(sphere) < _FEWEST:
        raise InputError(f"an ideal sphere of {diameter:.1f} Å has {len(sphere)} atoms, too few to compare with")
    bins = int(diameter / _STEP) + 3
    own, ideal = _counts(points, bins), _counts(sphere, bins)
    apart = float(np.abs(np.cumsum(own) / own.sum() - np.cumsum(ideal) / ideal.sum()).max())
    borders = _borders(ideal)
    heights = [np.diff([0, *np.cumsum(each)[borders], each.sum()]) * 100.0 / each.sum() for each in (own, ideal)]
    # rounding: equal percentages of two histograms differ in the last digit, which would count as a step
    rounded = [np.round(each, 9) for each in heights]
    return CrystallinityScore(
        text=_probability(apart, float(own.sum()), float(ideal.sum())),
        text_distance=apart,
        program=_probability(_largest_step(*rounded), len(borders) + 1.0, len(borders) + 1.0),
        shells=len(borders) + 1,
    )


def _counts(points: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    """Pairs of points by distance, in bins of `_STEP`."""
    count = np.zeros(bins, dtype=np.intp)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        count += np.bincount((cdist(block, points).ravel() / _STEP).astype(np.intp), minlength=bins)[:bins]
    count[0] -= len(points)
    halved: NDArray[np.intp] = count // 2
    return halved


def _borders(ideal: NDArray[np.intp]) -> NDArray[np.intp]:
    """Bins half-way between the shells of the ideal particle."""
    filled = np.flatnonzero(ideal)
    places = (filled + 0.5) * _STEP
    shell = np.concatenate([[0], np.cumsum(np.diff(places) > _TOLERANCE * places[0])])
    weight = ideal[filled].astype(float)
    centres = np.bincount(shell, weight * places) / np.bincount(shell, weight)
    return ((centres[1:] + centres[:-1]) / 2.0 / _STEP).astype(np.intp)


def _largest_step(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Largest difference of the cumulative distributions of two samples."""
    values = np.concatenate([one, other])
    apart = [np.searchsorted(np.sort(each), values, side="right") / len(each) for each in (one, other)]
    return float(np.abs(apart[0] - apart[1]).max())


def _probability(apart: float, one: float, other: float) -> float:
    root = np.sqrt(one * other / (one + other))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * apart))
