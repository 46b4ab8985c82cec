"""Frames that do not belong with the others."""

import numpy as np
import pytest

from atomotion.noise import find_outlier_frames, frame_statistics


def movie(dtype=np.float32) -> np.ndarray:
    return np.random.default_rng(0).poisson(10, (40, 64, 64)).astype(dtype)


def kinds(frames: np.ndarray) -> dict[int, str]:
    return {each.index: each.kind for each in find_outlier_frames(frame_statistics(frames))}


@pytest.mark.parametrize("dose", [0.05, 1.0, 100.0])
def test_poisson_frames_have_no_outliers(dose):
    for seed in range(5):
        assert kinds(np.random.default_rng(seed).poisson(dose, (100, 64, 64)).astype(np.uint16)) == {}


def test_each_fault_is_found_and_named_once():
    frames = movie()
    frames[0] *= 0.5
    frames[7] = 0
    frames[12] = frames[11]
    frames[20, 3, 4] = np.nan
    frames[30] *= 2
    frames[39] = np.random.default_rng(1).normal(10, 9, (64, 64))
    assert kinds(frames) == {
        0: "mean", 7: "constant", 12: "repeat", 20: "not finite", 30: "mean", 39: "spread",
    }  # fmt: skip


def test_saturated_frame():
    frames = movie() * 20 + np.random.default_rng(1).integers(0, 20, (40, 64, 64))
    frames[9] = np.minimum(frames[9], 240)
    assert kinds(frames)[9] == "saturated"
    # a movie that saturates throughout has no odd ones out
    assert kinds(np.minimum(frames, 240)) == {}


def test_counting_camera_with_few_levels_is_not_saturated():
    assert kinds((np.random.default_rng(0).poisson(0.7, (40, 64, 64)) > 0).astype(np.uint8)) == {}


def test_slow_change_is_no_outlier():
    frames = np.random.default_rng(0).poisson(10 * np.linspace(1, 0.6, 120)[:, None, None], (120, 64, 64))
    assert kinds(frames) == {}


def test_detail_says_frame_and_numbers():
    frames = movie()
    frames[0] *= 0.5
    (found,) = find_outlier_frames(frame_statistics(frames))
    assert found.detail.startswith("the first frame: mean 4.997")
    assert found.detail.endswith("its neighbours 9.916")
