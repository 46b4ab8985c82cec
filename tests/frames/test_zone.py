import numpy as np
import pytest

from atomotion.frames.peaks import FramePeaks
from atomotion.frames.zone import _pattern, zone_axis


@pytest.mark.parametrize(("axis", "most"), [((1, 1, 0), 3), ((1, 0, 0), 2), ((1, 1, 1), 3), ((2, 1, 1), 2)])
@pytest.mark.parametrize("seed", range(3))
def test_patterns_are_named(axis, most, seed):
    rng = np.random.default_rng(seed)
    pattern = _pattern(axis, 3.92, 0.8)
    pattern = pattern[np.argsort(np.hypot(*pattern.T))][: most + 1]
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    k = pattern @ rotation.T * rng.choice([-1, 1], len(pattern))[:, None] + rng.normal(scale=0.004, size=pattern.shape)
    height = rng.uniform(50, 200, len(k))
    order = np.argsort(-height)
    found = zone_axis(FramePeaks(k=k[order], height=height[order], strongest=height.max()), 3.92)
    assert found == "".join(str(index) for index in axis)


def test_one_direction_is_a_row_and_nothing_is_nothing():
    row = FramePeaks(k=np.array([[0.0, 0.442], [0.01, 0.884]]), height=np.array([80.0, 20.0]), strongest=80.0)
    assert zone_axis(row, 3.92) == "row"
    assert zone_axis(FramePeaks(k=np.empty((0, 2)), height=np.empty(0), strongest=2.0), 3.92) == ""
    odd = FramePeaks(k=np.array([[0.442, 0.0], [0.2, 0.45]]), height=np.array([80.0, 70.0]), strongest=80.0)
    assert zone_axis(odd, 3.92) == ""


def test_patterns_have_the_known_angles():
    pattern = _pattern((1, 1, 0), 3.92, 0.6)
    length = np.hypot(*pattern.T) * 3.92
    np.testing.assert_allclose(sorted(length**2), [3, 3, 4], atol=1e-9)
    first, second = pattern[np.isclose(length**2, 3)]
    angle = np.rad2deg(np.arccos(abs(first @ second) / 3 * 3.92**2))
    assert angle == pytest.approx(70.53, abs=0.01)
