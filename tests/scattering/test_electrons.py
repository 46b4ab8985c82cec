import pytest

from atomotion.scattering.electrons import interaction_constant, wavelength

# Kirkland, Advanced Computing in Electron Microscopy (2010): wavelength [Å] and interaction constant [rad / (kV Å)]
TABLE = {100e3: (0.0370144, 0.924396), 200e3: (0.0250793, 0.728840), 300e3: (0.0196875, 0.652616)}


@pytest.mark.parametrize("voltage", TABLE)
def test_agrees_with_published_values(voltage: float):
    expected_wavelength, expected_constant = TABLE[voltage]
    assert wavelength(voltage) == pytest.approx(expected_wavelength, rel=1e-4)
    assert interaction_constant(voltage) * 1e3 == pytest.approx(expected_constant, rel=1e-4)
