"""Poisson frames, thinning, and the test of Poissonness."""

import numpy as np
import pytest
from scipy.stats import poisson

from atomotion.data import InputError
from atomotion.noise import empirical_frames, poisson_frames, poisson_test, thin, to_electrons, value_histogram


def test_poisson_frames_have_their_mean_and_are_reproducible():
    mean = np.array([[0.5, 4.0]])
    frames = poisson_frames(mean, (1, 2), 20_000, np.random.default_rng(0))
    assert frames.dtype == np.int32
    np.testing.assert_allclose(frames.mean(axis=0), mean, rtol=0.03)
    np.testing.assert_allclose(frames.var(axis=0), mean, rtol=0.06)
    np.testing.assert_array_equal(frames, poisson_frames(mean, (1, 2), 20_000, np.random.default_rng(0)))


def test_histogram_and_empirical_frames_go_round():
    movie = np.array([[[0, 31], [31, 62]], [[0, 0], [31, 400]]], dtype=np.uint16)
    values, counts = value_histogram(movie)
    assert values.dtype == np.uint16
    np.testing.assert_array_equal(values, [0, 31, 62, 400])
    np.testing.assert_array_equal(counts, [3, 3, 1, 1])
    inside = value_histogram(movie, mask=np.array([[True, False], [False, True]]))
    np.testing.assert_array_equal(inside[0], [0, 62, 400])
    drawn = empirical_frames(values, counts, (100, 100), 4, np.random.default_rng(0))
    assert drawn.shape == (4, 100, 100)
    assert drawn.dtype == np.uint16
    frequency = np.array([(drawn == value).mean() for value in values])
    np.testing.assert_allclose(frequency, counts / 8, atol=0.01)


def test_thinned_parts_are_independent_poisson():
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, 400_000).astype(np.uint16)
    kept = thin(counts, 0.8, rng)
    rest = counts - kept
    assert kept.dtype == np.uint16
    assert kept.mean() == pytest.approx(1.6, abs=0.01)
    assert kept.var() == pytest.approx(1.6, abs=0.02)
    assert rest.var() == pytest.approx(0.4, abs=0.01)
    assert abs(np.corrcoef(kept, rest)[0, 1]) < 5 / np.sqrt(len(counts))


def test_thinning_detector_units_is_not_independent():
    """Why `to_electrons` comes first: 30 units per electron thinned as if they were electrons stay correlated."""
    rng = np.random.default_rng(0)
    units = 30 * rng.poisson(2.0, 100_000)
    kept = thin(units, 0.5, rng)
    assert np.corrcoef(kept, units - kept)[0, 1] > 0.9
    electrons = to_electrons(units, 30.0)
    kept = thin(electrons, 0.5, rng)
    assert abs(np.corrcoef(kept, electrons - kept)[0, 1]) < 0.02


def test_thinning_edges_and_refusals():
    rng = np.random.default_rng(0)
    counts = np.array([0, 3, 7])
    np.testing.assert_array_equal(thin(counts, 0.0, rng), 0)
    np.testing.assert_array_equal(thin(counts, 1.0, rng), counts)
    with pytest.raises(InputError, match="whole electrons"):
        thin(counts / 2, 0.5, rng)
    with pytest.raises(InputError, match="lowest value is -1"):
        thin(counts - 1, 0.5, rng)


def test_to_electrons():
    values = np.array([0, 15, 17, 32, 70, 300], dtype=np.uint16)
    np.testing.assert_array_equal(to_electrons(values, 32.0), [0, 0, 1, 1, 2, 9])
    np.testing.assert_array_equal(to_electrons(values, 32.0, offset=100.0), [0, 0, 0, 0, 0, 6])


def test_distance_by_hand():
    # mean 1: F(0) = e^-1, F(1) = 2 e^-1; the sample has all its weight at 1
    found = poisson_test(np.array([1, 1, 1, 1]))
    assert found.mean == 1
    assert found.dispersion == 0
    assert found.distance == pytest.approx(max(np.exp(-1), 1 - 2 * np.exp(-1)))
    assert found.p_value == pytest.approx(min(1, 2 * np.exp(-8 * found.distance**2)))
    from_histogram = poisson_test(np.array([1]), [4])
    assert from_histogram == found


def test_poisson_counts_pass_and_others_fail():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert poisson_test(rng.poisson(3, 20_000)).p_value > 0.05
        assert poisson_test(rng.negative_binomial(3, 0.5, 20_000)).p_value < 1e-10
    with pytest.raises(InputError, match="whole electrons"):
        poisson_test(np.array([0.5]))


def test_distance_agrees_with_the_definition():
    counts = np.random.default_rng(0).poisson(0.7, 5000)
    grid = np.arange(20)
    expected = np.max(np.abs((counts[:, None] <= grid).mean(axis=0) - poisson.cdf(grid, counts.mean())))
    assert poisson_test(counts).distance == pytest.approx(expected)


def test_measured_vacuum_is_nearly_poisson(data_dir):
    vacuum = np.load(data_dir / "pt_ceo2_movie" / "movie.npz")["vacuum"][1:]
    found = poisson_test(np.rint(vacuum / 32).astype(int))
    assert found.mean == pytest.approx(3.07, abs=0.01)
    assert found.distance < 0.003
    assert found.dispersion == pytest.approx(1.01, abs=0.01)
    # one frame of the size of a particle's box passes, as published
    assert poisson_test(np.rint(vacuum[3, :200, :200] / 32).astype(int)).p_value > 0.05
