"""Sums over blocks, and intervals from them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from atomotion.data import InputError
from atomotion.quality import block_sums, mean_interval
from atomotion.quality.blocks import choose_block, read
from atomotion.quality.bootstrap import interval_over_frames, resampled_totals


def test_sums_by_hand():
    movie = np.arange(4 * 4 * 6, dtype=float).reshape(4, 4, 6)
    movie[1, 0, 0] = np.nan
    mask = np.ones((4, 6), dtype=bool)
    mask[:, 5] = False
    sums = block_sums(movie.shape, lambda a, b: (movie[a:b],), block=(2, 2), mask=mask, bad_frames=[3])
    assert sums.sums.shape == (2, 2, 6)
    good = movie[:, :, :5].copy()
    good[3] = np.nan
    assert sums.totals[0] == pytest.approx(np.nansum(good))
    assert sums.pixels == np.isfinite(good).sum()
    assert sums.means[0] == pytest.approx(np.nanmean(good))
    # the second row of places runs backwards
    assert sums.sums[0, 0, 3] == pytest.approx(np.nansum(good[:2, 2:, 4:]))
    with pytest.raises(InputError, match="mask has shape"):
        block_sums(movie.shape, lambda a, b: (movie[a:b],), mask=mask.T)


def test_reading_past_the_ends():
    movie = np.arange(3.0)[:, None, None] * np.ones((3, 2, 2))
    np.testing.assert_array_equal(read(movie, -1, 2)[:, 0, 0], [np.nan, 0, 1])
    np.testing.assert_array_equal(read(movie, 2, 5)[:, 0, 0], [2, np.nan, np.nan])
    assert np.isnan(read(movie, 4, 6)).all()
    assert np.isnan(read(movie, -4, -2)).all()
    np.testing.assert_array_equal(read(movie, 0, 4, [1, 7])[:, 0, 0], [0, np.nan, 2, np.nan])
    np.testing.assert_array_equal(movie[:, 0, 0], [0, 1, 2])


def test_blocks_suit_the_movie():
    assert choose_block((24, 128, 128)) == (4, 16)
    assert choose_block((24, 32, 32)) == (4, 8)
    frames, side = choose_block((1000, 3500, 3500))
    assert (1000 // frames) * (3500 // side) ** 2 <= 20_000


@pytest.mark.parametrize("block", [(4, 8), (2, 16), (3, 11)])
def test_resampled_totals_have_the_variance_of_independent_pixels(block):
    rng = np.random.default_rng(0)
    spread = []
    for _ in range(20):
        movie = rng.normal(size=(24, 48, 48))
        sums = block_sums(movie.shape, lambda a, b, movie=movie: (movie[a:b],), block=block)
        drawn, freedom = resampled_totals(sums.sums, rng, 400)
        assert freedom > 30
        spread.append(drawn[:, 0].var() / movie.size)
    # 20 movies of at least 36 comparisons each: 5 %
    assert np.mean(spread) == pytest.approx(1.0, abs=0.15)


def test_interval_covers_the_mean_of_correlated_values():
    """Correlated values in blocks some ten times longer, on a structure that is no uncertainty of the mean."""
    structure = 30 * gaussian_filter(np.random.default_rng(1).normal(size=(48, 48)), 8)
    hits = 0
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=(32, 48, 48))
        noise = gaussian_filter(noise, (0.5, 1, 1), mode="wrap")
        values = 1.0 + noise + structure - structure.mean()
        found = mean_interval(values, block=(8, 16), rng=np.random.default_rng(seed))
        hits += found.low <= 1.0 <= found.high
    assert 180 <= hits <= 198


def test_refusals_and_reproducibility():
    movie = np.random.default_rng(0).normal(size=(24, 48, 48))
    assert mean_interval(movie) == mean_interval(movie)
    few = mean_interval(movie[:2, :8, :8])
    assert few.value is None and "too few independent blocks" in few.refused
    assert "no pixel is left" in mean_interval(movie, mask=np.zeros((48, 48), dtype=bool)).refused


def test_frames_as_the_sample():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        found = interval_over_frames(rng.normal(2.0, 1.0, size=(1, 60)), lambda t, _: t[:, 0] / t[:, -1], method="m")
        hits += found.low <= 2.0 <= found.high
    assert 180 <= hits <= 198
    alone = interval_over_frames(np.array([[3.0]]), lambda t, _: t[:, 0] / t[:, -1], method="m")
    assert (alone.value, alone.low, alone.refused) == (3.0, None, None)
