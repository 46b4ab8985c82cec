"""Each filter against what it must give."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.sparse import diags, kron
from skimage.restoration import denoise_tv_chambolle

from atomotion.denoise import gaussian, nonlocal_means, spline_smooth, total_variation


@pytest.mark.parametrize("smooth", [
    lambda frame: gaussian(frame, sigma_px=2.0),
    lambda frame: spline_smooth(frame, strength=10.0),
    lambda frame: total_variation(frame, weight=1.0),
    lambda frame: nonlocal_means(frame, strength=0.8, patch_px=5, search_px=5),
], ids=["gaussian", "spline", "tv", "nlmeans"])  # fmt: skip
def test_a_flat_frame_stays_and_noise_shrinks_without_bias(smooth):
    np.testing.assert_allclose(smooth(np.full((40, 30), 7.0, dtype=np.float32)), 7.0, rtol=1e-5)
    noise = np.random.default_rng(0).normal(0, 1, (80, 64)).astype(np.float32)
    smoothed = smooth(noise + 5)
    assert smoothed.dtype == np.float32
    assert smoothed.shape == noise.shape
    assert smoothed.std() < 0.5
    # total variation and the linear filters keep the mean of white noise
    assert smoothed.mean() == pytest.approx(5 + noise.mean(), abs=0.03)


def test_gaussian_of_a_point():
    frame = np.zeros((41, 41))
    frame[20, 20] = 1
    smooth = gaussian(frame, sigma_px=2.0)
    y, x = np.mgrid[-20:21, -20:21]
    expected = np.exp(-(x**2 + y**2) / 8) / (8 * np.pi)
    np.testing.assert_allclose(smooth, expected, atol=3e-5)
    np.testing.assert_array_equal(gaussian(frame, sigma_px=0.0), frame)


def test_spline_smoother_is_the_penalised_fit():
    """Against the minimum of sum (f - s)² + λ ∫ |grad s|² over quadratic splines, solved with matrices."""
    n, stiffness = 48, 3.0

    def symmetric(values):
        offsets = range(-len(values) + 1, len(values))
        return diags([values[abs(o)] for o in offsets], list(offsets), shape=(n, n)).toarray()

    samples = symmetric([3 / 4, 1 / 8])
    gram, slopes = symmetric([11 / 20, 13 / 60, 1 / 120]), symmetric([1.0, -1 / 3, -1 / 6])
    frame = np.zeros((n, n))
    frame[20:28, 22:30] = np.random.default_rng(0).normal(size=(8, 8))  # far from the edges, where they would differ
    fit = kron(samples, samples)
    penalty = kron(gram, slopes) + kron(slopes, gram)
    coefficients = np.linalg.solve((fit.T @ fit + stiffness * penalty).toarray(), fit.T @ frame.ravel())
    expected = (fit @ coefficients).reshape(n, n)
    np.testing.assert_allclose(spline_smooth(frame, strength=stiffness), expected, atol=2e-5)


def test_spline_smoother_at_low_frequency_is_one_over_one_plus_lambda_k_squared():
    x = np.arange(240)
    wave = np.broadcast_to(np.cos(2 * np.pi * x / 40), (64, 240))
    k = 2 * np.pi / 40
    smooth = spline_smooth(wave, strength=10.0)[32]
    inner = slice(60, -60)
    assert smooth[inner] @ wave[32][inner] / (wave[32][inner] @ wave[32][inner]) == pytest.approx(
        1 / (1 + 10 * k**2), rel=2e-3
    )
    np.testing.assert_array_equal(spline_smooth(wave, strength=0.0).round(4), wave.round(4).astype(np.float32))


def test_spline_smoother_is_linear_and_total_variation_is_not():
    """Why one must not be called by the other's name."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 48, 48)).astype(np.float32)
    sum_of = spline_smooth(one, strength=10.0) + spline_smooth(other, strength=10.0)
    np.testing.assert_allclose(spline_smooth(one + other, strength=10.0), sum_of, atol=1e-5)
    apart = total_variation(one + other, weight=1.0) - total_variation(one, weight=1.0)
    assert np.abs(apart - total_variation(other, weight=1.0)).max() > 0.05


def test_total_variation_of_a_step_by_hand():
    """Between halves of m pixels a step of height h costs w h; each half moves by w / m, and the edge stays sharp."""
    step = np.zeros((20, 12), dtype=np.float32)
    step[:, 6:] = 10
    smooth = total_variation(step, weight=3.0)
    np.testing.assert_allclose(smooth[:, :6], 0.5, atol=0.02)
    np.testing.assert_allclose(smooth[:, 6:], 9.5, atol=0.02)
    rounded = gaussian_filter(step, 1.5)
    assert np.abs(np.diff(rounded[:, :6], axis=1)).max() > 1


def energy(image: np.ndarray, values: np.ndarray, weight: float) -> float:
    image = image.astype(float)
    across = [np.diff(image, axis=axis, append=np.take(image, [-1], axis=axis)) for axis in range(image.ndim)]
    return weight * np.sqrt(np.sum(np.square(across), axis=0)).sum() + 0.5 * np.sum((image - values) ** 2)


@pytest.mark.parametrize("shape", [(64, 48), (5, 32, 32)])
@pytest.mark.parametrize("weight", [0.5, 1.5])
def test_total_variation_is_scikit_images_minimum(shape, weight):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    values[..., :20] += 2
    ours = total_variation(values, weight=weight)
    converged = denoise_tv_chambolle(values.astype(float), weight=weight, eps=0, max_num_iter=3000)
    least = energy(converged, values, weight)
    assert energy(ours, values, weight) < 1.01 * least
    assert np.sqrt(np.mean((ours - converged) ** 2)) < 0.05
    # which scikit-image's own settings do not reach at the weights in use
    if weight == 1.5:
        assert energy(denoise_tv_chambolle(values, weight=weight), values, weight) > 1.05 * least


def test_total_variation_does_less_on_what_varies_less():
    rng = np.random.default_rng(0)
    frame = rng.normal(size=(48, 48)).astype(np.float32)

    def variation(image):
        return np.abs(np.diff(image, axis=0)).sum() + np.abs(np.diff(image, axis=1)).sum()

    amounts = [variation(total_variation(frame, weight=w)) for w in (0.0, 0.2, 0.5, 1.0, 2.0)]
    assert amounts == sorted(amounts, reverse=True)


def test_nonlocal_means_keeps_what_repeats():
    """A lattice is averaged over its own periods, where any Gaussian either leaves the noise or takes the lattice."""
    rng = np.random.default_rng(0)
    x = np.arange(96)
    lattice = 2 * np.outer(np.cos(2 * np.pi * x / 8), np.cos(2 * np.pi * x / 8))
    noisy = (lattice + rng.normal(size=lattice.shape)).astype(np.float32)
    means = nonlocal_means(noisy, strength=0.4, patch_px=9, search_px=11)
    best_gaussian = min(np.mean((gaussian(noisy, sigma_px=s) - lattice) ** 2) for s in (0.5, 0.7, 0.9, 1.1, 1.5))
    assert np.mean((means - lattice) ** 2) < 0.7 * best_gaussian
