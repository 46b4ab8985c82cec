"""Strictly inside, exactly: small polygons by hand, and Pick's theorem for many."""

from math import gcd

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.order.polygon_mask import checked_polygon, polygon_area, polygon_mask

SQUARE = [[1, 1], [4, 1], [4, 4], [1, 4]]


def test_the_boundary_is_outside():
    mask = polygon_mask(SQUARE, (6, 6))
    assert mask.sum() == 4
    assert mask[2:4, 2:4].all()


def test_half_pixels():
    mask = polygon_mask(np.array(SQUARE) - 0.5, (6, 6))
    assert mask.sum() == 9
    assert mask[1:4, 1:4].all()


def test_a_slanted_edge_through_pixel_centres():
    mask = polygon_mask([[0, 0], [4, 0], [0, 4]], (6, 6))
    assert sorted(zip(*np.nonzero(mask), strict=True)) == [(1, 1), (1, 2), (2, 1)]


def test_x_is_the_column():
    mask = polygon_mask([[1, 0], [7, 0], [7, 3], [1, 3]], (5, 9))
    assert mask[1, 6]
    assert not mask[3, 2]


@pytest.mark.parametrize(
    "change", [lambda p: [*p, p[0]], lambda p: p[::-1], lambda p: p[2:] + p[:2], lambda p: [p[0], *p]]
)
def test_closed_turned_and_repeated_corners_are_the_same(change):
    np.testing.assert_array_equal(polygon_mask(change(SQUARE), (6, 6)), polygon_mask(SQUARE, (6, 6)))


def test_concave():
    mask = polygon_mask([[0, 0], [8, 0], [8, 8], [4, 4], [0, 8]], (10, 10))
    y, x = np.mgrid[:10, :10]
    np.testing.assert_array_equal(mask, (x > 0) & (x < 8) & (y > 0) & (y < 4 + np.abs(x - 4)))


def star(rng: np.random.Generator, corners: int) -> np.ndarray:
    """A star-shaped polygon with whole corners: never crosses itself."""
    while True:
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radius = rng.uniform(5, 40, corners)
        points = np.rint(np.column_stack((45 + radius * np.cos(angle), 45 + radius * np.sin(angle))))
        try:
            return checked_polygon(points)
        except InputError:
            continue


def test_counts_obey_picks_theorem():
    """Area = inside + boundary / 2 - 1, for every simple polygon with whole corners."""
    rng = np.random.default_rng(0)
    for corners in (3, 4, 5, 8, 13, 21):
        for _ in range(20):
            polygon = star(rng, corners)
            steps = (polygon - np.roll(polygon, 1, axis=0)).astype(int)
            boundary = sum(gcd(abs(dx), abs(dy)) for dx, dy in steps)
            inside = polygon_area(polygon) - boundary / 2 + 1
            if inside > 0:
                assert polygon_mask(polygon, (91, 91)).sum() == inside


@pytest.mark.parametrize(
    ("polygon", "message"),
    [
        ([[0, 0], [4, 4]], "at least 3"),
        ([[0, 0], [4, 4], [0, 0], [4, 4]], "at least 3"),
        ([[0, 0], [2, 2], [4, 4]], "crosses or touches itself|no area"),
        ([[0, 0], [4, 4], [4, 0], [0, 4]], r"edge 1 from \(0, 0\) to \(4, 4\) and edge 3"),
        ([[0, 0], [6, 0], [6, 6], [3, 0], [0, 6]], "touches itself"),
        ([[0, 0], [np.nan, 0], [6, 6]], "not finite"),
        ([0, 1, 2], "shape"),
        ([[50, 50], [60, 50], [60, 60]], "no pixel lies inside"),
        ([[0.2, 0.2], [0.8, 0.2], [0.5, 0.8]], "no pixel lies inside"),
    ],
)
def test_bad_polygons_are_named(polygon, message):
    with pytest.raises(InputError, match=message):
        polygon_mask(polygon, (10, 10))


def test_what_lies_outside_the_frame_is_cut_off():
    mask = polygon_mask([[-10, -10], [30, -10], [30, 30], [-10, 30]], (6, 8))
    assert mask.all()
