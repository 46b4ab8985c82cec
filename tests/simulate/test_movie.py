from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from atomotion.data import Frames, UsageError
from atomotion.geometry import rotate
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.movie import SimulatedMovie, simulate_movie, vacuum_movie

SMALL = MovieConfig(
    kind="sphere", diameter=12.0, frames=12, width_px=80, height_px=72, pixel_size=0.3, dose=20.0, periods="5 4 3"
)


def simulated(seed: int = 0, **changes: object) -> SimulatedMovie:
    return simulate_movie(replace(SMALL, **changes), np.random.default_rng(seed))


def correlation(noise: NDArray, axis: int) -> float:
    ahead, behind = (
        np.take(noise, range(1, noise.shape[axis]), axis),
        np.take(noise, range(noise.shape[axis] - 1), axis),
    )
    return float(np.mean(ahead * behind) / np.mean(noise**2))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"noise": "gaussian", "frame_correlation": 0.3, "pixel_correlation": 0.2},
        {"frame_correlation": 0.4, "dropped_frames": 3, "dark_first_frame": True},
        {"image": "transfer", "support_contrast": 0.05},
    ],
)
def test_every_way_of_reading_gives_the_same_movie(changes: dict[str, object]):
    config = replace(SMALL, **changes)
    whole = simulate_movie(config, np.random.default_rng(3))
    lazy = simulate_movie(config, np.random.default_rng(3), lazy=True)
    frames = lazy.movie.frames
    assert isinstance(frames, Frames)
    assert not isinstance(frames, np.ndarray)
    assert frames.shape == (12, 72, 80)
    expected = whole.movie.frames
    np.testing.assert_array_equal(frames[9], expected[9])
    np.testing.assert_array_equal(frames[2:7, 10:20, ::2], expected[2:7, 10:20, ::2])
    np.testing.assert_array_equal(np.concatenate([frames[0:5], frames[5:6], frames[6:12]]), expected)
    np.testing.assert_array_equal(frames[-1], expected[11])
    np.testing.assert_array_equal(lazy.clean[4:8], whole.clean[4:8])
    assert frames[3:3].shape == (0, 72, 80)
    with pytest.raises(IndexError):
        frames[12]


def test_the_seed_decides():
    np.testing.assert_array_equal(simulated(1).movie.frames, simulated(1).movie.frames)
    assert (np.asarray(simulated(1).movie.frames) != simulated(2).movie.frames).mean() > 0.1


def test_the_truth_explains_every_clean_frame():
    """A movie of Gaussian atoms without suppression is a sum of the Gaussians at the true positions."""
    movie = simulated(noise="none", longest=None, atom_contrast=0.02, atom_width=0.4, drift_x=0.2, drift_walk=0.3)
    y, x = (np.indices((72, 80)) - np.array([36, 40])[:, None, None]) * 0.3
    for frame in (0, 6, 11):
        expected = np.ones((72, 80))
        for px, py, _ in movie.positions(frame):
            # the average over a pixel lowers the peak of the reference atom and of these by the same factor
            expected -= 0.02 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * (0.4**2 + 0.3**2 / 12)))
        np.testing.assert_allclose(movie.clean[frame], 20.0 * 0.09 * expected, atol=0.002 * 1.8)


def test_positions_follow_from_pose_and_arrangement():
    movie = simulated()
    np.testing.assert_array_equal(movie.ordered, [True] * 5 + [False] * 4 + [True] * 3)
    turned = rotate(movie.poses.quaternions[2], movie.atoms.positions)
    turned[:, :2] += movie.drift[2]
    np.testing.assert_allclose(movie.positions(2), turned)
    molten = [movie.positions(frame) for frame in (5, 6)]
    assert all(positions.shape == movie.atoms.positions.shape for positions in molten)
    assert np.abs(molten[0] - molten[1]).max() > 1.0
    np.testing.assert_allclose(movie.times, np.arange(12) * 0.0133)


def test_poisson_counts_have_the_dose_and_its_noise():
    vacuum = np.asarray(
        vacuum_movie(replace(SMALL, units_per_electron=30.0, dose=40.0), np.random.default_rng(0)).frames
    )
    electrons = 40.0 * 0.09
    assert vacuum.mean() == pytest.approx(30 * electrons, rel=0.01)
    assert vacuum.var() == pytest.approx(900 * electrons, rel=0.03)
    np.testing.assert_array_equal(vacuum % 30, 0.0)
    for axis in range(3):
        assert correlation(vacuum - vacuum.mean(), axis) == pytest.approx(0.0, abs=0.015)


@pytest.mark.parametrize("noise", ["poisson", "gaussian"])
def test_correlated_noise_has_the_wanted_correlations_and_variance(noise: str):
    config = replace(SMALL, frames=40, noise=noise, pixel_correlation=0.25, frame_correlation=0.35)
    white = np.asarray(
        vacuum_movie(replace(config, pixel_correlation=0.0, frame_correlation=0.0), np.random.default_rng(0)).frames
    )
    noisy = np.asarray(vacuum_movie(config, np.random.default_rng(0)).frames)
    field = noisy - noisy.mean()
    assert correlation(field, 0) == pytest.approx(0.35, abs=0.015)
    assert correlation(field, 1) == pytest.approx(0.25, abs=0.015)
    assert correlation(field, 2) == pytest.approx(0.25, abs=0.015)
    assert correlation(field[::2], 0) == pytest.approx(0.0, abs=0.015)
    assert field.var() == pytest.approx(white.var(), rel=0.03)


def test_gaussian_noise_has_the_wanted_level():
    movie = simulated(noise="gaussian", snr_db=3.0, periods=None, frames=30, dose=100.0)
    noise = np.asarray(movie.movie.frames) - movie.clean
    y, x = (np.indices((72, 80)) - np.array([36, 40])[:, None, None]) * 0.3
    signal = []
    for clean, (dx, dy) in zip(movie.clean, movie.drift, strict=True):
        signal.append(clean[np.hypot(x - dx, y - dy) <= movie.diameter / 2].var())
    assert 10 * np.log10(np.mean(signal) / noise.var()) == pytest.approx(3.0, abs=0.2)
    assert vacuum_movie(
        replace(SMALL, noise="gaussian", snr_db=3.0, periods=None, frames=30, dose=100.0), np.random.default_rng(0)
    ).frames[:].std() == pytest.approx(noise.std(), rel=0.01)


def test_a_vacuum_from_an_equal_generator_has_other_noise():
    movie = np.asarray(simulated(noise="gaussian").movie.frames) - simulated(noise="gaussian").clean
    vacuum = np.asarray(vacuum_movie(replace(SMALL, noise="gaussian"), np.random.default_rng(0)).frames)
    assert abs(np.corrcoef(movie.ravel(), vacuum.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(("contrast", "sign"), [("dark", -1), ("bright", 1)])
def test_the_depth_and_sign_of_a_single_atom(contrast: str, sign: int):
    movie = simulated(
        kind="sphere", diameter=8.0, contrast=contrast, atom_contrast=0.1, noise="none", drift_walk=0.0,
        rotation_deg=0.0, start="100", element="Pt", periods=None, frames=1, atom_width=0.3, longest=50.0,
    )  # fmt: skip
    assert movie.movie.contrast == contrast
    change = movie.clean[0] / (20 * 0.09) - 1
    # of 19 atoms seen along <100>, three lie in the column at the centre
    assert sign * change[36, 40] == pytest.approx(0.3, abs=0.03)


def test_a_lens_that_makes_atoms_bright_is_not_called_dark():
    with pytest.raises(UsageError, match="set contrast to bright"):
        simulated(image="transfer", defocus=-60.0, cs=-5e4)
    with pytest.raises(UsageError, match="no contrast"):
        simulated(image="transfer", defocus=0.0, cs=0.0)
    movie = simulated(image="transfer", defocus=-60.0, cs=-5e4, contrast="bright", noise="none", periods=None)
    assert movie.movie.defocus == -60.0
    assert movie.movie.voltage == 300e3
    assert movie.clean.max() - 1.8 > 1.8 - movie.clean.min()


def test_faults_are_where_the_truth_says():
    movie = simulated(dark_first_frame=True, dropped_frames=4)
    means = np.asarray(movie.movie.frames).mean(axis=(1, 2))
    assert means[0] == pytest.approx(0.18, rel=0.05)
    np.testing.assert_allclose(means[1:], 1.8, rtol=0.03)
    gaps = np.diff(movie.times) / 0.0133
    assert len(movie.movie) == 12
    assert movie.movie.times is None
    assert gaps.sum() == pytest.approx(movie.timeline[-1])
    assert movie.timeline[-1] >= 12
    # a frame after a gap is the one of its own time
    whole = simulated(dark_first_frame=True, frames=16)
    assert len(movie.poses) == len(movie.ordered) == 12
    np.testing.assert_allclose(movie.poses.quaternions, whole.poses.quaternions[movie.timeline])


def test_the_support_is_a_textured_half_plane_that_drifts_with_the_stage():
    movie = simulated(
        noise="none",
        support_contrast=0.05,
        atom_contrast=1e-6,
        drift_walk=0.0,
        drift_x=0.3,
        drift_y=0.6,
        frames=6,
        periods=None,
    )
    change = movie.clean / 1.8 - 1
    assert np.abs(change[0, :40]).max() < 1e-3
    assert change[0, 60:].std() == pytest.approx(0.05, rel=0.2)
    # one pixel along x and two along y per frame
    np.testing.assert_allclose(change[3, 56:, 3:], change[2, 54:-2, 2:-1], atol=2e-3)


def test_steps_are_reported():
    seen: list[tuple[int, int]] = []
    simulate_movie(
        replace(SMALL, frames=3), np.random.default_rng(0), on_step=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
