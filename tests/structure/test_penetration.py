import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.particles import fcc_sphere
from atomotion.structure import fit_disorder, penetration_depth, radial_depth


def ramp(seed: int, depth: float, noise: float, atoms: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.0, 11.0, atoms)
    return x, 11.4 + 1.3 * np.minimum(x - depth, 0.0) + rng.normal(scale=noise, size=atoms)


@pytest.mark.parametrize("depth", [3.0, 4.5, 6.0])
def test_planted_depth_is_found_without_noise(depth):
    x, y = ramp(0, depth, 0.0)
    found = penetration_depth(x, y, plateau=(10.0, 12.0))
    assert found.depth == pytest.approx(depth, abs=0.02)
    assert found.slope == pytest.approx(1.3, abs=0.01) and found.plateau == pytest.approx(11.4, abs=0.005)
    assert found.low <= found.depth <= found.high and found.problem == ""
    assert len(found.bin_depth) == 80


def test_depths_scatter_as_their_intervals_say():
    """Over 200 particles of 400 atoms: no bias; intervals of 95 % cover the truth nine times out of ten."""
    fits = [penetration_depth(*ramp(seed, 4.5, 1.2), plateau=(10.0, 12.0)) for seed in range(200)]
    depths = np.array([fit.depth for fit in fits])
    covered = np.mean([fit.low <= 4.5 <= fit.high for fit in fits])
    assert depths.mean() == pytest.approx(4.5, abs=3.5 * depths.std() / np.sqrt(200))
    assert 0.87 <= covered <= 0.98


def test_plateau_stays_within_its_bounds():
    x, y = ramp(0, 4.0, 0.3)
    assert penetration_depth(x, y + 2.0, plateau=(10.0, 12.0)).plateau == 12.0
    assert penetration_depth(x, y + 2.0).plateau == pytest.approx(13.4, abs=0.1)


def test_falling_measures_and_gaps():
    x, y = ramp(1, 4.0, 0.2)
    y[::50] = np.nan
    found = penetration_depth(x, -y)
    assert found.slope < 0 and found.depth == pytest.approx(4.0, abs=0.2)


def test_no_plateau_and_too_few_atoms():
    x = np.linspace(0.0, 10.0, 200)
    found = penetration_depth(x, 0.5 * x)
    assert np.isnan(found.depth) and np.isnan(found.high) and "no plateau" in found.problem
    with pytest.raises(InputError, match="at least 25 atoms with a value; there are 10"):
        penetration_depth(x[:10], x[:10])


def test_radial_depth():
    points = fcc_sphere("Pt", 20.0).positions
    depth = radial_depth(points + 5.0, largest_distance=20.0)
    np.testing.assert_allclose(depth, 10.0 - np.linalg.norm(points, axis=1))


@pytest.mark.parametrize("seed", range(5))
def test_trend_of_disorder_finds_its_curve(seed):
    """Shares with errors of 0.01 at eight sizes."""
    rng = np.random.default_rng(seed)
    d = np.linspace(13.6, 22.0, 8)
    truth = 1.0 - 0.45 * (d - 13.0) ** 0.35
    exact = fit_disorder(d, truth)
    assert (exact.amplitude, exact.exponent, exact.critical_diameter) == pytest.approx((0.45, -0.35, 13.0), rel=1e-4)
    noisy = fit_disorder(d, truth + rng.normal(scale=0.01, size=8))
    assert noisy.critical_diameter == pytest.approx(13.0, abs=max(4 * noisy.critical_diameter_error, 0.05))
    np.testing.assert_allclose(noisy.share(d), truth, atol=0.03)
    assert noisy.share(noisy.critical_diameter) == 1.0 and noisy.share(40.0) == 0.0


def test_three_states_give_the_curve_through_them():
    d, share = np.array([13.6, 18.3, 19.7]), np.array([0.7, 0.1, 0.01])
    found = fit_disorder(d, share)
    np.testing.assert_allclose(found.share(d), share, atol=1e-6)
    assert found.exponent < 0 and np.isnan(found.exponent_error)


def test_trends_that_are_none_are_refused():
    with pytest.raises(InputError, match="at least 3 diameters"):
        fit_disorder([10.0, 10.0, 12.0], [0.5, 0.5, 0.4])
    with pytest.raises(InputError, match="does not fall"):
        fit_disorder([10.0, 11.0, 12.0], [0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="less than half"):
        fit_disorder([21.5, 22.2, 22.7, 23.4, 24.0, 24.4], [0.0, 0.38, 0.0, 0.0, 0.0, 0.0])
