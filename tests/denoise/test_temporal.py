"""Averages over time, along the drift, in each frame's own geometry."""

import numpy as np
import pytest
from scipy.ndimage import shift, spline_filter

from atomotion.denoise.temporal import brought, moved_frame, time_averages, time_reach, usual_spread


def gaussian_weights(sigma: float) -> np.ndarray:
    reach = time_reach(sigma)
    return np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)


def test_weights_by_hand():
    frames = np.zeros((9, 4, 5))
    frames[4] = 1.0
    averages, spread = time_averages(frames, 0, 9, 1.0, drift=None, bad_frames=())
    weights = gaussian_weights(1.0)
    assert averages.dtype == np.float32
    np.testing.assert_allclose(averages[4, 2, 2], 1 / weights.sum(), rtol=1e-6)
    np.testing.assert_allclose(averages[2, 2, 2], weights[1] / weights[1:].sum(), rtol=1e-6)  # t = -1 is outside
    np.testing.assert_array_equal(averages[0], 0)  # four frames away
    assert spread[4] == pytest.approx(np.sum(weights**2) / weights.sum() ** 2)
    assert usual_spread(1.0) == pytest.approx(spread[4])
    assert usual_spread(0.0) == 1.0


def test_spread_is_the_variance_that_is_left():
    noise = np.random.default_rng(0).normal(size=(41, 100, 100))
    averages, spread = time_averages(noise, 0, 41, 1.5, drift=None, bad_frames=[7])
    np.testing.assert_allclose(averages.var(axis=(1, 2)), spread, rtol=0.06)


def test_bad_frames_enter_nothing_and_take_their_neighbours_average():
    frames = np.full((7, 4, 4), 2.0)
    frames[3] = 1e6
    frames[5, 0, 0] = np.nan
    averages, _ = time_averages(frames, 0, 7, 1.0, drift=None, bad_frames=[3])
    np.testing.assert_allclose(averages, 2.0, rtol=1e-6)
    alone, spread = time_averages(frames, 0, 7, 0.0, drift=None, bad_frames=[3])
    assert np.isnan(alone[[3, 5]]).all()
    assert np.isnan(spread[[3, 5]]).all()
    np.testing.assert_array_equal(alone[[0, 1, 2, 4, 6]], frames[[0, 1, 2, 4, 6]])


@pytest.mark.parametrize("by", [(0.3, 1.7), (-2.4, 0.0), (3.0, -1.0), (-0.6, -0.4)])
def test_moved_frame_is_scipys_cubic_shift(by):
    frame = np.random.default_rng(0).normal(size=(20, 24)).astype(np.float32)
    coefficients = np.asarray(spline_filter(frame, order=3, output=np.float32, mode="mirror"))
    moved, place = moved_frame(frame, coefficients, *by)
    expected = shift(frame, by, order=3, mode="constant", cval=np.nan)
    whole = np.full(frame.shape, np.nan)
    whole[place] = moved
    np.testing.assert_array_equal(np.isnan(whole), np.isnan(expected))
    # at the border scipy's spline and this one continue the image differently by what one pixel knows
    np.testing.assert_allclose(whole[5:-5, 5:-5], expected[5:-5, 5:-5], atol=2e-5)


def test_moved_out_of_sight():
    frame = np.ones((8, 8), dtype=np.float32)
    moved, place = moved_frame(frame, frame, 20.0, 0.0)
    assert moved.size == 0
    assert frame[place].size == 0
    np.testing.assert_allclose(brought(frame, 20.0, 0.0), 1.0)


def test_content_is_followed_and_stays_in_place():
    """A pattern that moves: with the drift given, each average is the frame itself, where it lies."""
    drift = np.cumsum(np.random.default_rng(0).normal(0, 1, (9, 2)), axis=0)
    y, x = np.mgrid[:48, :48]
    frames = np.array(
        [np.sin(2 * np.pi * (x - dx) / 12) + np.cos(2 * np.pi * (y - dy) / 15) for dx, dy in drift], dtype=np.float32
    )
    followed, _ = time_averages(frames, 0, 9, 1.0, drift=drift, bad_frames=())
    blurred, _ = time_averages(frames, 0, 9, 1.0, drift=None, bad_frames=())
    inside = (slice(None), slice(12, -12), slice(12, -12))
    assert np.abs(followed - frames)[inside].max() < 0.01
    assert np.abs(blurred - frames)[inside].max() > 0.3


def test_what_a_neighbour_does_not_cover_does_not_count():
    frames = np.stack([np.full((20, 20), 1.0), np.full((20, 20), 3.0)])
    drift = np.array([[0.0, 0.0], [6.0, 0.0]])
    averages, _ = time_averages(frames, 0, 1, 1.0, drift=drift, bad_frames=())
    weight = np.exp(-0.5)
    # brought back by 6 px, the second frame covers x = 0..13 of the first
    np.testing.assert_allclose(averages[0, :, :14], (1 + 3 * weight) / (1 + weight), rtol=1e-5)
    np.testing.assert_allclose(averages[0, :, 14:], 1.0, rtol=1e-6)
