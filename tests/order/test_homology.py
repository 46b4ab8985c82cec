"""Bars by hand, against the textbook algorithm, against the classic cubical complex, with massive ties."""

import gudhi
import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.order.homology import Bars, bars_by_union_find, persistence_bars


def ordered(bars: Bars) -> np.ndarray:
    rows = np.column_stack((bars.births, bars.deaths, bars.pixels))
    return rows[np.lexsort(rows.T)]


def test_one_row_by_hand():
    bars = persistence_bars(np.array([[0, 3, 1, 4, 2]]))
    # 0 lives to the maximum; 1 meets 0 at 3; 2 meets them at 4
    np.testing.assert_array_equal(ordered(bars), [[0, 4, 0], [1, 3, 2], [2, 4, 4]])


def test_corners_connect():
    frame = np.full((4, 4), 9.0)
    frame[1, 1], frame[2, 2] = 0, 1
    np.testing.assert_array_equal(ordered(persistence_bars(frame)), [[0, 9, 5]])


def test_bright_blob_is_a_loop():
    frame = np.full((5, 5), 1.0)
    frame[2, 2] = 7
    bars = persistence_bars(frame, dimension=1)
    np.testing.assert_array_equal(ordered(bars), [[1, 7, 12]])


def test_superlevel_is_the_negative():
    frame = np.array([[9, 5, 8, 0]])
    bars = persistence_bars(frame, superlevel=True)
    np.testing.assert_array_equal(ordered(bars), [[9, 0, 0], [8, 5, 2]])
    np.testing.assert_array_equal(np.sort(bars.lifetimes), [3, 9])


def test_a_constant_frame_has_no_bars():
    assert len(persistence_bars(np.ones((8, 8)))) == 0


def test_values_that_are_no_numbers_are_refused():
    frame = np.ones((4, 4), dtype=np.float32)
    frame[1, 2] = np.nan
    with pytest.raises(InputError, match="not finite"):
        persistence_bars(frame)


def frames(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return {
        "four values": rng.integers(0, 4, shape),
        "negative ties": rng.integers(-3, 3, shape).astype(np.float32),
        "uint16": rng.poisson(2, shape).astype(np.uint16),
        "large integers": rng.integers(0, 5, shape) + 2**40,
        "float32": rng.normal(size=shape).astype(np.float32),
        "float64": rng.normal(size=shape),
        "float64 ties": rng.integers(0, 6, shape) / 3,
    }[kind]


KINDS = ["four values", "negative ties", "uint16", "large integers", "float32", "float64", "float64 ties"]


@pytest.mark.parametrize("dimension", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_fast_and_plain_agree_in_values_and_pixels(kind, dimension):
    rng = np.random.default_rng(1)
    for shape in ((1, 9), (2, 7), (7, 2), (3, 3), (13, 17), (24, 31)):
        frame = frames(kind, shape, rng)
        np.testing.assert_array_equal(
            ordered(persistence_bars(frame, dimension=dimension)),
            ordered(bars_by_union_find(frame, dimension=dimension)),
        )


@pytest.mark.parametrize("dimension", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_diagram_is_that_of_the_classic_complex(kind, dimension):
    frame = frames(kind, (40, 37), np.random.default_rng(2)).astype(float)
    classic = gudhi.CubicalComplex(top_dimensional_cells=frame)
    classic.compute_persistence()
    pairs = classic.persistence_intervals_in_dimension(dimension)
    pairs[np.isinf(pairs)] = frame.max()
    bars = persistence_bars(frame, dimension=dimension)
    mine = np.column_stack((bars.births, bars.deaths))
    np.testing.assert_array_equal(mine[np.lexsort(mine.T)], pairs[np.lexsort(pairs.T)])


def test_the_mask_chooses_by_the_pixel_of_the_minimum():
    frame = np.array([[0, 3, 1, 4, 2]])
    mask = np.array([[False, True, True, True, False]])
    np.testing.assert_array_equal(ordered(persistence_bars(frame, mask)), [[1, 3, 2]])


def test_turning_and_mirroring_change_no_lifetime():
    frame = np.random.default_rng(3).poisson(3, (20, 30))
    expected = np.sort(persistence_bars(frame).lifetimes)
    for turned in (frame.T, frame[::-1], frame[:, ::-1], np.rot90(frame)):
        np.testing.assert_array_equal(np.sort(persistence_bars(turned).lifetimes), expected)


def test_a_gain_scales_and_an_offset_does_nothing():
    frame = np.random.default_rng(4).poisson(3, (20, 30)).astype(float)
    expected = np.sort(persistence_bars(frame).lifetimes)
    np.testing.assert_array_equal(np.sort(persistence_bars(4 * frame - 100).lifetimes), 4 * expected)
