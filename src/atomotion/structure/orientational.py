"""Bond-orientational order: q_l and w_l of every atom, plain and averaged over neighbours, and s_6 of every bond."""

from dataclasses import dataclass
from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.special import lpmv

from atomotion.neighbours import Neighbours

_NO_ORDER = 1e-8


@dataclass(frozen=True, kw_only=True, slots=True)
class BondOrder:
    """Bond-orientational order of one degree l.

    All are NaN for atoms without neighbours.

    Parameters
    ----------
    degree : int
        l.
    vectors : (n, 2 l + 1) complex
        q_lm, m from -l to l.
    averaged_vectors : (n, 2 l + 1) complex
        Q_lm: the mean of q_lm over the atom and its neighbours.
    q, q_averaged : (n,) float
        The invariants of second order of either.
    w, w_averaged : (n,) float
        The invariants of third order, not normalised: as printed in paper 002.
    w_normalised, w_averaged_normalised : (n,) float
        The same over ``(sum_m |q_lm|²)^(3/2)``: they depend on the symmetry of the neighbours only. NaN where there is
        no order of this degree.
    """

    degree: int
    vectors: NDArray[np.complex128]
    averaged_vectors: NDArray[np.complex128]
    q: NDArray[np.float64]
    q_averaged: NDArray[np.float64]
    w: NDArray[np.float64]
    w_averaged: NDArray[np.float64]
    w_normalised: NDArray[np.float64]
    w_averaged_normalised: NDArray[np.float64]


def bond_order(neighbours: Neighbours, degree: int) -> BondOrder:
    r"""Bond-orientational order parameters of every atom.

    .. math:: q_{lm}(i) = \frac{1}{N_i} \sum_{j} Y_{lm}(r_{ij}), \qquad
              Q_{lm}(i) = \frac{1}{N_i + 1} \Big( q_{lm}(i) + \sum_j q_{lm}(j) \Big), \qquad
              q_l = \Big[ \tfrac{4\pi}{2l+1} \sum_m |q_{lm}|^2 \Big]^{1/2}

    .. math:: w_l = \sum_{m_1 + m_2 + m_3 = 0} \begin{pmatrix} l & l & l \\ m_1 & m_2 & m_3 \end{pmatrix}
                    q_{lm_1} q_{lm_2} q_{lm_3}

    Parameters
    ----------
    neighbours : Neighbours
        Paper 002 takes all within the first minimum of g(r).
    degree : int
        l, even: 4 and 6 as a rule.

    References
    ----------
    Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28, 784 (1983); Lechner, Dellago, J. Chem. Phys. 129, 114707 (2008), for
    the average; Kang et al., Nat. Commun. 16 (2025), Eqs. 5-7 and 10.
    """
    count = np.diff(neighbours.offsets)
    harmonics = _spherical_harmonics(degree, neighbours.vectors, neighbours.distances)
    with np.errstate(invalid="ignore"):
        vectors = _complex_sums(neighbours, harmonics) / np.where(count > 0, count, np.nan)[:, None]
    around = _complex_sums(neighbours, vectors[neighbours.second])
    averaged = (vectors + around) / (count + 1)[:, None]
    q, w, w_normalised = _invariants(degree, vectors)
    q_averaged, w_averaged, w_averaged_normalised = _invariants(degree, averaged)
    return BondOrder(
        degree=degree,
        vectors=vectors,
        averaged_vectors=averaged,
        q=q,
        q_averaged=q_averaged,
        w=w,
        w_averaged=w_averaged,
        w_normalised=w_normalised,
        w_averaged_normalised=w_averaged_normalised,
    )


def bond_similarity(neighbours: Neighbours, vectors: NDArray[np.complex128]) -> NDArray[np.float64]:
    r"""How alike the surroundings of the two atoms of every bond are oriented: s_l, -1 to 1, (m,).

    .. math:: s_l(i, j) = \mathrm{Re} \sum_m \tilde q_{lm}(i)\, \tilde q_{lm}(j)^*, \qquad
              \tilde q_{lm} = q_{lm} \Big/ \Big[ \sum_m |q_{lm}|^2 \Big]^{1/2}

    Parameters
    ----------
    neighbours : Neighbours
    vectors : (n, 2 l + 1) complex
        ``BondOrder.vectors`` (what the program of paper 002 takes) or ``averaged_vectors`` (what its Eq. 9 prints).
    """
    norm = np.sqrt((np.abs(vectors) ** 2).sum(axis=1, keepdims=True))
    unit = vectors / np.where(norm > _NO_ORDER, norm, 1.0)
    return np.real((unit[neighbours.first] * unit[neighbours.second].conj()).sum(axis=1))


def crystalline_bonds(neighbours: Neighbours, similarity: NDArray[np.float64], threshold: float) -> NDArray[np.intp]:
    """Number of bonds of every atom with a similarity above the threshold, (n,)."""
    return neighbours.sums((similarity > threshold).astype(float)).astype(np.intp)


def crystalline_atoms(
    neighbours: Neighbours, similarity: NDArray[np.float64], threshold: float = 0.8
) -> NDArray[np.bool_]:
    """Atoms more than half of whose bonds are crystalline, (n,); an atom without neighbours is not.

    Parameters
    ----------
    neighbours : Neighbours
    similarity : (m,) float
        s_6 of every bond.
    threshold : float
        A bond is crystalline above this; 0.8 in paper 002, as all bonds of an FCC particle lie above.
    """
    return 2 * crystalline_bonds(neighbours, similarity, threshold) > np.diff(neighbours.offsets)


def _complex_sums(neighbours: Neighbours, values: NDArray[np.complex128]) -> NDArray[np.complex128]:
    parts = neighbours.sums(np.concatenate([values.real, values.imag], axis=1))
    size = values.shape[1]
    summed: NDArray[np.complex128] = parts[:, :size] + 1j * parts[:, size:]
    return summed


def _spherical_harmonics(
    degree: int, vectors: NDArray[np.float64], distances: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Y_lm of directions, (k, 2 l + 1), with the Condon-Shortley phase."""
    cosine = vectors[:, 2] / distances
    across = vectors[:, 0] + 1j * vectors[:, 1]
    size = np.abs(across)
    phase = np.where(size > 0, across / np.where(size > 0, size, 1.0), 1.0)
    found = np.empty((len(vectors), 2 * degree + 1), dtype=complex)
    for m in range(degree + 1):
        scale = np.sqrt((2 * degree + 1) / (4 * np.pi) * factorial(degree - m) / factorial(degree + m))
        positive = scale * lpmv(m, degree, cosine) * phase**m
        found[:, degree + m] = positive
        found[:, degree - m] = (-1) ** m * positive.conj()
    return found


def _invariants(
    degree: int, vectors: NDArray[np.complex128]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    squares = (np.abs(vectors) ** 2).sum(axis=1)
    q = np.sqrt(4.0 * np.pi / (2 * degree + 1) * squares)
    m1, m2, symbols = _wigner_3j(degree)
    products = vectors[:, m1 + degree] * vectors[:, m2 + degree] * vectors[:, degree - m1 - m2]
    w = np.real(products @ symbols)
    ordered = squares > _NO_ORDER
    w_normalised = np.divide(w, squares**1.5, out=np.full(len(w), np.nan), where=ordered)
    return q, w, w_normalised


@cache
def _wigner_3j(degree: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """m1, m2 and the 3j symbol of (l l l; m1 m2 -m1-m2) for all m1, m2 with |m1 + m2| <= l (Racah's formula)."""
    found = []
    for m1 in range(-degree, degree + 1):
        for m2 in range(-degree, degree + 1):
            if abs(m1 + m2) <= degree:
                found.append((m1, m2, _symbol(degree, m1, m2)))
    table = np.array(found)
    return table[:, 0].astype(np.intp), table[:, 1].astype(np.intp), table[:, 2]


def _symbol(degree: int, m1: int, m2: int) -> float:
    """The 3j symbol (l l l; m1 m2 -m1-m2)."""
    m3 = -m1 - m2
    triangle = factorial(degree) ** 3 / factorial(3 * degree + 1)
    weights = 1
    for m in (m1, m2, m3):
        weights *= factorial(degree + m) * factorial(degree - m)
    total = 0.0
    for t in range(3 * degree + 1):
        terms = (t, t + m1, t - m2, degree - t, degree - m1 - t, degree + m2 - t)
        if min(terms) >= 0:
            product = 1
            for term in terms:
                product *= factorial(term)
            total += (-1) ** t / product
    return float((-1) ** (-m3) * np.sqrt(triangle * weights) * total)
