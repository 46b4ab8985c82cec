"""Prediction in tiles: no seams, any size of frame, few frames, bounded memory, bad frames left out."""

import numpy as np
import pytest
import torch

from atomotion.data import UsageError
from atomotion.denoise.networks import BlindSpot, Hybrid, Network, Udvd, UNet
from atomotion.denoise.training import measure_scale, predict_blocks
from atomotion.denoise.training.window import NO_FRAME, window_indices


def network(kind: str) -> Network:
    torch.manual_seed(0)
    made = {
        "hybrid": lambda: Hybrid(window=3, width=4, middle_width=4, layers=2),
        "udvd": lambda: Udvd(window=1, width=4),
        "blindspot": lambda: BlindSpot(window=3, width=4, blocks=3),
        "unet": lambda: UNet(window=3, width=4),
    }[kind]()
    return made.eval()


def predicted(made: Network, frames: np.ndarray, **options) -> np.ndarray:
    scale = measure_scale(frames)
    blocks = [block for _, block in predict_blocks(made, made, frames, scale, **options)]
    return np.concatenate(blocks)[:, 0]


@pytest.mark.parametrize("kind", ["hybrid", "udvd", "blindspot", "unet"])
@pytest.mark.parametrize("shape", [(3, 96, 96), (2, 61, 117)])
def test_tiles_equal_the_whole_frame(kind, shape):
    frames = np.random.default_rng(0).poisson(2.0, shape).astype(np.float32)
    made = network(kind)
    whole = predicted(made, frames, tile_px=128)
    tiled = predicted(made, frames, tile_px=32)
    assert whole.shape == shape
    assert np.abs(whole).max() > 1e-3
    np.testing.assert_allclose(tiled, whole, atol=2e-5 * np.abs(whole).max())


def test_start_gives_the_same_frames():
    frames = np.random.default_rng(1).poisson(2.0, (9, 32, 32)).astype(np.float32)
    made, scale = network("hybrid"), measure_scale(frames)
    whole = predicted(made, frames)
    later = list(predict_blocks(made, made, frames, scale, start=5))
    assert later[0][0] == 5
    np.testing.assert_allclose(np.concatenate([block for _, block in later])[:, 0], whole[5:], atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_fewer_frames_than_the_window(count):
    frames = np.random.default_rng(2).poisson(2.0, (count, 24, 36)).astype(np.float32)
    made = Hybrid(window=7, width=4, middle_width=4, layers=2).eval()
    result = predicted(made, frames)
    assert result.shape == frames.shape
    assert np.isfinite(result).all()


def test_too_little_memory_says_how_much():
    frames = np.ones((4, 400, 400), dtype=np.float32)
    frames[0] = 2
    with pytest.raises(UsageError, match=r"--memory 2 MB is too small .* at least \d+ MB"):
        predicted(network("hybrid"), frames, memory=2e6)


def test_small_memory_is_enough_with_tiles():
    frames = np.random.default_rng(3).poisson(2.0, (3, 200, 200)).astype(np.float32)
    made = network("hybrid")
    np.testing.assert_allclose(predicted(made, frames, memory=8e6), predicted(made, frames, memory=1e9), atol=1e-5)


def test_bad_frames_have_no_effect():
    frames = np.random.default_rng(4).poisson(2.0, (6, 32, 32)).astype(np.float32)
    spoiled = frames.copy()
    spoiled[2] = np.nan
    scale, made = measure_scale(frames), network("hybrid")
    clean = np.concatenate([block for _, block in predict_blocks(made, made, frames, scale, bad_frames={2})])
    found = np.concatenate([block for _, block in predict_blocks(made, made, spoiled, scale, bad_frames={2})])
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(clean, found)


def test_windows_hold_the_middle_once():
    for count in (1, 2, 3, 5, 40):
        for window in (1, 3, 7):
            indices = window_indices(count, window)
            middle = indices[:, window // 2]
            np.testing.assert_array_equal(middle, np.arange(count))
            others = np.delete(indices, window // 2, axis=1)
            assert not (others == middle[:, None]).any()
            assert ((others == NO_FRAME).all() if count == 1 else (others >= 0).all()) or window == 1


def test_windows_are_mirrored_and_avoid_bad_frames():
    np.testing.assert_array_equal(window_indices(6, 5)[0], [2, 1, 0, 1, 2])
    np.testing.assert_array_equal(window_indices(6, 5)[5], [3, 4, 5, 4, 3])
    indices = window_indices(6, 5, bad_frames=[3])
    assert 3 not in indices
    assert indices[2, 2] == 2
    assert indices[3, 2] in (2, 4)
