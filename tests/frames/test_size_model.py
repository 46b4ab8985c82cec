import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.frames.rings import RING_WIDTH
from atomotion.frames.size_model import fit_size_model, thickness_profile


def test_the_profile_is_that_of_a_blurred_sphere():
    profile = thickness_profile(np.array([9.0]), blur=0.8, rings=12)[0]
    # by Monte Carlo: points of a sphere, blurred sideways, per area of a ring
    rng = np.random.default_rng(0)
    points = rng.uniform(-9, 9, (2_000_000, 3))
    points = points[(points**2).sum(axis=1) < 81.0]
    r = np.hypot(*(points[:, :2] + rng.normal(scale=0.8, size=(len(points), 2))).T)
    share = np.maximum(1 - np.abs(np.maximum(r / RING_WIDTH - 0.5, 0.0)[:, None] - np.arange(12)), 0.0).sum(axis=0)
    fine = np.linspace(0, 18, 40_000)
    area = np.maximum(1 - np.abs(np.maximum(fine / RING_WIDTH - 0.5, 0.0)[:, None] - np.arange(12)), 0.0)
    area = (area * 2 * np.pi * fine[:, None]).sum(axis=0) * (fine[1] - fine[0])
    expected = share / area * (18.0**3 / 2_000_000)
    np.testing.assert_allclose(profile, expected, atol=0.15)


@pytest.mark.parametrize("radius", [7.0, 10.0, 13.0])
def test_the_radius_comes_back_from_noisy_profiles_of_changing_strength(radius):
    rng = np.random.default_rng(1)
    rings = 15
    clean = thickness_profile(np.array([radius]), blur=0.8, rings=rings)[0]
    strength = rng.gamma(1.0, size=(400, 1))
    profiles = (
        0.01 * strength * clean + 0.05 + rng.normal(scale=0.02, size=(400, rings)) / np.sqrt(np.arange(rings) + 0.5)
    )
    model = fit_size_model(profiles, blur=0.8)
    assert model.radius(model.whitened.mean(axis=0))[0] == pytest.approx(radius, rel=0.01)
    single = model.single_diameters(0, 400)
    assert single.mean() == pytest.approx(2 * radius, rel=0.02)


def test_single_diameters_follow_a_small_change():
    rng = np.random.default_rng(2)
    small, large = thickness_profile(np.array([9.0, 9.5]), blur=0.8, rings=14)
    clean = np.concatenate([np.repeat(large[None], 200, axis=0), np.repeat(small[None], 200, axis=0)])
    profiles = 0.01 * clean + rng.normal(scale=0.01, size=clean.shape)
    single = fit_size_model(profiles, blur=0.8).single_diameters(0, 400)
    assert single[:200].mean() - single[200:].mean() == pytest.approx(1.0, rel=0.1)


def test_few_frames_are_refused():
    with pytest.raises(InputError, match="at least 20 good boxes"):
        fit_size_model(np.ones((12, 14)), blur=0.8)
