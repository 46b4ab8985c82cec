"""Atoms as sums of Gaussians, the form in which they are projected and put on grids."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.scattering.electrons import BORN
from atomotion.scattering.form_factors import peng_parameters


@dataclass(frozen=True, kw_only=True, slots=True)
class AtomGaussians:
    """Every atom's potential as a sum of normalized Gaussians, V(r) = sum_j weight_j G(r; sigma_j).

    Parameters
    ----------
    weights : (n, j) float
        Integral of each Gaussian over space; [V Å³] for potentials.
    sigmas : (n, j) float [Å]
        Standard deviation along each axis.
    """

    weights: NDArray[np.float64]
    sigmas: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.weights)


def peng_atoms(elements: Sequence[str], *, u_iso: ArrayLike = 0.0) -> AtomGaussians:
    """The electrostatic potential of atoms of these elements, blurred by their thermal motion.

    ``V(r) = h² / (2π m e) sum_j a_j G(r; σ_j)`` with ``σ_j² = b_j / (8π²) + u_iso``: the Debye-Waller factor
    ``exp(-B k² / 4)``, ``B = 8π² u_iso``, widens every Gaussian of the form factor.

    Parameters
    ----------
    elements : sequence of n str
        Chemical symbols, for example ``atoms.get_chemical_symbols()``.
    u_iso : float or (n,) float [Å²]
        Mean-square displacement along one axis.

    Raises
    ------
    InputError
        For an element without a form factor.

    References
    ----------
    Peng, Ren, Dudarev & Whelan, Acta Cryst. A52, 257 (1996).
    """
    table = {element: peng_parameters(element) for element in set(elements)}
    a = np.array([table[element][0] for element in elements]).reshape(-1, 5)
    b = np.array([table[element][1] for element in elements]).reshape(-1, 5)
    u = np.broadcast_to(np.asarray(u_iso, dtype=float), len(a))
    return AtomGaussians(weights=BORN * a, sigmas=np.sqrt(b / (8.0 * np.pi**2) + u[:, None]))


def gaussian_atoms(n: int, *, sigma: float, weight: float = 1.0) -> AtomGaussians:
    """`n` equal atoms of one Gaussian each: a model without an element, for shapes and for speed.

    Parameters
    ----------
    n : int
    sigma : float [Å]
    weight : float
        Integral of every atom.
    """
    return AtomGaussians(weights=np.full((n, 1), weight), sigmas=np.full((n, 1), sigma))
