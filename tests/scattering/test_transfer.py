import numpy as np
import pytest

from atomotion.scattering.atom_gaussians import peng_atoms
from atomotion.scattering.electrons import interaction_constant, wavelength
from atomotion.scattering.projections import project_atoms
from atomotion.scattering.transfer import contrast_transfer, frequency_grid, weak_phase_contrast


def single_atom() -> np.ndarray:
    return project_atoms([[0.0, 0, 0]], peng_atoms(["Pt"], u_iso=0.005), shape=(96, 96), pixel_size=0.2)


def test_underfocus_makes_an_atom_dark_and_overfocus_bright():
    lens = {"pixel_size": 0.2, "voltage": 300e3, "focal_spread": 25.0}
    dark = weak_phase_contrast(single_atom(), defocus=60.0, cs=5e4, **lens)
    bright = weak_phase_contrast(single_atom(), defocus=-60.0, cs=-5e4, **lens)
    assert dark[48, 48] == dark.min() < -0.1
    assert bright[48, 48] == bright.max() > 0.1
    np.testing.assert_allclose(bright, -dark, atol=1e-12)


def test_scherzer_focus_passes_a_broad_band():
    voltage, cs = 200e3, 1.2e7
    scherzer = 1.2 * np.sqrt(cs * wavelength(voltage))
    resolution = 0.64 * (cs * wavelength(voltage) ** 3) ** 0.25  # published: first zero of the transfer
    k = np.linspace(0.3, 0.95, 40) / resolution
    transfer = contrast_transfer(k, voltage=voltage, cs=cs, defocus=scherzer)
    assert (transfer < 0).all()
    assert transfer.min() < -0.9
    beyond = contrast_transfer(np.array(1.03 / resolution), voltage=voltage, cs=cs, defocus=scherzer)
    assert beyond > 0


def test_known_values_and_envelope():
    k = np.array([0.0, 0.5])
    chi = -np.pi * wavelength(300e3) * 100.0 * 0.25
    assert contrast_transfer(k, voltage=300e3, defocus=100.0) == pytest.approx([0.0, np.sin(chi)])
    damped = contrast_transfer(k, voltage=300e3, defocus=100.0, focal_spread=30.0)
    assert damped[1] == pytest.approx(np.sin(chi) * np.exp(-0.5 * (np.pi * wavelength(300e3) * 30.0 * 0.25) ** 2))
    absorbing = contrast_transfer(k, voltage=300e3, amplitude_contrast=0.1)
    assert absorbing == pytest.approx([-0.1, -0.1])


def test_the_image_is_twice_the_phase_times_the_transfer_at_every_frequency():
    n, pixel, period = 64, 0.25, 8
    phase = 0.01 * np.cos(2 * np.pi * np.arange(n) / period)[None, :] * np.ones((n, 1))
    contrast = weak_phase_contrast(phase / interaction_constant(3e5), pixel_size=pixel, voltage=3e5, defocus=60.0)
    transfer = contrast_transfer(np.array(1 / (period * pixel)), voltage=3e5, defocus=60.0)
    np.testing.assert_allclose(contrast, 2 * transfer * phase, atol=1e-12)


def test_a_weak_wave_through_the_lens_agrees():
    """The intensity of exp(i σ V) through the full aberration function, for a weak object."""
    potential = 1e-3 * single_atom()
    n, pixel = 96, 0.2
    fy, fx = np.fft.fftfreq(n, pixel), np.fft.fftfreq(n, pixel)
    k2 = fy[:, None] ** 2 + fx**2
    lam, cs, defocus = wavelength(3e5), 5e4, 70.0
    chi = -np.pi * lam * defocus * k2 + 0.5 * np.pi * cs * lam**3 * k2**2
    wave = np.fft.ifft2(np.fft.fft2(np.exp(1j * interaction_constant(3e5) * potential)) * np.exp(-1j * chi))
    expected = np.abs(wave) ** 2 - 1
    found = weak_phase_contrast(potential, pixel_size=pixel, voltage=3e5, cs=cs, defocus=defocus)
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()


def test_frequencies_and_type():
    k = frequency_grid((4, 6), 0.5)
    assert k.shape == (4, 4)
    assert k[0, 1] == pytest.approx(1 / 3)
    assert k[1, 0] == pytest.approx(0.5)
    image = weak_phase_contrast(single_atom().astype(np.float32), pixel_size=0.2, voltage=3e5, defocus=50.0)
    assert image.dtype == np.float32
