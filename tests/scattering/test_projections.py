import numpy as np
import pytest
from scipy import integrate

from atomotion.scattering.atom_gaussians import AtomGaussians, gaussian_atoms, peng_atoms
from atomotion.scattering.form_factors import electron_form_factor
from atomotion.scattering.projections import pixel_factors, project_atoms

PIXEL = 0.3


@pytest.mark.parametrize("position", [(0.0, 0.0, 0.0), (0.07, -0.113, 5.0), (1.0, 2.0, -30.0)])
def test_the_integral_does_not_depend_on_where_an_atom_lies(position: tuple[float, float, float]):
    # the narrowest Gaussian of Pt is a sixth of this pixel
    image = project_atoms([position], peng_atoms(["Pt"]), shape=(64, 65), pixel_size=PIXEL)
    # h² / (2π m e) times the forward scattering factor
    assert image.sum() * PIXEL**2 == pytest.approx(47.878 * 10.8084, rel=1e-4)


def test_the_centre_of_mass_is_where_the_atom_is():
    image = project_atoms(
        [[0.4, -0.7, 9.0]], gaussian_atoms(1, sigma=0.3), shape=(50, 40), pixel_size=PIXEL, shift=(1.0, 0.1)
    )
    y, x = np.indices(image.shape)
    assert ((x - 20) * PIXEL * image).sum() / image.sum() == pytest.approx(1.4, abs=1e-6)
    assert ((y - 25) * PIXEL * image).sum() / image.sum() == pytest.approx(-0.6, abs=1e-6)


def test_a_pixel_is_the_average_over_its_square():
    image = project_atoms([[0.1, 0.2, 0.0]], gaussian_atoms(1, sigma=0.2), shape=(9, 9), pixel_size=PIXEL)
    for row, column in ((4, 4), (5, 4), (3, 6)):
        x0, y0 = (column - 4.5) * PIXEL - 0.1, (row - 4.5) * PIXEL - 0.2
        expected, _ = integrate.dblquad(
            lambda y, x: np.exp(-(x * x + y * y) / (2 * 0.04)) / (2 * np.pi * 0.04), x0, x0 + PIXEL, y0, y0 + PIXEL
        )
        assert image[row, column] == pytest.approx(expected / PIXEL**2, rel=1e-7)


def test_the_transform_of_one_atom_is_its_form_factor():
    """47.878 f(k) times the Debye-Waller factor, times the sinc of the pixel."""
    pixel, n, u = 0.1, 256, 0.01
    image = project_atoms([[0.0, 0, 0]], peng_atoms(["Au"], u_iso=u), shape=(n, n), pixel_size=pixel)
    k = np.fft.rfftfreq(n, pixel)[:60]
    transform = np.fft.rfft2(np.fft.ifftshift(image))[0, :60].real * pixel**2
    expected = 47.878 * electron_form_factor("Au", k) * np.exp(-2 * np.pi**2 * u * k**2) * np.sinc(k * pixel)
    np.testing.assert_allclose(transform, expected, rtol=2e-3)


def test_atoms_add_up_with_their_own_widths_and_weights():
    rng = np.random.default_rng(0)
    positions = rng.normal(scale=3.0, size=(5, 3))
    elements = ["Pt", "C", "Pt", "Au", "O"]
    u = rng.uniform(0, 0.02, 5)
    together = project_atoms(positions, peng_atoms(elements, u_iso=u), shape=(48, 64), pixel_size=PIXEL)
    alone = sum(
        project_atoms(
            positions[i : i + 1], peng_atoms(elements[i : i + 1], u_iso=u[i]), shape=(48, 64), pixel_size=PIXEL
        )
        for i in range(5)
    )
    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_atoms_outside_reach_in_but_do_not_wrap():
    just_outside = (16 + 0.5) * PIXEL + 0.2
    image = project_atoms([[just_outside, 0, 0]], gaussian_atoms(1, sigma=0.4), shape=(32, 32), pixel_size=PIXEL)
    assert image[16, 31] > 0.1
    assert image[:, :20].max() == 0.0
    for far in (1e4, -1e4):
        assert project_atoms([[far, 0, 0]], gaussian_atoms(1, sigma=0.4), shape=(32, 32), pixel_size=PIXEL).max() == 0.0


def test_float32_positions_give_a_float32_image_of_the_same_values():
    positions = np.random.default_rng(1).normal(scale=3.0, size=(30, 3))
    atoms = peng_atoms(["Pt"] * 30, u_iso=0.006)
    double = project_atoms(positions, atoms, shape=(64, 64), pixel_size=PIXEL)
    single = project_atoms(positions.astype(np.float32), atoms, shape=(64, 64), pixel_size=PIXEL)
    assert single.dtype == np.float32
    assert np.abs(single - double).max() < 2e-6 * double.max()


def test_factors_agree_with_the_plain_formula():
    from scipy.special import erf

    centres, sigmas = np.array([-2.0, 0.33]), np.array([[0.5, 0.1], [0.5, 0.2]])
    factors = pixel_factors(centres, sigmas, count=40, spacing=PIXEL)
    edges = (np.arange(41) - 0.5 - 20) * PIXEL
    for term in range(2):
        for atom in range(2):
            cumulative = 0.5 * erf((edges - centres[atom]) / (np.sqrt(2) * sigmas[atom, term]))
            np.testing.assert_allclose(factors[term * 2 + atom], np.diff(cumulative) / PIXEL, atol=1e-8)


def test_no_atoms_give_an_empty_image():
    nothing = AtomGaussians(weights=np.zeros((0, 1)), sigmas=np.zeros((0, 1)))
    assert project_atoms(np.zeros((0, 3)), nothing, shape=(8, 8), pixel_size=1.0).max() == 0.0
