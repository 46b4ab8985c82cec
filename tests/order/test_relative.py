"""ALPS over vacuum: one in vacuum by construction, whatever the size of the vacuum."""

import numpy as np
import pytest

from atomotion.order.config import OrderConfig
from atomotion.order.measure import measure_frames
from atomotion.order.relative import alps_relative, reference_from_null, reference_from_vacuum

POLYGON = np.array([[12, 10], [82, 14], [80, 84], [16, 80]])
SHAPE = (96, 96)


def direct(frames: int = 60) -> tuple[np.ndarray, np.ndarray]:
    movie = np.random.default_rng(0).poisson(4, (frames, *SHAPE))
    return movie, measure_frames(movie, OrderConfig(), polygon=POLYGON).alps


def test_vacuum_is_one():
    movie, values = direct()
    reference = reference_from_vacuum(movie, OrderConfig(), polygon=POLYGON, shape=SHAPE)
    assert reference.basis == "vacuum movie"
    assert reference.frames == 60
    assert alps_relative(values, reference).mean() == pytest.approx(1.0, abs=1e-12)


def test_a_large_vacuum_is_cut_into_windows():
    large = np.random.default_rng(1).poisson(4, (10, 200, 300))
    reference = reference_from_vacuum(large, OrderConfig(), polygon=POLYGON, shape=SHAPE)
    assert reference.frames == 10 * 2 * 3
    _, values = direct()
    # two means of 60 values that scatter by some 9 %
    assert alps_relative(values, reference).mean() == pytest.approx(1.0, abs=4 * 0.09 * np.sqrt(2 / 60))


def test_a_smaller_vacuum_holds_the_polygon_at_its_centre():
    smaller = np.random.default_rng(2).poisson(4, (60, 80, 84))
    reference = reference_from_vacuum(smaller, OrderConfig(), polygon=POLYGON, shape=SHAPE)
    assert reference.basis == "vacuum movie"
    _, values = direct()
    assert alps_relative(values, reference).mean() == pytest.approx(1.0, abs=4 * 0.09 * np.sqrt(2 / 60) + 0.02)


def test_a_vacuum_too_small_for_the_polygon_lends_its_bars():
    """Low by 1 to 5 %, as said; the two means scatter by 2 % besides."""
    small = np.random.default_rng(3).poisson(4, (60, 50, 50))
    reference = reference_from_vacuum(small, OrderConfig(), polygon=POLYGON, shape=SHAPE)
    assert reference.basis == "vacuum bars"
    _, values = direct()
    assert alps_relative(values, reference).mean() == pytest.approx(1.03, abs=0.02 + 3 * 0.02)


def test_too_few_bars_are_no_reference():
    tiny = np.random.default_rng(3).poisson(4, (2, 30, 30))
    reference = reference_from_vacuum(tiny, OrderConfig(), polygon=POLYGON, shape=SHAPE)
    assert reference.basis == "none"
    assert "give a larger vacuum" in reference.reason
    assert np.isnan(alps_relative([1.0, 2.0], reference)).all()


def test_a_null_is_a_reference():
    reference = reference_from_null(np.array([1.0, 3.0, np.nan]))
    assert (reference.mean, reference.frames, reference.basis) == (2.0, 2, "simulated")
