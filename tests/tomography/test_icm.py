"""The prior on neighbouring voxels: its minimum, what it does to noise, and what it leaves alone."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from atomotion.data import InputError, UsageError
from atomotion.particles import cuboctahedron
from atomotion.scattering import density_of_atoms, peng_atoms
from atomotion.tomography.icm import conditional_mode, regularise_halves

SIZE, SHAPE = 0.358, (44, 46, 48)
INSIDE = (slice(10, 36),) * 3


def halves(snr, seed=0, *, uneven=False):
    rng = np.random.default_rng(seed)
    positions = cuboctahedron("Pt", 2).positions
    truth = density_of_atoms(positions, peng_atoms(["Pt"] * 55, u_iso=0.1), shape=SHAPE, voxel_size=SIZE).values
    sd = truth[INSIDE].std() / snr
    noise = rng.normal(scale=sd, size=(2, *SHAPE))
    if uneven:
        noise *= np.linspace(0.2, 1.8, SHAPE[0])[:, None, None]
    return truth, truth + noise[0], truth + noise[1]


def error(found, truth):
    return float(np.sqrt(np.mean((found - truth)[INSIDE] ** 2)) / truth[INSIDE].std())


def test_the_closed_form_is_the_minimum_of_the_energy():
    rng = np.random.default_rng(0)
    observed, around, noise = rng.normal(size=(3, 5, 5, 5))
    noise = 0.2 + noise**2
    best = conditional_mode(observed, around, noise, 0.7)
    z, y, x = 2, 3, 1
    six = [around[z + dz, y + dy, x + dx] for dz, dy, dx in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)])]

    def energy(value):
        return (observed[z, y, x] - value) ** 2 / (2 * noise[z, y, x]) + 0.7 * sum((value - each) ** 2 for each in six)

    tried = np.linspace(best[z, y, x] - 2.0, best[z, y, x] + 2.0, 4001)
    assert tried[np.argmin([energy(value) for value in tried])] == pytest.approx(best[z, y, x], abs=1e-3)


@pytest.mark.parametrize("snr", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_measured_prior_never_makes_a_map_worse(snr, seed):
    truth, a, b = halves(snr, seed)
    found = regularise_halves(a, b)
    for raw, better in ((a, found.half1), (b, found.half2)):
        assert error(better, truth) < (0.85 if snr > 2 else 0.6) * error(raw, truth)
    assert np.median(found.noise_sd) == pytest.approx(truth[INSIDE].std() / snr, rel=0.05)


def test_the_published_prior_smooths_by_the_same_amount_whatever_the_noise():
    truth, a, b = halves(1.0)
    assert error(regularise_halves(a, b, scaling="published").half1, truth) < 0.7 * error(a, truth)
    truth, a, b = halves(20.0)
    assert error(regularise_halves(a, b, scaling="published").half1, truth) > 5.0 * error(a, truth)
    assert error(regularise_halves(a, b).half1, truth) < 1.05 * error(a, truth)


def test_smoothing_follows_the_local_noise():
    truth, a, b = halves(1.0, uneven=True)
    found = regularise_halves(a, b)
    quiet, loud = found.noise_sd[3:8].mean(), found.noise_sd[-8:-3].mean()
    assert loud / quiet == pytest.approx(np.linspace(0.2, 1.8, SHAPE[0])[-8:-3].mean() / 0.37, rel=0.2)
    kept = [np.std((found.half1 - a)[part]) / np.std((a - truth)[part]) for part in (slice(3, 8), slice(-8, -3))]
    assert kept[0] < kept[1]


def test_halves_are_regularised_one_without_the_other():
    _, a, b = halves(1.0)
    first = regularise_halves(a, b, strength=1e-4)
    # the same difference in absolute value: the noise is the same, the other half is another
    moved = 2.0 * a - b
    second = regularise_halves(a, moved, strength=1e-4)
    np.testing.assert_allclose(first.half1, second.half1)
    assert np.corrcoef(first.half1[INSIDE].ravel(), first.half2[INSIDE].ravel())[0, 1] < 1.0


@pytest.mark.parametrize("scaling", ["measured", "published"])
def test_the_map_s_unit_does_not_matter(scaling):
    _, a, b = halves(1.0)
    plain = regularise_halves(a, b, scaling=scaling)
    scaled = regularise_halves(1e-3 * a + 7.0, 1e-3 * b + 7.0, scaling=scaling)
    np.testing.assert_allclose(1e3 * (scaled.half1 - 7.0), plain.half1, atol=1e-6 * np.ptp(a))


def test_no_strength_leaves_the_map_and_much_is_a_random_walk():
    _, a, b = halves(1.0)
    np.testing.assert_allclose(regularise_halves(a, b, strength=0.0).half1, a)
    # a mean of six neighbours is a step of a random walk, of variance 1/3 along each axis
    smooth = regularise_halves(a, b, strength=1e6, sweeps=27).half1
    assert np.corrcoef(smooth.ravel(), gaussian_filter(a, 3.0, mode="nearest").ravel())[0, 1] > 0.99


def test_what_is_no_pair_of_halves():
    _, a, b = halves(1.0)
    with pytest.raises(InputError, match="equal"):
        regularise_halves(a, a)
    with pytest.raises(InputError, match="do not belong together"):
        regularise_halves(a, b[1:])
    with pytest.raises(InputError, match="empty"):
        regularise_halves(np.zeros(SHAPE), b)
    with pytest.raises(InputError, match="not finite"):
        regularise_halves(np.where(a > a.mean(), np.nan, a), b)
    with pytest.raises(UsageError, match="unknown scaling"):
        regularise_halves(a, b, scaling="other")
    with pytest.raises(UsageError, match="must not be negative"):
        regularise_halves(a, b, strength=-1.0)
