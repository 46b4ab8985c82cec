"""Periods: their numbers by hand, their labels by the written rules, and what is missing."""

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.order.config import PeriodsConfig
from atomotion.order.periods import find_periods


def curve(*levels: tuple[int, float], seed: int = 0, noise: float = 0.02) -> np.ndarray:
    values = np.concatenate([np.full(frames, level) for frames, level in levels])
    return values + np.random.default_rng(seed).normal(size=len(values)) * noise


def test_numbers_of_a_period():
    values = curve((40, 1.5), (30, 1.0), (50, 1.5))
    periods = find_periods(values, times=np.arange(120) * 0.1)
    assert [(each.start, each.stop) for each in periods] == [(0, 40), (40, 70), (70, 120)]
    assert [each.lifetime_frames for each in periods] == [40, 30, 50]
    assert [each.lifetime_s for each in periods] == pytest.approx([4.0, 3.0, 5.0])
    assert [each.began_before for each in periods] == [True, False, False]
    assert [each.ended_after for each in periods] == [False, False, True]
    middle = values[40:70]
    assert periods[1].mean == pytest.approx(middle.mean())
    assert periods[1].sd == pytest.approx(middle.std(ddof=1))
    assert periods[1].median == np.median(middle)
    nearest = 40 + np.argmin(np.abs(middle - np.median(middle)))
    assert periods[1].typical_frame == nearest


def test_the_standard_error_covers_the_truth():
    """|mean - level| in standard errors over 60 curves of one level: root mean square 1."""
    scores = []
    for seed in range(60):
        period = find_periods(curve((200, 1.0), seed=seed))[0]
        scores.append((period.mean - 1.0) / period.standard_error)
    # the correlation is never taken as negative, so errors are a little too large
    assert 0.6 < np.sqrt(np.mean(np.square(scores))) < 1.25


def test_levels_are_named_by_thirds():
    periods = find_periods(curve((60, 1.6), (60, 1.0), (60, 1.3), (60, 1.55)))
    assert [each.label for each in periods] == ["ordered", "disordered", "intermediate", "ordered"]
    assert "of this movie's levels" in periods[0].reason


def test_one_level_is_named_by_its_ratio_to_vacuum():
    for ratio, label in ((1.4, "ordered"), (1.05, "disordered"), (1.2, "intermediate")):
        periods = find_periods(curve((60, 3.0)), relative=curve((60, ratio)))
        assert [each.label for each in periods] == [label]
        assert "ALPS over vacuum" in periods[0].reason


def test_an_ordered_particle_that_turns_stays_ordered():
    values = curve((60, 3.0), (60, 2.0), (60, 2.6))
    periods = find_periods(values, relative=values)
    assert [each.label for each in periods] == ["ordered"] * 3


def test_a_raw_curve_near_vacuum_is_not_called_disordered():
    values = curve((60, 1.02))
    (period,) = find_periods(values, relative=values, raw=True)
    assert period.label == "undetermined"
    assert "noise hides order" in period.reason
    (high,) = find_periods(values + 0.5, relative=values + 0.5, raw=True)
    assert high.label == "ordered"
    both = curve((60, 1.2), (60, 1.0))
    assert [each.label for each in find_periods(both, relative=both, raw=True)] == ["ordered", "disordered"]


def test_one_level_without_vacuum_is_undetermined():
    (period,) = find_periods(curve((60, 3.0)))
    assert period.label == "undetermined"
    assert "give a vacuum" in period.reason


def test_rules_can_be_chosen():
    values = curve((60, 1.6), (60, 1.2))
    by_ratio = find_periods(values, PeriodsConfig(rule="relative"), relative=values)
    assert [each.label for each in by_ratio] == ["ordered", "intermediate"]
    by_level = find_periods(values, PeriodsConfig(rule="levels"), relative=values)
    assert [each.label for each in by_level] == ["ordered", "disordered"]
    (one,) = find_periods(curve((60, 1.6)), PeriodsConfig(rule="levels"), relative=curve((60, 1.6)))
    assert one.label == "undetermined"


def test_levels_that_hardly_differ_are_not_named():
    periods = find_periods(curve((400, 1.0), (400, 1.03), noise=0.05), PeriodsConfig(penalty=1.0))
    assert len(periods) == 2
    assert {each.label for each in periods} == {"undetermined"}


def test_what_cannot_be_told_from_vacuum_is_not_ordered():
    values = curve((60, 1.6), (60, 1.2))
    uniform = (np.random.default_rng(1).permutation(120) + 0.5) / 120
    periods = find_periods(values, p_values=uniform)
    assert [each.label for each in periods] == ["undetermined", "disordered"]
    assert "cannot be told from vacuum" in periods[0].reason
    small = find_periods(values, p_values=np.full(120, 0.01))
    assert [each.label for each in small] == ["ordered", "disordered"]
    assert small[0].vacuum_p_value < 1e-6


def test_missing_frames():
    values = curve((40, 1.5), (40, 1.0))
    values[[0, 5, 39, 40, 79]] = np.nan
    periods = find_periods(values)
    assert [(each.start, each.stop) for each in periods] == [(0, 41), (41, 80)]
    assert [each.measured for each in periods] == [37, 38]
    with pytest.raises(InputError, match="no frame has a value"):
        find_periods(np.full(20, np.nan))


def test_columns_of_another_length_are_refused():
    with pytest.raises(InputError, match="times has 5 frames"):
        find_periods(np.ones(6), times=np.arange(5))


def test_a_very_short_curve_is_one_period():
    (period,) = find_periods([1.0, 2.0])
    assert (period.start, period.stop, period.measured) == (0, 2, 2)
