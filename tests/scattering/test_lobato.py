"""The table of Lobato and Van Dyck against what ties it to the nucleus, to hydrogen, and to another table."""

import numpy as np
import pytest
from ase.data import atomic_numbers
from scipy.constants import physical_constants

from atomotion.scattering.form_factors import ELEMENTS, electron_form_factor
from atomotion.scattering.lobato import lobato_form_factor

BOHR = physical_constants["Bohr radius"][0] * 1e10  # Å
# Iridium's outer electrons differ between the tables: 7 % here, and 10 % at k = 0
FURTHER_FROM_PENG = {"Ir": 0.08}


def x_ray_factor(element: str, k: np.ndarray) -> np.ndarray:
    """Mott and Bethe: ``f = (Z - f_x) / (2 π² a₀ k²)``, solved for f_x."""
    return atomic_numbers[element] - 2 * np.pi**2 * BOHR * k**2 * lobato_form_factor(element, k)


@pytest.mark.parametrize("element", ELEMENTS)
def test_far_out_only_the_nucleus_scatters(element: str):
    """``f k² → Σ a / b = Z / (2 π² a₀)``: the fit was bound to it, so a wrong digit of any a or b breaks it."""
    far = np.array([3e6])
    assert abs(x_ray_factor(element, far)[0]) < 3e-6 * atomic_numbers[element]


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_cloud_has_all_electrons_and_thins_outwards(element: str):
    k = np.linspace(0.0, 12.0, 241)
    cloud = x_ray_factor(element, k)
    assert cloud[0] == atomic_numbers[element]
    assert (np.diff(cloud) < 0.0).all()
    assert (cloud > -1e-3).all()


@pytest.mark.parametrize("element", ELEMENTS)
def test_agrees_with_peng_where_lattices_scatter(element: str):
    """Two fits of different shape to calculations of the same atoms; 3.4 % is the most, for Ce."""
    k = np.linspace(0.2, 2.0, 37)
    limit = FURTHER_FROM_PENG.get(element, 0.035)
    np.testing.assert_allclose(lobato_form_factor(element, k), electron_form_factor(element, k), rtol=limit)


def test_hydrogen_is_the_exact_atom():
    """``f_x = (1 + (π a₀ k)²)⁻²`` of the 1s orbital, and ``f(0) = a₀``."""
    k = np.linspace(0.01, 3.0, 60)
    np.testing.assert_allclose(x_ray_factor("H", k), (1 + (np.pi * BOHR * k) ** 2) ** -2.0, atol=3e-4)
    assert lobato_form_factor("H", 0.0) == pytest.approx(BOHR, rel=1e-3)
