"""Lazy steps on frames against the same arithmetic on arrays."""

import pickle

import numpy as np
import pytest

from atomotion.data import InputError, UsageError
from atomotion.io.hot_pixels import HotPixelsReplaced, hot_pixels
from atomotion.io.steps import Binned, Crop, DarkSubtracted, FrameRange, GainMultiplied, parse_crop

RNG = np.random.default_rng(1)
VALUES = RNG.poisson(20.0, (7, 12, 10)).astype(np.uint16)
DARK = RNG.uniform(0, 3, (12, 10))
GAIN = RNG.uniform(0.8, 1.2, (12, 10))
PARTS = [slice(None), 3, (slice(1, 6, 2), slice(2, 5), slice(1, 4)), (slice(None, None, -1), slice(3, None))]


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_steps_do_the_arithmetic_on_any_part(part):
    in_float32 = VALUES.astype(np.float32)
    for step, expected in (
        (FrameRange(VALUES, 2, 6), VALUES[2:6]),
        (Crop(VALUES, slice(2, 9), slice(3, 8)), VALUES[:, 2:9, 3:8]),
        (DarkSubtracted(VALUES, DARK), in_float32 - DARK.astype(np.float32)),
        (GainMultiplied(VALUES, GAIN), in_float32 * GAIN.astype(np.float32)),
        (GainMultiplied(DarkSubtracted(VALUES, DARK), GAIN), (in_float32 - DARK.astype("f4")) * GAIN.astype("f4")),
    ):
        got = step[part]
        np.testing.assert_array_equal(got, expected[part])
        assert got.dtype == step.dtype == expected.dtype


def test_gain_is_multiplied_not_divided_by():
    assert GainMultiplied(np.full((1, 1, 1), 10, np.uint8), np.array([[2.0]]))[0] == 20


@pytest.mark.parametrize("side", [2, 3, 5])
def test_binning_sums_and_drops_what_fills_no_square(side):
    height, width = 12 // side * side, 10 // side * side
    expected = sum(VALUES[:, i:height:side, j:width:side].astype(float) for i in range(side) for j in range(side))
    binned = Binned(VALUES, side)
    assert binned.dtype == np.float32
    np.testing.assert_array_equal(binned[:], expected)
    np.testing.assert_array_equal(binned[2:4, 1:, :1], expected[2:4, 1:, :1])


def test_binned_poisson_counts_stay_poisson():
    counts = np.random.default_rng(2).poisson(3.0, (1, 600, 600)).astype(np.uint8)
    binned = Binned(counts, 3)[0]  # 40,000 values of mean and variance 27
    assert binned.mean() == pytest.approx(27.0, abs=4 * np.sqrt(27 / 40_000))
    assert binned.var() == pytest.approx(27.0, abs=4 * 27 * np.sqrt(2 / 40_000))


def test_binning_stays_exact_for_large_values():
    assert Binned(np.full((1, 4, 4), 65535, np.uint16), 4)[0] == 16 * 65535
    large = np.full((1, 2, 2), 2**31 - 1, np.int32)
    assert Binned(large, 2)[0] == 4.0 * (2**31 - 1)
    assert Binned(large, 2).dtype == np.float64


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FrameRange(VALUES, 2, 8, name="m.tif"), "frames 2 to 8 were asked for, but m.tif has 7"),
        (lambda: FrameRange(VALUES, 3, 3), "first < last"),
        (
            lambda: DarkSubtracted(VALUES, DARK.T),
            r"dark reference has shape \(10, 12\), but the frames have \(12, 10\)",
        ),
        (lambda: Binned(VALUES, 11), "binning by 11 leaves nothing of frames of 10 x 12 pixels"),
        (lambda: parse_crop("5:20,0:4", (12, 10)), "leaves the frame"),
        (lambda: parse_crop("4:4,0:4", (12, 10)), "empty"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_crop_text():
    assert parse_crop("2:9, 3:8", (12, 10)) == (slice(3, 8), slice(2, 9))
    assert parse_crop(":9,3:", (12, 10)) == (slice(3, 12), slice(0, 9))
    with pytest.raises(UsageError, match=r"x0:x1,y0:y1"):
        parse_crop("10x10", (12, 10))


def test_hot_pixels_become_the_median_of_good_neighbours():
    frames = np.full((5, 8, 8), 10, np.uint16) + np.arange(5, dtype=np.uint16)[:, None, None]
    frames += np.random.default_rng(0).integers(0, 2, frames.shape).astype(np.uint16)
    frames[:, 3, 4] = frames[:, 3, 5] = 500  # two side by side
    frames[:, 0, 0] = 900  # in a corner
    cleaned = HotPixelsReplaced(frames, 8.0)
    assert sorted(map(tuple, cleaned.hot.tolist())) == [(0, 0), (3, 4), (3, 5)]
    neighbours = [(y, x) for y in (2, 3, 4) for x in (3, 4, 5) if (y, x) not in [(3, 4), (3, 5)]]
    for frame in range(5):
        assert cleaned[frame][3, 4] == np.median([frames[frame][at] for at in neighbours])
        assert cleaned[frame][0, 0] == np.median([frames[frame][at] for at in [(0, 1), (1, 0), (1, 1)]])
    kept = np.ones((8, 8), bool)
    kept[3, 4:6] = kept[0, 0] = False
    np.testing.assert_array_equal(cleaned[:][:, kept], frames[:, kept])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(cleaned))[2, 2:5, 3:6], cleaned[2, 2:5, 3:6])


@pytest.mark.parametrize("width", [1.6, 2.5])
def test_bright_atom_columns_are_no_hot_pixels(width):
    y, x = np.mgrid[:64, :64]
    columns = 200 * np.exp(-((y % 16 - 8.3) ** 2 + (x % 16 - 7.6) ** 2) / (2 * width**2))  # 16 px apart
    frames = np.random.default_rng(3).poisson(columns + 20, (50, 64, 64)).astype(np.uint16)
    frames[:, 20, 33] += 200
    frames[:, 8, 8] += 150  # on top of a column
    frames[:, 40, 40] += 90
    frames[:, 40, 41] += 150  # beside it
    hot = HotPixelsReplaced(frames, 8.0).hot
    assert hot.tolist() == [[8, 8], [20, 33], [40, 40], [40, 41]]


def test_constant_background_does_not_make_every_count_hot():
    mean = np.zeros((40, 40))
    mean[5, 6], mean[20, 20] = 0.004, 50.0
    assert np.argwhere(hot_pixels(mean, np.zeros_like(mean), 5.0)).tolist() == [[20, 20]]


def test_noise_alone_has_no_hot_pixel():
    frames = np.random.default_rng(4).poisson(0.5, (100, 200, 200)).astype(np.uint8)
    assert not len(HotPixelsReplaced(frames, 6.0).hot)  # 40,000 pixels: 6 sd are passed once in 10^9
