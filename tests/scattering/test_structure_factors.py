import numpy as np
import pytest
from scipy import fft

from atomotion.data import InputError
from atomotion.scattering import (
    ELEMENTS,
    atomic_potential,
    contrast_transfer,
    electron_form_factor,
    frequency_grid,
    lobato_form_factor,
    peng_atoms,
    project_atoms,
    wavelength,
)
from atomotion.scattering.structure_factors import structure_factors


@pytest.mark.parametrize("shape", [(16, 18), (15, 17), (16, 17)])
@pytest.mark.parametrize("path", [0.0, 0.06])
def test_the_products_are_the_sum_over_atoms(shape: tuple[int, int], path: float):
    rng = np.random.default_rng(0)
    x, y, z = 3.0 * rng.normal(size=(3, 5))
    weights = rng.uniform(0.5, 2.0, size=5)
    cosine, sine = structure_factors(
        np.stack([x, y, z], axis=1), shape=shape, pixel_size=0.5, path=path, weights=weights
    )
    ky, kx = fft.fftfreq(shape[0], 0.5)[:, None, None], fft.rfftfreq(shape[1], 0.5)[None, :, None]
    waves = weights * np.exp(-2j * np.pi * (ky * (y + shape[0] // 2 * 0.5) + kx * (x + shape[1] // 2 * 0.5)))
    angle = path * (kx**2 + ky**2) * z
    np.testing.assert_allclose(cosine, (waves * np.cos(angle)).sum(axis=-1), atol=1e-5)
    np.testing.assert_allclose(np.broadcast_to(sine, cosine.shape), (waves * np.sin(angle)).sum(axis=-1), atol=1e-5)


def test_the_projection_is_the_one_in_real_space():
    rng = np.random.default_rng(1)
    positions = rng.uniform(-8.0, 8.0, size=(30, 3))
    shape, pixel = (120, 128), 0.25
    k = frequency_grid(shape, pixel)
    factors, _ = structure_factors(positions, shape=shape, pixel_size=pixel)
    average = np.sinc(fft.fftfreq(shape[0]))[:, None] * np.sinc(fft.rfftfreq(shape[1]))
    image = fft.irfft2(factors * atomic_potential("Pt", k, u_iso=0.05) * average / pixel**2, s=shape)
    expected = project_atoms(positions, peng_atoms(["Pt"] * 30, u_iso=0.05), shape=shape, pixel_size=pixel)
    # thermal motion leaves 2 % at the Nyquist frequency of 2 1/Å; beyond it, real space folds back what is cut here
    assert np.abs(image - expected).max() < 3e-3 * expected.max()
    assert image.sum() == pytest.approx(expected.sum(), rel=1e-3)


def test_a_height_is_a_defocus():
    shape, pixel, height = (64, 64), 0.3, 25.0
    k = frequency_grid(shape, pixel)
    lens = {"voltage": 3e5, "cs": -1.1e5}
    cosine, sine = structure_factors([[1.0, -2.0, height]], shape=shape, pixel_size=pixel, path=np.pi * wavelength(3e5))
    high = contrast_transfer(k, defocus=-80.0, **lens) * cosine
    high += contrast_transfer(k, defocus=-80.0, amplitude_contrast=1.0, **lens) * sine
    flat, _ = structure_factors([[1.0, -2.0, 0.0]], shape=shape, pixel_size=pixel)
    np.testing.assert_allclose(high, contrast_transfer(k, defocus=-80.0 + height, **lens) * flat, atol=1e-4)


def test_both_tables_of_form_factors_agree():
    # at smaller angles the tables themselves differ, by 7 % for Ir at 0.2 1/Å
    k = np.linspace(0.3, 3.0, 30)
    for element in ELEMENTS:
        np.testing.assert_allclose(lobato_form_factor(element, k), electron_form_factor(element, k), rtol=0.05)
    # at large angles f k² tends to 2 Z / a0 / (8 π²) = Z / (2 π² a0), Rutherford's law
    far = lobato_form_factor("Pt", 50.0) * 50.0**2
    assert float(far) == pytest.approx(78 / (2.0 * np.pi**2 * 0.529177), rel=0.03)
    with pytest.raises(InputError, match="Xx"):
        lobato_form_factor("Xx", k)
