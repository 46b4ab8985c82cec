"""Rotational diffusion from poses, against walks whose diffusion is known."""

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.geometry.rotations import compose, random_quaternions, small_random_quaternions
from atomotion.report.figures.window_evidence import rotation_over_time as drawn
from atomotion.tomography.turning import rotation_over_time


def walk(n: int, rms_deg: np.ndarray | float, rng: np.random.Generator) -> np.ndarray:
    """Poses that turn by `rms_deg` from image to image, root mean square."""
    turned = [random_quaternions(1, rng)[0]]
    for size in np.broadcast_to(rms_deg, n)[1:]:
        turned.append(compose(small_random_quaternions(1, float(size), rng)[0], turned[-1]))
    return np.array(turned)


@pytest.mark.parametrize("pose_deg", [0.0, 3.0])
def test_the_diffusion_is_found_whatever_the_errors_of_the_poses(pose_deg: float):
    interval, step_deg = 2.5e-3, 6.0
    truth = np.deg2rad(step_deg) ** 2 / (6.0 * interval)
    found, inside = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        poses = compose(small_random_quaternions(400, pose_deg, rng), walk(400, step_deg, rng))
        result = rotation_over_time(poses, times=np.arange(400) * interval, window=400, resamples=200, rng=rng)
        found.append(result.diffusion[0])
        inside.append(result.low[0] <= truth <= result.high[0])
        assert np.sqrt(np.mean(result.steps_deg**2)) == pytest.approx(
            np.hypot(step_deg, np.sqrt(2) * pose_deg), rel=0.1
        )
    assert np.mean(found) == pytest.approx(truth, rel=0.05)
    assert np.mean(inside) > 0.8


def test_the_error_of_the_poses_is_found():
    rng = np.random.default_rng(3)
    poses = compose(small_random_quaternions(2000, 4.0, rng), walk(2000, 3.0, rng))
    result = rotation_over_time(poses, window=2000, resamples=20, rng=rng)
    assert result.pose_error_deg[0] == pytest.approx(4.0, rel=0.1)


def test_a_particle_that_slows_down_shows_it():
    rng = np.random.default_rng(5)
    poses = walk(600, np.where(np.arange(600) < 300, 6.0, 2.0), rng)
    result = rotation_over_time(poses, window=100, stride=50, rng=rng)
    early, late = result.middles < 240, result.middles > 360
    assert result.low[early].min() > result.high[late].max()


def test_jumps_to_other_lattice_copies_do_not_count():
    rng = np.random.default_rng(7)
    poses = walk(300, 4.0, rng)
    quarter = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])
    torn = poses.copy()
    torn[100:] = compose(torn[100:], quarter)
    whole, jumped = (rotation_over_time(each, window=300, resamples=20, rng=rng) for each in (poses, torn))
    assert jumped.jumps.sum() == 1
    assert jumped.diffusion[0] == pytest.approx(whole.diffusion[0], rel=0.05)


def test_what_does_not_fit_is_refused():
    poses = walk(20, 4.0, np.random.default_rng(0))
    with pytest.raises(InputError, match="do not ascend"):
        rotation_over_time(poses, times=np.zeros(20))
    with pytest.raises(InputError, match="at least two poses"):
        rotation_over_time(poses[:1])


def test_too_few_images_give_no_number():
    result = rotation_over_time(walk(8, 4.0, np.random.default_rng(0)), resamples=5)
    assert np.isnan(result.diffusion).all()


def test_the_figure_shows_both_curves():
    result = rotation_over_time(walk(200, 4.0, np.random.default_rng(1)), window=50, resamples=20)
    figure = drawn(
        np.arange(199.0), result.steps_deg, label="frame", middles=result.middles, diffusion=result.diffusion,
        low=result.low, high=result.high,
    )  # fmt: skip
    above, below = figure.axes
    assert len(above.lines[0].get_xdata()) == 199
    assert len(below.lines[0].get_xdata()) == len(result.middles) == 7
