"""Noise measured on movies whose noise is known, and on a measured movie."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from atomotion.data import InputError
from atomotion.noise import NoiseConfig, measure_noise


def fringed_blob(frame: int, *, drift: float, size: int = 256) -> np.ndarray:
    """A dark blob with fringes (period 6 px), displaced by `drift` px a frame."""
    x = np.arange(size) - size / 2
    xx, yy = np.meshgrid(x - 0.5 * drift * frame, x - drift * frame)
    return 1 - 0.3 * np.exp(-(xx**2 + yy**2) / 2 / 30**2) * (1 + np.cos(2 * np.pi * xx / 6))


@pytest.mark.parametrize("dose", [0.25, 3.0])
@pytest.mark.parametrize("units", [1, 30])
def test_vacuum_gives_units_per_electron_inside_its_interval(dose, units):
    inside = 0
    for seed in range(10):
        movie = units * np.random.default_rng(seed).poisson(dose, (24, 128, 128))
        found = measure_noise(movie, vacuum_mask=np.ones((128, 128), bool))
        low, high = found.units_per_electron_interval
        inside += low <= units <= high
        # 24 x 128² pixels know a variance to 0.5 %
        assert found.units_per_electron == pytest.approx(units, rel=0.02)
        assert found.electrons_per_pixel == pytest.approx(dose, rel=0.02)
        assert found.vacuum_snr == pytest.approx(np.sqrt(dose), rel=0.02)
        assert found.is_white_pixels
        assert found.is_white_frames
    assert inside >= 7  # a 95 % interval holds the truth in fewer than 7 of 10 with probability 0.001


def test_contrast_gives_the_offset():
    x = np.linspace(-1, 1, 256)
    sample = 2 - 1.2 * (np.add.outer(x**2, x**2) < 0.3)
    inside = 0
    for seed in range(6):
        movie = (100 + 30 * np.random.default_rng(seed).poisson(sample, (40, 256, 256))).astype(np.uint16)
        found = measure_noise(movie)
        assert found.is_poisson
        # standard error of slope and offset: 0.13 and 0.2 of these, measured over 30 seeds
        assert found.units_per_electron == pytest.approx(30, abs=0.4)
        assert found.offset == pytest.approx(100, abs=0.6)
        assert found.electrons_per_pixel == pytest.approx(sample.mean(), rel=0.02)
        inside += found.offset_interval[0] < 100 < found.offset_interval[1]
    assert inside >= 4


def test_constant_noise_is_not_poisson():
    x = np.linspace(-1, 1, 256)
    sample = 2 - 1.2 * (np.add.outer(x**2, x**2) < 0.3)
    movie = np.random.default_rng(0).normal(sample, 1.0, (40, 256, 256)).astype(np.float32)
    found = measure_noise(movie)
    assert found.is_poisson is False
    assert found.units_per_electron is None
    assert any("thinning" in sentence for sentence in found.warnings)


def test_normalised_movie_has_no_units_per_electron():
    counts = np.random.default_rng(0).poisson(3, (20, 128, 128))
    found = measure_noise((counts - 3 - 1e-3) / 1.7)
    assert found.units_per_electron is None
    assert any("thinning" in sentence for sentence in found.warnings)


def test_white_noise_does_not_depend_on_the_sample_moving():
    """A fringed blob that drifts must not look like correlated noise, nor add to the gain."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        movie = np.array([rng.poisson(3 * fringed_blob(t, drift=0.3)) for t in range(48)])
        found = measure_noise(movie)
        assert found.is_white_pixels
        assert found.is_white_frames
        assert found.units_per_electron == pytest.approx(1, abs=0.01)
        assert any("changes within a few frames" in sentence for sentence in found.warnings)


def test_lattice_that_fills_the_frame_and_drifts():
    rng = np.random.default_rng(0)
    x = np.arange(128)
    movie = np.array(
        [
            rng.poisson(3 * np.broadcast_to(1 + 0.3 * np.cos(2 * np.pi * (x - 0.3 * t) / 6), (128, 128)))
            for t in range(48)
        ]
    )
    found = measure_noise(movie)
    # plain differences would give 1 + 3 * 0.045 * (1 - cos(0.3 * 2 pi / 6)) = 1.007 at lag 1 and 1.13 at lag 7
    assert found.units_per_electron == pytest.approx(1, abs=0.015)
    assert found.is_white_frames
    assert any("no part of the frame is free" in sentence for sentence in found.warnings)


@pytest.mark.parametrize("sigma", [0.4, 0.6])
def test_pixel_correlation_of_blurred_noise(sigma):
    counts = np.random.default_rng(0).poisson(3, (24, 256, 256)).astype(np.float32)
    found = measure_noise(gaussian_filter(counts, (0, sigma, sigma)))
    kernel = np.zeros(15)
    kernel[7] = 1
    kernel = gaussian_filter(kernel, sigma)
    correlation = np.correlate(kernel, kernel, "full")[14:] / (kernel @ kernel)
    assert found.pixel_lag1_x == pytest.approx(correlation[1], abs=0.005)
    assert found.pixel_lag1_y == pytest.approx(correlation[1], abs=0.005)
    assert found.pixel_correlation[3 + 2, 3 - 1] == pytest.approx(correlation[2] * correlation[1], abs=0.005)
    assert found.is_white_pixels is False
    assert found.is_white_frames
    assert any("blind-spot" in sentence for sentence in found.warnings)


def test_frame_correlation_of_a_camera_with_afterglow():
    counts = np.random.default_rng(0).poisson(3, (64, 128, 128)).astype(np.float32)
    movie = counts.copy()
    for t in range(1, len(movie)):
        movie[t] = 0.8 * counts[t] + 0.2 * movie[t - 1]
    movie = movie[5:]
    found = measure_noise(movie, vacuum_mask=np.ones((128, 128), bool))
    np.testing.assert_allclose(found.frame_correlation, [0.2, 0.04, 0.008], atol=0.012)
    assert found.is_white_frames is False
    assert any("uPSNR" in sentence for sentence in found.warnings)
    # the variance is that of a frame, 0.8² / (1 - 0.2²), though neighbouring frames share part of it
    assert found.units_per_electron == pytest.approx(0.8**2 / (1 - 0.2**2), rel=0.02)


def test_flicker_is_no_correlation_of_noise():
    rng = np.random.default_rng(0)
    beam = 1 + 0.03 * rng.normal(size=60)
    found = measure_noise(rng.poisson(3 * beam[:, None, None], (60, 128, 128)))
    assert found.flicker == pytest.approx(0.03, rel=0.3)
    assert found.is_white_frames
    assert found.is_white_pixels
    assert any("flickers" in sentence for sentence in found.warnings)


def test_fixed_pattern_and_hot_pixels_are_not_noise():
    rng = np.random.default_rng(0)
    pattern = 10 * (1 + 0.05 * rng.normal(size=(128, 128)))
    pattern[::40, ::40] = 1000
    found = measure_noise(rng.poisson(pattern, (40, 128, 128)))
    assert found.is_white_pixels
    assert found.is_white_frames
    # the hot pixels are 16 of 16,384 and have a hundred times the variance and the mean of the others
    assert found.units_per_electron == pytest.approx(1, abs=0.03)


def test_short_movies_say_what_they_do_not_know():
    counts = np.random.default_rng(0).poisson(3, (2, 128, 128))
    found = measure_noise(counts)
    assert np.isnan(found.frame_lag1)
    assert found.is_white_frames is None
    assert any("too short" in sentence for sentence in found.warnings)
    with pytest.raises(InputError, match="at least two frames"):
        measure_noise(counts[:1])
    with pytest.raises(InputError, match="too small"):
        measure_noise(counts, vacuum_mask=np.eye(128, dtype=bool))


def test_units_scale_and_correlations_do_not():
    counts = np.random.default_rng(3).poisson(2.0, (24, 96, 96))
    one, many = measure_noise(counts), measure_noise(17 * counts)
    assert many.units_per_electron == pytest.approx(17 * one.units_per_electron, rel=1e-5)
    np.testing.assert_allclose(many.pixel_correlation, one.pixel_correlation, atol=1e-5)
    np.testing.assert_allclose(many.frame_correlation, one.frame_correlation, atol=1e-5)


class CountedReads:
    """Frames that note how many are held in one read."""

    def __init__(self, frames: np.ndarray) -> None:
        self.frames, self.largest, self.reads = frames, 0, 0
        self.shape, self.dtype = frames.shape, frames.dtype

    def __getitem__(self, key):
        result = self.frames[key]
        self.largest = max(self.largest, 1 if result.ndim == 2 else len(result))
        self.reads += 1
        return result


def test_a_long_movie_is_sampled_frame_by_frame():
    frames = CountedReads(np.random.default_rng(0).poisson(3, (300, 64, 64)).astype(np.uint8))
    steps = []
    found = measure_noise(
        frames, config=NoiseConfig(max_frames=32, max_pixels=4096), on_step=lambda *each: steps.append(each)
    )
    assert frames.largest == 1
    assert frames.reads == 300 + 32
    assert found.frames_used == 32
    assert found.pixels_used <= 4096
    assert steps[-1] == (332, 332)
    assert steps == sorted(steps)


def test_measured_movie(data_dir):
    """A counting camera: about 32.6 units per electron, 3 electrons per pixel, white; the first frame differs."""
    movie = np.load(data_dir / "pt_ceo2_movie" / "movie.npz")
    vacuum = measure_noise(movie["vacuum"], vacuum_mask=np.ones(movie["vacuum"].shape[1:], bool))
    assert vacuum.units_per_electron == pytest.approx(32.6, rel=0.015)
    assert vacuum.electrons_per_pixel == pytest.approx(3.05, rel=0.015)
    assert vacuum.pixel_lag1 == pytest.approx(-0.009, abs=0.002)
    assert vacuum.frame_lag1 == pytest.approx(0, abs=0.003)
    assert vacuum.is_white_pixels
    assert vacuum.is_white_frames
    assert vacuum.vacuum_snr == pytest.approx(np.sqrt(3.05), rel=0.02)
    assert [each.index for each in vacuum.outlier_frames] == [0]
    # without a vacuum, from the particle's own surroundings, the same detector must come out
    particle = measure_noise(movie["particle"])
    assert particle.units_per_electron == pytest.approx(vacuum.units_per_electron, rel=0.015)
    assert particle.is_white_pixels
    assert particle.is_white_frames
    assert [each.index for each in particle.outlier_frames] == [0]
