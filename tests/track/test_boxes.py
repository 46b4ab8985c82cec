"""Boxes hold the pixels they should, at the border too, and background boxes keep clear of particles."""

import numpy as np
import pytest

from atomotion.track.boxes import CutBoxes, background_corners, box_corners, inside_fraction, mirrored


def test_the_centre_lies_on_the_middle_pixel():
    frames = np.zeros((3, 40, 50), dtype=np.uint16)
    centres = np.array([[20.2, 15.4], [21.6, 15.0], [30.0, 20.0]]) * 0.5
    for frame, (x, y) in zip(frames, np.rint(centres / 0.5).astype(int), strict=True):
        frame[y, x] = 7
    for side in (8, 9):
        boxes = CutBoxes(frames, np.arange(3), box_corners(centres, side, 0.5), side)
        assert boxes.shape == (3, side, side)
        assert boxes.dtype == np.uint16
        assert all(box[side // 2, side // 2] == 7 for box in boxes[:])


def test_indexing_is_that_of_an_array():
    frames = np.random.default_rng(0).integers(0, 99, (6, 20, 24))
    boxes = CutBoxes(frames, np.array([1, 3, 4]), np.array([[2, 3], [4, 5], [0, 0]]), 8)
    whole = np.stack([frames[1, 2:10, 3:11], frames[3, 4:12, 5:13], frames[4, :8, :8]])
    np.testing.assert_array_equal(boxes[:], whole)
    np.testing.assert_array_equal(boxes[1], whole[1])
    np.testing.assert_array_equal(boxes[-1], whole[-1])
    np.testing.assert_array_equal(boxes[1:, 2:5, :3], whole[1:, 2:5, :3])
    assert boxes[3:].shape == (0, 8, 8)


def test_beyond_the_border_is_the_mirror_image():
    row = np.arange(10)
    np.testing.assert_array_equal(row[mirrored(-3, 6, 10)], [2, 1, 0, 0, 1, 2])
    np.testing.assert_array_equal(row[mirrored(7, 6, 10)], [7, 8, 9, 9, 8, 7])
    frames = np.arange(100).reshape(1, 10, 10)
    box = CutBoxes(frames, np.array([0]), np.array([[-2, 5]]), 8)[0]
    np.testing.assert_array_equal(box, np.pad(frames[0], 4, mode="symmetric")[2:10, 9:17])
    np.testing.assert_allclose(inside_fraction(np.array([[-2, 5], [0, 0]]), 8, (10, 10)), [6 / 8 * 5 / 8, 1.0])


def test_background_keeps_clear_of_every_particle():
    own = np.tile([100.0, 100.0], (5, 1))
    other = np.tile([160.0, 100.0], (5, 1))
    corners = np.tile([80, 80], (5, 1))
    found = background_corners(corners, 40, (300, 300), [own, other], radius_px=15)
    for y, x in found:
        for centre in (own[0], other[0]):
            gap = np.maximum(np.maximum([x, y] - centre, centre - ([x + 39, y + 39])), 0)
            assert np.hypot(*gap) >= 15
        assert 0 <= x <= 260 and 0 <= y <= 260


def test_no_room_for_background():
    own = np.array([[50.0, 50.0]])
    assert background_corners(np.array([[10, 10]]), 80, (100, 100), [own], radius_px=20) is None
    assert background_corners(np.array([[10, 10]]), 120, (100, 100), [own], radius_px=20) is None


@pytest.mark.parametrize("start", [0, 3])
def test_background_boxes_are_read_like_others(start):
    frames = np.arange(3 * 60 * 60).reshape(3, 60, 60)
    found = background_corners(np.full((3, 2), 20 + start), 16, (60, 60), [np.full((3, 2), 28.0 + start)], radius_px=9)
    boxes = CutBoxes(frames, np.arange(3), found, 16)
    y, x = found[1]
    np.testing.assert_array_equal(boxes[1], frames[1, y : y + 16, x : x + 16])
