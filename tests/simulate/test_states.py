import numpy as np
import pytest

from atomotion.data import UsageError
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.states import listed, states_of, telegraph


def test_a_list_of_periods():
    np.testing.assert_array_equal(listed(7, "2 1 3"), [True, True, False, True, True, True, True])
    np.testing.assert_array_equal(listed(4, "0, 2"), [False, False, False, False])
    np.testing.assert_array_equal(listed(4, "0, 2, 1"), [False, False, True, True])
    with pytest.raises(UsageError, match="ordered first"):
        listed(4, "two")


def test_lifetimes_and_occupation_of_the_telegraph():
    n, frame_time = 200_000, 0.01
    ordered = telegraph(n, frame_time=frame_time, ordered_time=0.6, disordered_time=0.2, rng=np.random.default_rng(0))
    assert ordered[0]
    assert ordered.mean() == pytest.approx(0.75, abs=0.03)
    edges = np.flatnonzero(np.diff(ordered.astype(int)))
    lengths = np.diff(edges) * frame_time
    # periods alternate; the first whole one is disordered; some shorter than a frame are not seen
    assert lengths[::2].mean() == pytest.approx(0.2, rel=0.1)
    assert lengths[1::2].mean() == pytest.approx(0.6, rel=0.1)
    # exponential: the standard deviation is the mean
    assert lengths[1::2].std() == pytest.approx(lengths[1::2].mean(), rel=0.15)


def test_what_a_config_says():
    rng = np.random.default_rng(0)
    assert states_of(MovieConfig(), 5, rng).all()
    assert not states_of(MovieConfig(periods="0 5"), 5, rng).any()
    with pytest.raises(UsageError, match="give one"):
        states_of(MovieConfig(periods="5", ordered_time=1.0, disordered_time=1.0), 5, rng)
    with pytest.raises(UsageError, match="both"):
        states_of(MovieConfig(ordered_time=1.0), 5, rng)
