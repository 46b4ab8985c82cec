import numpy as np
import pytest
from ase.data import atomic_numbers

from atomotion.data import InputError
from atomotion.scattering.form_factors import ELEMENTS, electron_form_factor, peng_parameters

# X-ray form factors of International Tables C, table 6.1.1.1, at s = 0.5 1/Å, in electrons
X_RAY_AT_HALF = {"C": 1.69, "O": 2.34, "Si": 6.24, "Cu": 13.7, "Ag": 24.2, "Pt": 46.3, "Au": 46.9}


def x_ray_factor(element: str, s: np.ndarray) -> np.ndarray:
    """The Mott-Bethe formula, f_e = 0.0239336 (Z - f_x) / s², solved for f_x."""
    return atomic_numbers[element] - electron_form_factor(element, 2 * s) * s**2 / 0.0239336


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_parameters_are_those_of_an_atom(element: str):
    """A wrong digit breaks the Mott-Bethe relation, which ties the table to the number of electrons."""
    s = np.linspace(0.3, 1.6, 14)
    f_x = x_ray_factor(element, s)
    assert (f_x < atomic_numbers[element]).all()
    assert (f_x > -0.05).all()
    assert (np.diff(f_x) < 0.05).all()
    # second differences of a smooth decay are small beside its fall
    assert np.abs(np.diff(f_x, 2)).max() < 0.2 * (f_x[0] - f_x[-1]) + 0.03


@pytest.mark.parametrize("element", X_RAY_AT_HALF)
def test_agrees_with_published_x_ray_factors(element: str):
    assert x_ray_factor(element, np.array(0.5)) == pytest.approx(X_RAY_AT_HALF[element], rel=0.01, abs=0.02)


def test_forward_scattering_is_the_sum_of_a():
    a, _ = peng_parameters("Pt")
    assert electron_form_factor("Pt", 0.0) == pytest.approx(a.sum())
    assert a.sum() == pytest.approx(10.8085)


def test_an_unknown_element_names_the_known_ones():
    with pytest.raises(InputError, match=r"'Xx'.*Pt"):
        electron_form_factor("Xx", 0.0)
