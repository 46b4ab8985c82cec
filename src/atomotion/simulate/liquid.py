"""What a layer of water does to the image: its spectrum of projected potential, and molecules."""

import numpy as np
from numpy.typing import NDArray

from atomotion.scattering.structure_factors import atomic_potential

# molecules per Å³ at 0.997 g/cm³; distances O-H and H-H [Å]; hard-sphere diameter [Å]
WATER_DENSITY = 0.0333
OH, _HH, _HARD = 0.9572, 1.5139, 2.8
THERMAL = 0.01  # Å², mean-square displacement of the atoms of a molecule


def hard_sphere_structure_factor(k: NDArray[np.float64], *, density: float, diameter: float) -> NDArray[np.float64]:
    """Structure factor S(k) of a liquid of hard spheres in the Percus-Yevick approximation.

    ``1 / S = 1 - n c(q)`` with ``q = 2π k``, packing fraction ``η = π n d³ / 6``, and inside the sphere the direct
    correlation ``c(r) = -(a + b r / d + η a (r / d)³ / 2)``, ``a = (1 + 2 η)² / (1 - η)⁴``,
    ``b = -6 η (1 + η / 2)² / (1 - η)⁴``.

    Parameters
    ----------
    k : float [1/Å]
    density : float [1/Å³]
    diameter : float [Å]

    References
    ----------
    Hansen & McDonald, Theory of Simple Liquids, chapter 4.
    """
    eta = np.pi * density * diameter**3 / 6.0
    a = (1.0 + 2.0 * eta) ** 2 / (1.0 - eta) ** 4
    b = -6.0 * eta * (1.0 + 0.5 * eta) ** 2 / (1.0 - eta) ** 4
    # radial transform of c(r) over the sphere; the table is smooth, so a fine sum is exact enough
    r = (np.arange(400) + 0.5) / 400.0
    c = -(a + b * r + 0.5 * eta * a * r**3)
    table = np.linspace(0.0, max(float(np.max(k)), 1e-6) * 1.001, 2000)
    kernel = np.sinc(2.0 * diameter * table[:, None] * r)
    transform = 4.0 * np.pi * diameter**3 * (kernel * (c * r**2)).sum(axis=1) / 400.0
    result: NDArray[np.float64] = np.interp(k, table, 1.0 / (1.0 - density * transform))
    return result


def water_power(k: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power spectrum of the projected potential of water, per Å of thickness [V² Å³].

    ``n (<|F|²> + |<F>|² (S - 1))`` over the orientations of a molecule with transform F, and S of hard spheres of
    2.8 Å: the molecules' centres keep their distance, their orientations are independent.

    Parameters
    ----------
    k : float [1/Å]
    """
    oxygen, hydrogen = (atomic_potential(element, k, u_iso=THERMAL) for element in ("O", "H"))
    near, far = np.sinc(2.0 * OH * k), np.sinc(2.0 * _HH * k)
    square = oxygen**2 + 2.0 * hydrogen**2 + 4.0 * oxygen * hydrogen * near + 2.0 * hydrogen**2 * far
    mean = oxygen + 2.0 * hydrogen * near
    order = hard_sphere_structure_factor(k, density=WATER_DENSITY, diameter=_HARD)
    return np.asarray(WATER_DENSITY * (square + mean**2 * (order - 1.0)))
