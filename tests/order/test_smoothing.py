"""The fast Gaussian gives scipy's numbers, bit by bit."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from atomotion.order.smoothing import gaussian


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sigma", [0.5, 2.0, 3.3])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 7), (64, 3), (50, 71)])
def test_is_scipys(shape, sigma, dtype):
    frame = np.random.default_rng(0).normal(size=shape).astype(dtype)
    expected = gaussian_filter(frame, sigma, mode="nearest", truncate=4.0)
    result = gaussian(frame, sigma)
    assert result.dtype == dtype
    # the same sums in the same order; a compiler may fuse a product and a sum
    np.testing.assert_allclose(result, expected, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


def test_takes_any_layout():
    frame = np.random.default_rng(0).normal(size=(30, 40))
    np.testing.assert_array_equal(gaussian(frame.T, 2.0), gaussian(np.ascontiguousarray(frame.T), 2.0))


def test_a_flat_frame_stays_flat():
    np.testing.assert_allclose(gaussian(np.full((9, 9), 3.0), 2.0), 3.0, rtol=1e-14)
