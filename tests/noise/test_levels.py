"""Differences of block means and the exact segmentation, beside small cases that can be done by hand."""

from itertools import combinations, pairwise

import numpy as np

from atomotion.noise.levels import block_mean_steps, least_squares_levels


def cost(curves: np.ndarray, at: tuple[int, ...], price: float) -> float:
    parts = [curves[a:b] for a, b in pairwise([0, *at, len(curves)])]
    return sum(float(((part - part.mean(axis=0)) ** 2).sum()) for part in parts) + price * len(at)


def test_differences_of_block_means_by_hand():
    values = np.array([1.0, 3.0, 5.0, 9.0, 2.0])
    np.testing.assert_allclose(block_mean_steps(values, 2), [7.0 - 2.0, 5.5 - 4.0])
    both = np.stack([values, -2.0 * values], axis=1)
    np.testing.assert_allclose(block_mean_steps(both, 2), [[5.0, -10.0], [1.5, -3.0]])


def test_the_variance_of_white_noise_comes_back():
    steps = block_mean_steps(np.random.default_rng(0).normal(scale=3.0, size=40000), 4)
    assert abs(np.var(steps) * 4 / 2 / 9.0 - 1.0) < 0.03  # about 10,000 independent pairs of blocks


def test_the_segmentation_is_the_best_of_all():
    """Two curves of 12 values: every set of changes with segments of at least 2 is tried."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        curves = rng.normal(size=(12, 2)) + np.repeat(rng.normal(scale=2.0, size=(3, 2)), 4, axis=0)
        for price in (0.5, 3.0, 10.0):
            every = [
                at
                for count in range(6)
                for at in combinations(range(2, 11), count)
                if all(b - a >= 2 for a, b in pairwise([0, *at, 12]))
            ]
            best = min(every, key=lambda at: cost(curves, at, price))
            assert tuple(least_squares_levels(curves, min_length=2, price=price)) == best
