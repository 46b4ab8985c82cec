"""The family of Gaussian filters, and what each of them gives a pixel of its own noise."""

import numpy as np
import pytest

from atomotion.denoise import DenoiseConfig, NoiseScale, denoise, gaussian_family, gaussian_own_weight


def test_family_without_enough_frames_stays_within_the_frame():
    assert len(gaussian_family(3)) == 30
    assert {config.sigma_frames for config in gaussian_family(2)} == {0.0}
    assert len({(config.sigma_px, config.sigma_frames) for config in gaussian_family(100)}) == 30


@pytest.mark.parametrize(("sigma_px", "sigma_frames"), [(0.0, 0.0), (0.75, 0.0), (1.5, 1.0), (2.0, 2.5)])
def test_own_weight_is_what_the_filter_leaves_of_a_single_pixel(sigma_px, sigma_frames):
    config = DenoiseConfig(method="gaussian", sigma_px=sigma_px, sigma_frames=sigma_frames)
    noise = NoiseScale(sd=1.0, mean=0.0, units_per_electron=None)
    found = gaussian_own_weight(config, 12)
    for frame in range(12):
        movie = np.zeros((12, 25, 25), dtype=np.float32)
        movie[frame, 12, 12] = 1.0
        assert found[frame] == pytest.approx(denoise(movie, config, noise=noise)[frame, 12, 12], rel=1e-5)
    # both neighbours of a frame in the middle, one at the end
    assert sigma_frames == 0 or found[0] > found[6]
