"""Mean and spread with their errors, and the line through several particles."""

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.order.trend import fit_line, series_statistics


def correlated(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    steps = rng.normal(size=n) * np.sqrt(1 - phi**2)
    values = np.empty(n)
    values[0] = rng.normal()
    for index in range(1, n):
        values[index] = phi * values[index - 1] + steps[index]
    return values


def test_a_curve_by_hand():
    statistics = series_statistics([1.0, 3.0, np.nan, 1.0, 3.0])
    assert statistics.mean == 2.0
    assert statistics.sd == pytest.approx(np.sqrt(4 / 3))
    assert statistics.measured == 4
    # neighbours differ, so nothing is added for correlation
    assert statistics.mean_error == pytest.approx(statistics.sd / 2)
    assert np.isnan(series_statistics([np.nan, 2.0]).mean_error)


@pytest.mark.parametrize("phi", [0.0, 0.6, 0.85])
def test_errors_are_those_of_many_curves(phi):
    found = [series_statistics(correlated(np.random.default_rng(seed), 1500, phi)) for seed in range(150)]
    for value, error in (("mean", "mean_error"), ("sd", "sd_error")):
        scatter = np.std([getattr(each, value) for each in found])
        stated = np.mean([getattr(each, error) for each in found])
        # the scatter of 150 values is known to 6 %
        assert stated == pytest.approx(scatter, rel=0.2)


def test_a_line_without_noise():
    line = fit_line([10, 20, 30, 40], [1.1, 1.2, 1.3, 1.4], [0.01] * 4)
    assert line.slope == pytest.approx(0.01)
    assert line.intercept == pytest.approx(1.0)
    assert line.scatter == 0
    assert line.slope_low < 0.01 < line.slope_high


def test_the_interval_holds_the_truth():
    """95 % intervals over 150 draws with scatter beyond the errors; binomial error 1.8 %."""
    size = np.linspace(8, 40, 12)
    inside = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        error = rng.uniform(0.01, 0.05, 12)
        mean = 1 + 0.015 * size + rng.normal(size=12) * np.hypot(error, 0.06)
        line = fit_line(size, mean, error)
        inside += line.slope_low <= 0.015 <= line.slope_high
    assert inside / 150 == pytest.approx(0.95, abs=3.5 * 0.018)


def test_no_trend_is_rarely_seen():
    rng = np.random.default_rng(0)
    p_values = [
        fit_line(np.arange(12.0), rng.normal(size=12) * 0.05, np.full(12, 0.02)).p_value < 0.05 for _ in range(150)
    ]
    assert np.mean(p_values) == pytest.approx(0.05, abs=3.5 * 0.018)


def test_too_few_particles():
    with pytest.raises(InputError, match="at least 3 particles"):
        fit_line([1, 2, np.nan], [1, 2, 3], [0.1] * 3)
    with pytest.raises(InputError, match="different size"):
        fit_line([5, 5, 5], [1, 2, 3], [0.1] * 3)
