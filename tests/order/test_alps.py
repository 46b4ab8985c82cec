"""Closed forms, ties, and the integral itself."""

import numpy as np
import pytest

from atomotion.order.alps import alps, persistent_entropy, total_persistence


@pytest.mark.parametrize(
    ("lifetimes", "expected"),
    [
        ([1, 2, 2], np.log(3) + np.log(2)),
        ([1, 3, 3, 5], np.log(4) + 2 * np.log(3)),
        ([7], 0.0),
        ([2, 2], 2 * np.log(2)),
        ([5, 1, 3, 3], np.log(4) + 2 * np.log(3)),
    ],
)
def test_closed_forms(lifetimes, expected):
    assert alps(lifetimes) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_is_the_integral_of_the_logarithm_of_the_count(decimals):
    lifetimes = np.round(np.random.default_rng(0).exponential(2, 300), decimals)
    step = 1e-3
    t = np.arange(step / 2, lifetimes.max(), step)
    count = (lifetimes[None, :] > t[:, None]).sum(axis=1)
    # a lifetime within one step shifts the integral by at most ln 300 of that step
    assert alps(lifetimes) == pytest.approx(step * np.log(np.maximum(count, 1)).sum(), abs=300 * step * 0.02)


def test_scales_with_the_lifetimes():
    lifetimes = np.random.default_rng(1).exponential(1, 50)
    assert alps(3 * lifetimes) == pytest.approx(3 * alps(lifetimes), rel=1e-12)


def test_persistent_entropy():
    assert persistent_entropy([2, 2, 2, 2]) == pytest.approx(np.log(4))
    assert persistent_entropy([5]) == 0.0
    assert persistent_entropy([1, 3]) == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))


def test_total_persistence():
    assert total_persistence([1, 2, 3]) == 6
    assert total_persistence([1, 2, 3], degree=2) == 14


def test_no_bars_are_no_measurement():
    assert np.isnan(alps([]))
    assert np.isnan(persistent_entropy([]))
    assert total_persistence([]) == 0
