"""uMSE against neighbouring frames, and motion."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter1d

from atomotion.quality import clean_change, umse_adjacent


def test_by_hand():
    raw = np.tile(np.array([0.0, 2.0, 4.0])[np.arange(24) % 3][:, None, None], (1, 32, 32))
    found = umse_adjacent(raw, np.ones_like(raw), window=0, white_frames=True)
    # neighbours (4, 2), (0, 4), (2, 0) of frames 0, 2, 4, less 1; 22 frames have both
    frames = np.arange(1, 23)
    pairs = (raw[frames + 1, 0, 0] - 1) * (raw[frames - 1, 0, 0] - 1)
    assert found.value == pytest.approx(pairs.mean()) or "moves" in found.refused
    still = umse_adjacent(np.full((24, 32, 32), 3.0), np.ones((24, 32, 32)), window=0, white_frames=True)
    assert still.value == pytest.approx(4.0)
    assert still.warning is None


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("window", [0, 2])
def test_unbiased_for_a_static_movie(small, published, window):
    truth = small.scene(1.0, moving=False)
    values, errors = [], []
    for seed in range(30):
        raw = np.random.default_rng(seed).poisson(truth).astype(float)
        denoised = gaussian_filter(raw, (0.3 * window, 1.5, 1.5), radius=(window, 6, 6))
        found = umse_adjacent(raw, denoised, window=window, white_frames=True, published=published)
        if found.refused is None:
            values.append(found.value)
            last = -window - 1 - published
            errors.append(np.mean((denoised - truth)[window + 1 : last] ** 2))
    assert len(values) > 25
    difference = np.array(values) - errors
    error = difference.std() / np.sqrt(len(values))
    assert abs(difference.mean()) < 3 * error
    assert error < 0.1 * np.mean(errors)


def test_reference_inside_the_window_is_refused_for_a_reason(small):
    truth = small.scene(1.0, moving=False)
    raw = np.random.default_rng(0).poisson(truth).astype(float)
    denoised = gaussian_filter(uniform_filter1d(raw, 5, axis=0), (0, 1.5, 1.5))
    found = umse_adjacent(raw, denoised, window=2, distance=1, white_frames=True)
    assert found.value is None
    assert "within the 2 frames on each side that the denoiser saw" in found.refused
    # not refused where the caller hides the window, and then wrong
    hidden = umse_adjacent(raw, denoised, window=0, white_frames=True)
    right = umse_adjacent(raw, denoised, window=2, white_frames=True)
    assert hidden.refused is not None or hidden.high < np.mean((denoised - truth) ** 2)
    assert right.low < np.mean((denoised - truth)[3:-3] ** 2) < right.high


def test_other_refusals(small):
    raw = np.random.default_rng(0).poisson(small.scene(1.0)).astype(float)
    assert "frames is correlated" in umse_adjacent(raw, raw, window=0, white_frames=False).refused
    assert "need at least 27" in umse_adjacent(raw, raw, window=12, white_frames=True).refused
    assert "was not given" in umse_adjacent(raw, small.gaussian(raw, (0, 2, 2)), window=0).warning


def test_change_of_a_steady_motion_is_found(small):
    truth = small.scene(20.0, shape=(48, 48, 48))
    for distance in (1, 2):
        found = np.array(
            [
                clean_change(np.random.default_rng(seed).poisson(truth).astype(float), distance=distance).value
                for seed in range(20)
            ]
        )
        expected = np.mean((truth[distance:] - truth[:-distance]) ** 2)
        # what 7-px fringes that move 1 px leave of a straight line is less than a tenth
        assert found.mean() == pytest.approx(expected, rel=0.1, abs=3 * found.std() / np.sqrt(20))


def test_motion_is_said_or_refused(small):
    """The same motion: small beside the error of a poor denoiser, more than that of a good one."""
    truth = small.scene(60.0, shape=(48, 48, 48))
    raw = np.random.default_rng(0).poisson(truth).astype(float)
    poor = umse_adjacent(raw, gaussian_filter(raw, (0, 1, 1)), window=0, white_frames=True)
    assert "the sample moves" in poor.warning
    good = umse_adjacent(raw, truth, window=2, white_frames=True)
    assert good.value is None
    assert "the sample moves" in good.refused


def test_bad_frames_are_no_references(small):
    raw = np.random.default_rng(0).poisson(small.scene(1.0, moving=False)).astype(float)
    denoised = gaussian_filter(raw, (0, 1.5, 1.5))
    raw[10] = 1e6
    found = umse_adjacent(raw, denoised, window=0, white_frames=True, bad_frames=[10])
    assert found.value is not None and found.value < 1
    # and the caller's own frames are as they were
    assert (raw[10] == 1e6).all()
