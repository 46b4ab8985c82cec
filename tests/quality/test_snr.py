"""The papers' signal-to-noise ratios, and how they are fooled."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter1d

from atomotion.data import InputError
from atomotion.quality import neighbour_snr, vacuum_snr


@pytest.fixture(scope="module")
def vacuum():
    return np.random.default_rng(0).poisson(0.2, (40, 128, 128)).astype(float)


EVERYWHERE = np.ones((128, 128), dtype=bool)


def test_published_raw_value_is_that_of_poisson_noise(vacuum):
    """0.2 electrons per pixel: 0.45, as stated for the Pt/CeO2 movies."""
    found = vacuum_snr(vacuum, EVERYWHERE)
    assert found.value == pytest.approx(np.sqrt(0.2), abs=0.005)
    assert found.low < np.sqrt(0.2) < found.high
    assert vacuum_snr(100 + 30 * vacuum, EVERYWHERE, offset=100).value == pytest.approx(found.value)


def test_vacuum_ratio_is_fooled_by_smoothing(vacuum):
    """The published gain of 36 comes from a Gaussian of 10 px: sqrt(4 pi) 10 = 35.4."""
    smooth = gaussian_filter(vacuum, (0, 10, 10), mode="wrap")
    found = vacuum_snr(smooth, EVERYWHERE)
    assert found.value / np.sqrt(0.2) == pytest.approx(35.4, rel=0.1)
    assert "smoothing alone" in found.warning


def test_vacuum_edges(vacuum):
    assert "constant" in vacuum_snr(np.ones((12, 128, 128)), EVERYWHERE).refused
    few = vacuum_snr(vacuum[:3], EVERYWHERE)
    assert few.value is not None and few.low is None and "too few frames" in few.warning
    with pytest.raises(InputError, match="vacuum has shape"):
        vacuum_snr(vacuum, EVERYWHERE[:5])


def test_two_exposures_of_one_object(vacuum):
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(1, 128, 128))
    for decibel in (-7.0, 0.0, 6.0):
        noise = rng.normal(size=(40, 128, 128)) * 10 ** (-decibel / 20)
        found = neighbour_snr(signal + noise)
        assert found.value == pytest.approx(decibel, abs=0.15)
        assert found.low - 0.1 < decibel < found.high + 0.1


def test_neighbours_are_fooled_by_a_moving_mean(vacuum):
    """Five-frame means of pure vacuum score the 6 dB that were published for means of five frames."""
    mean = uniform_filter1d(vacuum, 5, axis=0)
    assert neighbour_snr(mean).value == pytest.approx(10 * np.log10(4), abs=0.2)
    honest = neighbour_snr(mean, window=2)
    assert honest.value is None
    assert "4 raw frames that both have seen" in honest.refused
    assert "lag of 5" in honest.refused
    apart = neighbour_snr(mean, window=2, lag=5)
    assert apart.value is None or apart.value < -15


def test_neighbour_edges(vacuum):
    assert "not correlated" in neighbour_snr(np.stack([vacuum[0], -vacuum[0]] * 4)).refused
    assert "no two good frames" in neighbour_snr(vacuum[:2], bad_frames=[1]).refused
