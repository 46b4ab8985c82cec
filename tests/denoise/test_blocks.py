"""Denoising in blocks: the same frames whatever the blocks, in bounded memory."""

import tracemalloc

import numpy as np
import pytest

from atomotion.data import InputError, UsageError
from atomotion.denoise import DenoiseConfig, NoiseScale, denoise, denoise_blocks

CONFIGS = [
    DenoiseConfig(method="gaussian"),
    DenoiseConfig(method="gaussian", sigma_frames=0.0),
    DenoiseConfig(method="tv", tv_frames=3),
    DenoiseConfig(method="spline", sigma_frames=2.0),
    DenoiseConfig(method="nlmeans", nlmeans_search_px=3),
]
SCALE = NoiseScale(sd=np.sqrt(3), mean=3.0, units_per_electron=1.0)


def movie(n: int = 11, size: int = 24) -> np.ndarray:
    return np.random.default_rng(0).poisson(3.0, (n, size, size)).astype(np.uint8)


def drift(n: int = 11) -> np.ndarray:
    return np.cumsum(np.random.default_rng(1).normal(0, 0.7, (n, 2)), axis=0)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.method}{c.sigma_frames:g}")
@pytest.mark.parametrize("path", [None, drift()], ids=["still", "drifting"])
def test_result_does_not_depend_on_the_blocks(config, path, monkeypatch):
    options = {"drift": path, "bad_frames": [4], "noise": SCALE}
    whole = denoise(movie(), config, **options)
    assert whole.dtype == np.float32
    for length in (1, 3):
        monkeypatch.setattr("atomotion.denoise.blocks._LONGEST", length)
        blocks = list(denoise_blocks(movie(), config, **options))
        assert [first for first, _ in blocks] == list(range(0, 11, length))
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), whole)
    resumed = np.concatenate([block for _, block in denoise_blocks(movie(), config, start=7, **options)])
    np.testing.assert_array_equal(resumed, whole[7:])


def test_bad_frames():
    frames = movie().astype(np.float32)
    frames[4] = 1000
    frames[8, 3, 3] = np.nan
    smooth = denoise(frames, DenoiseConfig(method="gaussian"), bad_frames=[4], noise=SCALE)
    assert np.isfinite(smooth).all()
    assert smooth.max() < 8
    alone = denoise(frames, DenoiseConfig(method="gaussian", sigma_frames=0.0), bad_frames=[4], noise=SCALE)
    np.testing.assert_array_equal(np.isnan(alone).any(axis=(1, 2)), [i in (4, 8) for i in range(11)])


def test_total_variation_over_time_follows_the_drift():
    """A bright square that moves 1.5 px a frame stays where it is in each frame, and sharp."""
    path = np.stack([1.5 * np.arange(7), np.zeros(7)], axis=1)
    y, x = np.mgrid[:40, :64]
    truth = np.array([10 + 8 * ((np.abs(x - 16 - dx) < 8) & (np.abs(y - 20) < 8)) for dx, _ in path], dtype=float)
    frames = np.random.default_rng(0).poisson(truth)
    config = DenoiseConfig(method="tv", tv_frames=5, sigma_frames=0.0, stabilise="off")
    scale = NoiseScale(sd=np.sqrt(12), mean=12.0, units_per_electron=1.0)
    followed = denoise(frames, config, drift=path, noise=scale)[3]
    blurred = denoise(frames, config, noise=scale)[3]
    inner = (slice(4, -4), slice(4, -4))
    assert np.mean((followed - truth[3])[inner] ** 2) < 0.7 * np.mean((blurred - truth[3])[inner] ** 2)


@pytest.mark.parametrize(
    "config",
    [
        DenoiseConfig(method="gaussian", memory=40e6),
        DenoiseConfig(method="tv", memory=40e6),
        DenoiseConfig(method="spline", memory=40e6),
        DenoiseConfig(method="nlmeans", nlmeans_search_px=1, memory=40e6),
    ],
    ids=lambda config: config.method,
)
@pytest.mark.parametrize("moving", [False, True])
def test_memory_is_bounded(config, moving):
    class Lazy:
        shape, dtype = (40, 512, 512), np.dtype(np.uint8)

        def __getitem__(self, key):
            return np.random.default_rng(key).integers(0, 8, (512, 512), dtype=np.uint8)

    path = 0.4 * np.ones((40, 2)).cumsum(axis=0) if moving else None
    tracemalloc.start()
    first, block = next(denoise_blocks(Lazy(), config, drift=path, noise=SCALE))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert first == 0
    assert len(block) > 1
    assert peak < config.memory


def test_frames_of_3500_pixels_fit_into_the_default_memory():
    class Shape:
        shape, dtype = (3, 3500, 3500), np.dtype(np.uint8)

        def __getitem__(self, key):
            raise KeyboardInterrupt  # reading has begun, so the memory was found to be enough

    for method in ("gaussian", "tv", "spline", "nlmeans"):
        with pytest.raises(KeyboardInterrupt):
            next(denoise_blocks(Shape(), DenoiseConfig(method=method), drift=np.zeros((3, 2)), noise=SCALE))


def test_refusals():
    with pytest.raises(UsageError, match=r"--memory 10 MB is too small .* give at least"):
        next(denoise_blocks(np.zeros((3, 2000, 2000)), DenoiseConfig(method="gaussian", memory=10e6), noise=SCALE))
    with pytest.raises(InputError, match="drift has shape"):
        next(denoise_blocks(movie(), DenoiseConfig(method="gaussian"), drift=np.zeros((3, 2))))


def test_progress():
    steps = []
    list(
        denoise_blocks(movie(), DenoiseConfig(method="gaussian"), noise=SCALE, on_step=lambda *each: steps.append(each))
    )
    assert steps[-1] == (11, 11)
