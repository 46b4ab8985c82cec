import itertools

import numpy as np
import pytest

from atomotion.geometry.matching import match_points


def test_a_shuffled_set_is_matched_back():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 20, size=(200, 3))
    order = rng.permutation(200)
    pairs = match_points(points, points[order] + rng.normal(scale=0.01, size=points.shape), 0.3)
    np.testing.assert_array_equal(order[pairs[:, 1]], pairs[:, 0])
    assert len(pairs) == 200


def test_one_to_one_where_nearest_neighbours_would_collide():
    # both points of the first set are nearest to the second set's 0.9; greedy would lose a pair
    pairs = match_points([[0.0, 0, 0], [1.0, 0, 0]], [[0.9, 0, 0], [2.0, 0, 0]], 1.05)
    np.testing.assert_array_equal(pairs, [[0, 0], [1, 1]])


def test_the_smaller_sum_wins_among_equally_many_pairs():
    pairs = match_points([[0.0], [1.0]], [[1.1], [0.2]], 5.0)
    np.testing.assert_array_equal(pairs, [[0, 1], [1, 0]])


def test_nothing_beyond_the_distance():
    assert match_points([[0.0, 0, 0]], [[0.0, 0, 1.01]], 1.0).shape == (0, 2)
    assert match_points(np.empty((0, 3)), [[0.0, 0, 0]], 1.0).shape == (0, 2)


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_trying_every_pairing(seed: int):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 3, size=(4, 2)), rng.uniform(0, 3, size=(5, 2))
    limit = 1.0
    distance = np.linalg.norm(a[:, None] - b[None], axis=-1)
    best = (0, 0.0)
    for size in range(1, 5):
        for rows in itertools.combinations(range(4), size):
            for columns in itertools.permutations(range(5), size):
                steps = distance[list(rows), list(columns)]
                if (steps <= limit).all():
                    best = max(best, (size, -float(steps.sum())))
    pairs = match_points(a, b, limit)
    assert len(pairs) == best[0]
    assert distance[pairs[:, 0], pairs[:, 1]].sum() == pytest.approx(-best[1])
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
