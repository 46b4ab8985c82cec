"""Drift of simulated movies whose drift is known: a dark blob with two sets of fringes in Poisson noise."""

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.track import DriftConfig, estimate_drift, shift_polygon, translate

PERIOD = 6.0


def sample(displacement, *, size=128, radius=22.0, fringes=0.2, angle=0.3, centre=(0.0, 0.0)) -> np.ndarray:
    """(size, size) transmitted intensity, the blob at the frame's middle plus `centre` plus `displacement` (x, y)."""
    y, x = np.mgrid[:size, :size] - size / 2
    x, y = x - displacement[0] - centre[0], y - displacement[1] - centre[1]
    inside = 1 / (1 + np.exp((np.hypot(x, y) - radius) / 1.5))
    waves = sum(np.cos(2 * np.pi * (x * np.cos(a) + y * np.sin(a)) / PERIOD) for a in (angle, angle + 1.23))
    return 1 - inside * (0.2 + 0.5 * fringes * waves)


def true_path(n: int, rng: np.random.Generator, jitter: float) -> np.ndarray:
    """(n, 2) a stage that drifts and turns round, with a jitter whose neighbouring frames are correlated by 0.7."""
    t = np.arange(n)
    path = np.stack([0.05 * t + 3 * np.sin(t / 32), 0.02 * t - 2 * np.cos(t / 24)], axis=1)
    shake = np.zeros((n, 2))
    for i in range(1, n):
        shake[i] = 0.7 * shake[i - 1] + rng.normal(0, jitter * np.sqrt(1 - 0.7**2), 2)
    path += shake
    return path - path[0]


def movie(path: np.ndarray, dose: float, rng: np.random.Generator, **options) -> np.ndarray:
    return np.array([rng.poisson(dose * sample(each, **options)) for each in path]).astype(np.uint8)


def rms(found, path: np.ndarray) -> float:
    """Per axis, after taking out the common displacement, which is the error of the first frame alone."""
    away = found.xy - path
    return float(np.sqrt(np.mean(np.var(away, axis=0))))


@pytest.mark.parametrize(("dose", "jitter", "limit"), [(3.0, 0.4, 0.2), (3.0, 0.1, 0.2), (1.0, 0.4, 0.33)])
def test_precision(dose, jitter, limit):
    rng = np.random.default_rng(0)
    path = true_path(150, rng, jitter)
    found = estimate_drift(movie(path, dose, rng), DriftConfig(check=False))
    assert rms(found, path) < limit
    # the model's own standard deviation is about right where the jitter limits, and not the smooth path
    if jitter == 0.4:
        assert 0.5 * rms(found, path) < found.sd_px.mean() < 1.5 * rms(found, path)
    assert np.nanmean(found.score) > 0.9


def worst(found, path: np.ndarray) -> float:
    away = found.xy - path
    return float(np.abs(away - np.median(away, axis=0)).max())


def test_precision_at_a_quarter_electron():
    """SNR 0.5 per pixel: a frame alone knows its place to 0.5 px if it knows its fringe, and its fringe hardly."""
    rng = np.random.default_rng(0)
    path = true_path(240, rng, 0.1)
    found = estimate_drift(movie(path, 0.25, rng), DriftConfig(check=False))
    assert rms(found, path) < 0.45
    assert worst(found, path) < PERIOD / 2  # on no wrong fringe


@pytest.mark.slow
def test_precision_over_many_movies():
    """Median rms 0.17 px at 3 electrons per pixel and 0.37 px at 0.25, where 1 movie of 20 slips a fringe at an end."""
    for dose, limit in ((3.0, 0.2), (0.25, 0.45)):
        errors, slipped = [], 0
        for seed in range(20):
            rng = np.random.default_rng(100 + seed)
            path = true_path(240, rng, [0.05, 0.15, 0.4][seed % 3])
            found = estimate_drift(movie(path, dose, rng), DriftConfig(check=False))
            errors.append(rms(found, path))
            slipped += worst(found, path) > PERIOD / 2
        assert np.median(errors) < limit
        assert slipped <= 2


def test_still_sample_stays_and_displacement_has_the_right_sign():
    rng = np.random.default_rng(0)
    still = estimate_drift(movie(np.zeros((100, 2)), 3.0, rng), DriftConfig(check=False))
    assert rms(still, np.zeros((100, 2))) < 0.1
    path = np.zeros((100, 2))
    path[50:] = [5.0, -3.0]
    moved = estimate_drift(movie(path, 3.0, rng), DriftConfig(check=False))
    assert moved.dx_px[60:].mean() - moved.dx_px[:40].mean() == pytest.approx(5.0, abs=0.15)
    assert moved.dy_px[60:].mean() - moved.dy_px[:40].mean() == pytest.approx(-3.0, abs=0.15)


def test_kick_of_the_stage():
    rng = np.random.default_rng(0)
    path = true_path(160, rng, 0.2)
    path[80:] += [17, -9]
    found = estimate_drift(movie(path, 1.0, rng, size=160, centre=(-10, 0)), DriftConfig(check=False))
    away = found.xy - path
    away -= np.median(away, axis=0)
    assert np.sqrt(np.mean(away**2)) < 0.5
    assert np.abs(away[:76]).max() < 2
    assert np.abs(away[84:]).max() < 2


def test_fast_drift():
    """More than a fringe in six frames, and 80 px in all."""
    t = np.arange(80)[:, None]
    path = np.hstack([1.0 * t, -0.5 * t])
    rng = np.random.default_rng(0)
    found = estimate_drift(movie(path, 3.0, rng, size=192, centre=(-40, 20)), DriftConfig(check=False))
    assert rms(found, path) < 0.25


@pytest.mark.parametrize("fault", ["gain", "hot pixels", "illumination"])
def test_what_stands_still_does_not_hold_the_sample(fault):
    rng = np.random.default_rng(1)
    path = true_path(150, rng, 0.2)
    camera = np.ones((128, 128))
    if fault == "gain":
        camera *= 1 + 0.05 * rng.normal(size=camera.shape)
    elif fault == "illumination":
        x = np.linspace(-1, 1, 128)
        camera = camera * (1 + 0.2 * x[None, :] + 0.1 * x[:, None] ** 2)
    frames = np.array([rng.poisson(3.0 * camera * sample(each)) for each in path])
    if fault == "hot pixels":
        where = rng.integers(0, 128, (25, 2))
        frames[:, where[:, 0], where[:, 1]] += rng.poisson(30, (150, 25))
    found = estimate_drift(frames, DriftConfig(check=False))
    assert rms(found, path) < 0.25


def test_lattice_all_over_the_frame_does_not_slip():
    rng = np.random.default_rng(0)
    path = true_path(150, rng, 0.2)
    x = np.arange(128)
    frames = np.array([rng.poisson(sample(p) * (1 + 0.15 * np.cos(2 * np.pi * (x - p[0]) / 7.3))) for p in path])
    found = estimate_drift(frames, DriftConfig(check=False))
    assert rms(found, path) < 0.3


def test_halves_know_the_error_and_see_through_noise():
    rng = np.random.default_rng(0)
    path = true_path(120, rng, 0.2)
    found = estimate_drift(movie(path, 3.0, rng), DriftConfig())
    assert found.is_visible
    assert 0.3 * rms(found, path) < found.error_px < 3 * rms(found, path)
    assert found.agreement > 50
    # averages of pure noise align with each other as well, which the score does not show and the halves do
    for _ in range(2):
        noise = estimate_drift(rng.poisson(1.0, (80, 64, 64)), DriftConfig())
        assert noise.agreement < 6
        assert noise.is_visible is False
    assert estimate_drift(movie(path[:20], 3.0, rng), DriftConfig(check=False)).is_visible is None


def test_bad_frames_are_interpolated_and_harm_nobody():
    rng = np.random.default_rng(0)
    path = true_path(120, rng, 0.1)
    frames = movie(path, 3.0, rng).astype(np.float32)
    frames[0] = 0
    frames[50:53] = np.nan
    frames[100] = 5 * rng.poisson(3.0, (128, 128))
    found = estimate_drift(frames, DriftConfig(check=False), bad_frames=[100])
    np.testing.assert_array_equal(np.flatnonzero(~found.good), [0, 50, 51, 52, 100])
    assert np.isnan(found.score[~found.good]).all()
    np.testing.assert_array_equal(found.xy[1], 0)
    assert rms(found, path) < 0.25
    assert np.abs(found.xy[[50, 51, 52, 100]] - (path[[50, 51, 52, 100]] - path[1])).max() < 1


def test_large_frames_are_binned_and_memory_is_bounded():
    rng = np.random.default_rng(0)
    path = true_path(60, rng, 0.1)
    frames = movie(path, 3.0, rng, size=128)
    for options in ({"config": DriftConfig(check=False, max_size_px=64)}, {"max_bytes": 60 * 9000}):
        config = options.pop("config", DriftConfig(check=False))
        # without the fringes the outline alone must do
        assert rms(estimate_drift(frames, config, **options), path) < 0.6


def test_frames_are_read_one_by_one_and_twice_at_most():
    class Counted:
        def __init__(self, frames):
            self.frames, self.reads, self.shape, self.dtype = frames, 0, frames.shape, frames.dtype

        def __getitem__(self, key):
            assert isinstance(key, int)
            self.reads += 1
            return self.frames[key]

    frames = Counted(movie(np.zeros((40, 2)), 3.0, np.random.default_rng(0), size=64, radius=12))
    steps = []
    estimate_drift(frames, DriftConfig(), on_step=lambda *each: steps.append(each))
    assert frames.reads <= 80
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


def test_refusals():
    with pytest.raises(InputError, match=r"frames \(t, y, x\)"):
        estimate_drift(np.zeros((8, 8)), DriftConfig())
    with pytest.raises(InputError, match="good"):
        estimate_drift(np.zeros((8, 64, 64)), DriftConfig())
    with pytest.raises(InputError, match="too small"):
        estimate_drift(np.random.default_rng(0).poisson(3, (8, 6, 6)), DriftConfig())


def test_translate():
    image = np.zeros((9, 9), dtype=np.float32)
    image[4, 3] = 1
    moved = translate(image, 2, -1)
    assert moved.dtype == np.float32
    assert np.unravel_index(moved.argmax(), moved.shape) == (6, 2)
    assert moved[6, 2] == pytest.approx(1, abs=1e-5)
    assert translate(image.astype(np.uint8), 0, 0).dtype == np.float32
    x = np.arange(40)
    wave = np.broadcast_to(np.cos(2 * np.pi * x / 10), (40, 40))
    there = translate(wave, 0.0, 0.4)
    np.testing.assert_allclose(
        there[:, 6:-6], np.cos(2 * np.pi * (x - 0.4) / 10)[None, 6:-6] * np.ones((40, 1)), atol=3e-3
    )
    assert np.isnan(translate(image, 3, 0, fill=np.nan)[:2]).all()
    np.testing.assert_allclose(translate(image + 5, 3, 0)[0], 5, atol=1e-4)


def test_shift_polygon_goes_with_the_content():
    polygon = [[1.0, 2.0], [5.0, 2.0], [3.0, 7.0]]
    np.testing.assert_allclose(shift_polygon(polygon, 1.5, -2.0), [[2.5, 0.0], [6.5, 0.0], [4.5, 5.0]])
