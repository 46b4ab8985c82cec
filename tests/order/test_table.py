"""The table of a movie: its columns, and what it says when something is missing."""

import numpy as np

from atomotion.data import Movie
from atomotion.order.config import OrderConfig
from atomotion.order.table import order_table
from atomotion.order.vacuum import fit_vacuum

POLYGON = np.array([[12, 10], [52, 14], [50, 54], [16, 50]])
CONFIG = OrderConfig(null_frames=40)


def movie(**facts) -> Movie:
    return Movie(frames=np.random.default_rng(0).poisson(3, (8, 64, 64)), **facts)


def test_a_raw_movie_with_vacuum():
    source = movie(contrast="dark", frame_time=0.5)
    vacuum = fit_vacuum(np.random.default_rng(1).poisson(3, (8, 64, 64)), CONFIG)
    table = order_table(source, CONFIG, polygon=POLYGON, vacuum=vacuum)
    np.testing.assert_array_equal(table["frame"], np.arange(8))
    np.testing.assert_array_equal(table["time_s"], np.arange(8) * 0.5)
    # vacuum against vacuum; the scatter of a frame is some 12 %
    assert abs(table["alps_relative"].mean() - 1) < 4 * 0.12 * np.sqrt(1 / 8 + 1 / 40)
    assert table["p_value"].between(1 / 41, 1).all()
    assert table["beyond_vacuum"].dtype == bool
    assert table.attrs["notes"] == []


def test_without_vacuum_the_reason_is_said():
    table = order_table(movie(), CONFIG, polygon=POLYGON)
    assert table["alps"].notna().all()
    assert table[["time_s", "alps_relative", "p_value"]].isna().all().all()
    notes = " ".join(table.attrs["notes"])
    assert "--contrast" in notes
    assert "no vacuum test: no vacuum region was given" in notes


def test_a_denoised_movie_is_compared_with_denoised_vacuum():
    vacuum = fit_vacuum(np.random.default_rng(1).poisson(3, (8, 64, 64)), CONFIG)
    frames = np.random.default_rng(2).normal(3, 0.1, (8, 64, 64)).astype(np.float32)
    table = order_table(
        movie(contrast="dark"), CONFIG, polygon=POLYGON, vacuum=vacuum, vacuum_frames=frames, source="denoised"
    )
    assert table["p_value"].isna().all()
    assert table["alps_relative"].notna().all()
    assert "denoised" in table.attrs["notes"][0]


def test_frames_left_out_are_noted():
    source = movie(contrast="dark")
    source.frames[3] = 0
    table = order_table(source, OrderConfig(bad_frames="skip"), polygon=POLYGON)
    assert table["note"][3] == "is constant (every pixel is 0)"
    assert np.isnan(table["alps"][3])
