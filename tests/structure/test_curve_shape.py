import itertools

import numpy as np
import pytest

from atomotion.structure.curve_shape import chance_range, initial_phase, largest_fall, largest_rise, turns


def turning_points(values, step):
    """Longest sequence of alternating rises and falls of at least `step`, less one, by trying every subsequence."""
    best = 0
    for size in range(2, len(values) + 1):
        for chosen in itertools.combinations(values, size):
            legs = np.diff(chosen)
            if (np.abs(legs) >= step).all() and (legs[1:] * legs[:-1] < 0).all():
                best = max(best, size - 2)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_swings_agree_with_trying_every_subsequence(seed):
    values = np.random.default_rng(seed).normal(size=8)
    found = turns(values)
    for step in np.linspace(0.05, 3.0, 30):
        assert np.count_nonzero(found.swings >= step) == turning_points(values, step)


def test_a_monotone_curve_has_no_turns():
    assert len(turns([5.0, 4.0, 4.0, 1.0]).swings) == 0
    assert turns([5.0, 4.0, 1.0]).at == -1
    assert len(turns([2.0, 2.0]).swings) == 0


def test_the_largest_turn_is_a_valley_or_a_hill():
    dip = turns([0.60, 0.59, 0.40, 0.58, 0.57, 0.575])
    assert (dip.valley, dip.at) == (True, 2)
    assert dip.swing(1) == pytest.approx(0.18)
    assert dip.swing(2) == pytest.approx(0.01)
    assert dip.swing(9) == 0.0
    hill = turns([0.1, 0.5, 0.2])
    assert (hill.valley, hill.at) == (False, 1)


def test_the_sawtooth_of_the_papers_efc1():
    saw = turns([0.59, 0.29, 0.69, 0.31])
    np.testing.assert_allclose(saw.swings, [0.38, 0.30])


def test_rises_and_falls_know_the_order_of_time():
    assert largest_rise([5.0, 1.0, 3.0, 2.0]) == 2.0
    assert largest_fall([5.0, 1.0, 3.0, 2.0]) == 4.0
    assert largest_rise([3.0, 2.0, 1.0]) == 0.0


def test_noise_exceeds_its_range_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for states in (3, 6):
        ranges = np.ptp(rng.normal(scale=2.0, size=(20000, states)), axis=1)
        assert np.mean(ranges > chance_range(states, 2.0, 0.05)) == pytest.approx(0.05, abs=0.006)


def test_a_held_phase_and_a_steady_fall():
    times = np.arange(8.0)
    held = initial_phase(times, [100, 100, 100, 100, 95, 90, 85, 80], 1.0, least=3)
    assert held.states == 4
    assert held.share == pytest.approx(3 / 7)
    assert held.loss == pytest.approx(0.0, abs=1e-12)
    assert held.evidence > 5
    steady = initial_phase(times, 100 - 3 * times, 1.0, least=3)
    # relative to the mean of the phase, so a little less than nothing
    assert steady.evidence < 0.5
    assert initial_phase([0, 1, 2], [3, 2, 1], 1.0, least=3) is None
