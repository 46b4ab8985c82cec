"""Frames one after the other: blocks, threads, drift, bad frames."""

import numpy as np
import pytest
from skimage.filters import gaussian

from atomotion.data import InputError
from atomotion.order import measure
from atomotion.order.alps import alps
from atomotion.order.config import OrderConfig
from atomotion.order.homology import persistence_bars
from atomotion.order.measure import level_of, measure_frames, prepared_frame

POLYGON = [[8, 6], [40, 10], [34, 36], [12, 30]]


def movie(frames: int = 6) -> np.ndarray:
    return np.random.default_rng(0).poisson(3, (frames, 44, 50)).astype(np.uint16)


def test_smoothing_is_scikit_images():
    frame = movie(1)[0]
    config = OrderConfig(divisor=2.0)
    expected = gaussian(np.rint(frame / 2).astype(np.float32), 2, preserve_range=True)
    np.testing.assert_array_equal(prepared_frame(frame, config), expected)
    assert prepared_frame(frame, config).dtype == np.float32
    assert prepared_frame(frame.astype(float), config).dtype == np.float64


def test_a_frame_is_smoothed_swept_and_summed_up():
    frames = movie(2)
    result = measure_frames(frames, OrderConfig())
    bars = persistence_bars(prepared_frame(frames[1], OrderConfig()))
    assert result.alps[1] == alps(bars.lifetimes)
    assert result.bars[1] == len(bars)


def test_blocks_and_threads_change_nothing(monkeypatch):
    frames = movie(7)
    expected = measure_frames(frames, OrderConfig(), polygon=POLYGON)
    monkeypatch.setattr(measure, "_BLOCK_BYTES", 3 * 44 * 50 * 4)
    seen = []

    class Watched:
        shape, dtype = frames.shape, frames.dtype

        def __getitem__(self, key):
            seen.append(key.stop - key.start)
            return frames[key]

    steps = []
    result = measure_frames(
        Watched(), OrderConfig(), polygon=POLYGON, workers=2, on_step=lambda *done: steps.append(done)
    )
    np.testing.assert_array_equal(result.alps, expected.alps)
    assert seen == [3, 3, 1]
    assert steps == [(number, 7) for number in range(1, 8)]


def test_a_part_of_the_movie():
    frames = movie(7)
    whole = measure_frames(frames, OrderConfig(), polygon=POLYGON)
    part = measure_frames(frames, OrderConfig(), polygon=POLYGON, first=2, last=5)
    np.testing.assert_array_equal(part.alps, whole.alps[2:5])


def test_the_polygon_follows_the_drift():
    """A patch in a flat surrounding has the same bars wherever it lies."""
    patch = np.random.default_rng(1).integers(0, 50, (20, 24))
    polygon = np.array([[2, 2], [20, 3], [18, 17], [4, 15]])
    shifts = np.array([[5, 4], [12, 9], [20, 0]])
    frames = np.full((3, 40, 60), 60)
    for frame, (dx, dy) in zip(frames, shifts, strict=True):
        frame[dy : dy + 20, dx : dx + 24] = patch
    config = OrderConfig(sigma_px=0.0)
    moving = measure_frames(frames, config, polygon=polygon, drift=shifts.astype(float))
    assert moving.alps.min() == moving.alps.max()
    assert moving.bars[0] > 10
    still = measure_frames(frames, config, polygon=polygon + shifts[0])
    assert still.alps[0] == moving.alps[0]
    assert still.alps[1] != moving.alps[1]


def test_bad_frames_are_named_or_left_out():
    frames = movie().astype(np.float32)
    frames[2] = 7
    frames[4, 3, 3] = np.nan
    with pytest.raises(InputError, match=r"frame 2 is constant \(every pixel is 7\)"):
        measure_frames(frames, OrderConfig())
    result = measure_frames(frames, OrderConfig(bad_frames="skip"), leave_out={0})
    assert set(result.left_out) == {0, 2, 4}
    assert np.isnan(result.alps[[0, 2, 4]]).all()
    assert np.isfinite(result.alps[[1, 3, 5]]).all()


def test_levels():
    assert level_of(OrderConfig(), None) == "sublevel"
    assert level_of(OrderConfig(), "dark") == "sublevel"
    assert level_of(OrderConfig(), "bright") == "superlevel"
    assert level_of(OrderConfig(level="sublevel"), "bright") == "sublevel"


def test_bright_atoms_are_dark_atoms_of_the_negative():
    frames = movie(3).astype(np.float32)
    bright = measure_frames(frames, OrderConfig(), contrast="bright", polygon=POLYGON)
    dark = measure_frames(-frames, OrderConfig(), contrast="dark", polygon=POLYGON)
    np.testing.assert_allclose(bright.alps, dark.alps, rtol=1e-6)


def test_mask_and_polygon():
    frames = movie(2)
    mask = np.zeros((44, 50), dtype=bool)
    mask[11:30, 11:30] = True
    by_mask = measure_frames(frames, OrderConfig(), mask=mask)
    by_polygon = measure_frames(frames, OrderConfig(), polygon=[[10, 10], [30, 10], [30, 30], [10, 30]])
    np.testing.assert_array_equal(by_mask.alps, by_polygon.alps)
    with pytest.raises(InputError, match="not both"):
        measure_frames(frames, OrderConfig(), mask=mask, polygon=POLYGON)
    with pytest.raises(InputError, match="shape"):
        measure_frames(frames, OrderConfig(), mask=mask[:5])
    with pytest.raises(InputError, match="drift"):
        measure_frames(frames, OrderConfig(), polygon=POLYGON, drift=np.zeros((5, 2)))
