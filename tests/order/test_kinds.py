"""The kinds of particle, by the shares of labelled periods."""

import numpy as np
import pytest

from atomotion.order.config import KindsConfig
from atomotion.order.kinds import kind_of_particle
from atomotion.order.periods import find_periods


def periods(*levels: tuple[int, float], relative: bool = True):
    values = np.concatenate([np.full(frames, level) for frames, level in levels])
    values += np.random.default_rng(0).normal(size=len(values)) * 0.02
    return find_periods(values, relative=values if relative else None)


def test_the_three_kinds():
    assert kind_of_particle(periods((300, 1.6))).kind == "ordered"
    assert kind_of_particle(periods((300, 1.0))).kind == "disordered"
    changing = kind_of_particle(periods((100, 1.6), (50, 1.0), (150, 1.6)))
    assert changing.kind == "changing"
    assert changing.evidence["changes"] == 2
    assert changing.evidence["share"]["disordered"] == pytest.approx(50 / 300, abs=0.01)


def test_no_scale_no_kind():
    found = kind_of_particle(periods((300, 1.6), relative=False))
    assert found.kind == "undetermined"
    assert "undetermined 100%" in found.reason


def test_a_short_episode_does_not_make_a_changing_particle():
    episode = periods((600, 1.6), (12, 1.0))
    assert kind_of_particle(episode).kind == "ordered"
    assert kind_of_particle(episode, KindsConfig(least_share=0.01)).kind == "changing"


def test_no_periods():
    assert kind_of_particle([]).kind == "undetermined"
