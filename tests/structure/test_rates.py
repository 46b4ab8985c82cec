import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.structure.rates import (
    change_rates,
    coordinated_fraction,
    correlation_over_states,
    linear_trend,
    means_over_states,
)


def test_rates_between_windows():
    # 562 to 388 atoms as in the fastest transition of paper 001, about 20 atoms/s over 8.7 s
    rates = change_rates([562, 388], [15.0, 24.2], [24.0, 32.2])
    assert rates.rate[0] == pytest.approx(-174 / 8.7)
    assert rates.high[0] == pytest.approx(-174 / 17.2)
    assert rates.low[0] == pytest.approx(-174 / 0.2)


def test_windows_without_a_gap_do_not_limit_the_rate():
    rates = change_rates([100, 90, 90], [0.0, 5.0, 10.0], [5.0, 10.0, 15.0])
    assert rates.low[0] == -np.inf
    assert rates.high[0] == pytest.approx(-1.0)
    assert (rates.low[1], rates.high[1]) == (0.0, 0.0)


def test_errors_of_the_counts_widen_the_interval():
    rates = change_rates([100, 98], [0.0, 6.0], [4.0, 10.0], errors=[3.0, 4.0])
    half = 1.959964 * 5.0
    assert rates.low[0] == pytest.approx((-2 - half) / 2.0)
    assert rates.high[0] == pytest.approx((-2 + half) / 2.0)


def test_windows_must_be_in_order():
    with pytest.raises(InputError, match="not in order"):
        change_rates([100, 90], [5.0, 0.0], [10.0, 5.0])
    with pytest.raises(InputError, match="at least 2"):
        change_rates([100], [0.0], [1.0])


def test_the_interval_of_a_trend_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    times = np.array([2.0, 9.0, 15.0, 21.0, 30.0])
    inside = 0
    for _ in range(600):
        trend = linear_trend(times, 500 - 6.0 * times + rng.normal(scale=5.0, size=5))
        inside += trend.low <= -6.0 <= trend.high
    assert inside / 600 == pytest.approx(0.95, abs=0.027)


def test_a_straight_loss():
    trend = linear_trend([0.0, 10.0, 20.0, 30.0], [698, 655, np.nan, 569])
    assert trend.slope == pytest.approx(-4.3)
    assert trend.intercept == pytest.approx(698)
    assert trend.r_squared == pytest.approx(1.0)
    assert np.isnan(linear_trend([0.0, 1.0], [3.0, 4.0]).low)
    with pytest.raises(InputError, match="two different times"):
        linear_trend([1.0, 1.0], [3.0, 4.0])


def test_correlation_of_strain_and_crystallinity():
    strain = np.array([1.0, 1.5, 2.0, 2.6, 3.1])
    found = correlation_over_states(strain, 1.0 - 0.2 * strain)
    assert found.r == pytest.approx(-1.0)
    noisy = correlation_over_states(strain, [0.9, 0.85, 0.7, 0.72, 0.5])
    assert -1 < noisy.low < noisy.r < noisy.high < 0
    assert noisy.r == pytest.approx(np.corrcoef(strain, [0.9, 0.85, 0.7, 0.72, 0.5])[0, 1])
    assert np.isnan(correlation_over_states(strain[:3], [1.0, 2.0, 2.0]).low)
    with pytest.raises(InputError, match="at least 3"):
        correlation_over_states([1.0, 2.0, np.nan], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="the same in all"):
        correlation_over_states([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])


def test_means_of_states_leave_out_what_was_not_measured():
    means = means_over_states([[1.0, 2.0, 3.0, np.nan], [], [4.0]])
    np.testing.assert_array_equal(means.atoms, [3, 0, 1])
    np.testing.assert_allclose(means.mean, [2.0, np.nan, 4.0])
    np.testing.assert_allclose(means.error, [1 / np.sqrt(3), np.nan, np.nan])


def test_the_fraction_counts_more_than_eight():
    assert coordinated_fraction([8, 9, 12, 3]) == 0.5
    assert np.isnan(coordinated_fraction([]))
