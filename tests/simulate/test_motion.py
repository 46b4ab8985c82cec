import numpy as np
import pytest

from atomotion.data import UsageError
from atomotion.geometry import angle_between, inverse, rotate
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.motion import drift, orientations, tumbling

START = np.array([1.0, 0, 0, 0])


def steps_deg(quaternions: np.ndarray) -> np.ndarray:
    return angle_between(quaternions[:-1], quaternions[1:])


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_steps_have_the_wanted_size_whatever_the_memory(memory: float):
    turns = tumbling(4000, start=START, rms_deg=1.2, memory=memory, cone_deg=None, rng=np.random.default_rng(0))
    # with memory m there are about n (1 - m) / (1 + m) independent steps
    assert np.sqrt(np.mean(steps_deg(turns) ** 2)) == pytest.approx(1.2, rel=0.06)


def test_memory_is_the_correlation_of_neighbouring_steps():
    turns = tumbling(4000, start=START, rms_deg=0.5, memory=0.8, cone_deg=None, rng=np.random.default_rng(1))
    vectors = np.diff(turns[:, 1:], axis=0)[:300]  # near the identity the vector part is half of the rotation vector
    correlation = np.mean(vectors[:-1] * vectors[1:]) / np.mean(vectors**2)
    assert correlation == pytest.approx(0.8, abs=0.15)


def test_the_cone_holds_and_is_used():
    turns = tumbling(3000, start=START, rms_deg=1.0, memory=0.5, cone_deg=4.0, rng=np.random.default_rng(2))
    directions = rotate(turns, rotate(inverse(START), [[0.0, 0, 1]]))[:, 0]
    tilt = np.rad2deg(np.arccos(np.clip(directions[:, 2], -1, 1)))
    assert tilt.max() <= 4.0
    assert tilt.max() > 3.0
    # rotation about the beam stays free
    assert angle_between(np.broadcast_to(START, turns.shape), turns).max() > 15.0


def test_a_zone_axis_starts_along_the_beam():
    config = MovieConfig(start="111", cone_deg=2.0)
    quaternions = orientations(config, 50, np.random.default_rng(3))
    first = rotate(quaternions[0], [[1.0, 1.0, 1.0]])[0]
    np.testing.assert_allclose(first, [0, 0, np.sqrt(3)], atol=1e-12)
    with pytest.raises(UsageError, match="zone axis"):
        orientations(MovieConfig(cone_deg=2.0), 5, np.random.default_rng(3))


def test_drift_walks_and_runs():
    walked = drift(5000, walk=0.15, steady=(0.0, 0.0), rng=np.random.default_rng(4))
    assert np.sqrt(np.mean(np.sum(np.diff(walked, axis=0) ** 2, axis=1))) == pytest.approx(0.15, rel=0.03)
    np.testing.assert_array_equal(walked[0], 0.0)
    np.testing.assert_allclose(drift(4, walk=0.0, steady=(0.5, -1.0), rng=np.random.default_rng(5))[3], [1.5, -3.0])
