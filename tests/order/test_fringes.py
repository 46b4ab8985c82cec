"""Planted fringes, noise alone, and what the angles mean."""

import numpy as np
import pytest

from atomotion.data import UsageError
from atomotion.order.config import FringesConfig
from atomotion.order.fringes import find_fringes

POLYGON = np.array([[30, 40], [90, 25], [115, 80], [70, 118], [28, 100]])
Y, X = np.mgrid[:140, :150]


def movie(rng, frames: int, spacing: float, angle_deg: float, contrast: float) -> np.ndarray:
    """Fringes that shift from frame to frame, 3 electrons per pixel."""
    along = X * np.cos(np.radians(angle_deg)) + Y * np.sin(np.radians(angle_deg))
    phases = rng.uniform(0, 2 * np.pi, frames)
    return np.array([rng.poisson(3 * (1 + contrast * np.cos(2 * np.pi * along / spacing + p))) for p in phases])


def off(angle: float, truth: float) -> float:
    return (angle - truth + 90) % 180 - 90


@pytest.mark.parametrize(("frames", "contrast"), [(1, 0.3), (20, 0.1), (60, 0.06)])
def test_planted_fringes_are_found(frames, contrast):
    """Root mean squares are 0.2 to 0.35 % and 0.15 to 0.2 degrees."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        spacing, angle = rng.uniform(4, 12), rng.uniform(0, 180)
        fringes = find_fringes(movie(rng, frames, spacing, angle, contrast), POLYGON, pixel_size=0.5)
        assert fringes is not None
        assert fringes.spacing_px == pytest.approx(spacing, rel=0.01)
        assert fringes.spacing == pytest.approx(0.5 * fringes.spacing_px)
        assert abs(off(fringes.wave_vector_angle_deg, angle)) < 1
        assert abs(off(fringes.fringe_angle_deg, angle + 90)) < 1
        assert fringes.p_value < 1e-3


def test_angles_go_from_x_towards_y():
    vertical = find_fringes(movie(np.random.default_rng(0), 1, 7, 0, 0.8), POLYGON)
    assert abs(off(vertical.wave_vector_angle_deg, 0)) < 0.5
    assert abs(off(vertical.fringe_angle_deg, 90)) < 0.5
    # brightest where x + 2 y is constant: the fringes run down to the left
    slanted = find_fringes(movie(np.random.default_rng(0), 1, 7, np.degrees(np.arctan2(2, 1)), 0.8), POLYGON)
    assert abs(off(slanted.wave_vector_angle_deg, 63.43)) < 0.5


@pytest.mark.parametrize(("frames", "movies", "most"), [(1, 60, 3), (8, 25, 1)])
def test_noise_has_no_fringes(frames, movies, most):
    """At alpha 0.001; in 400 single frames there were 4, in 550 longer movies none."""
    found = 0
    for seed in range(movies):
        noise = np.random.default_rng(1000 + seed).poisson(3, (frames, 140, 150))
        found += find_fringes(noise, POLYGON) is not None
    assert found <= most


def test_an_outline_is_no_fringe():
    blob = 3 + 2 * np.exp(-((X - 60) ** 2 / 200 + (Y - 70) ** 2 / 1250)) + X / 100
    for seed in range(4):
        assert find_fringes(np.random.default_rng(seed).poisson(blob, (20, 140, 150)), POLYGON) is None


def test_only_the_period_and_only_the_polygon_count():
    rng = np.random.default_rng(0)
    frames = np.concatenate((movie(rng, 10, 6, 20, 0.3), rng.poisson(3, (10, 140, 150))))
    assert find_fringes(frames, POLYGON, start=0, stop=10) is not None
    assert find_fringes(frames, POLYGON, start=10, stop=20) is None
    outside = rng.poisson(3, (10, 140, 150))
    outside[:, :, 120:] = movie(rng, 10, 6, 20, 0.5)[:, :, 120:]
    assert find_fringes(outside, POLYGON) is None


def test_the_polygon_follows_the_drift():
    rng = np.random.default_rng(0)
    drift = np.column_stack((np.linspace(0, 30, 10), np.linspace(0, 20, 10)))
    frames = rng.poisson(3, (10, 140, 150))
    patch = movie(rng, 10, 6, 20, 0.5)[:, 25:119, 28:116]
    for frame, part, (dx, dy) in zip(frames, patch, np.rint(drift).astype(int), strict=True):
        frame[25 + dy : 119 + dy, 28 + dx : 116 + dx] = part
    still, moving = (find_fringes(frames, POLYGON, drift=each) for each in (None, drift))
    assert moving is not None
    assert still is None or moving.contrast > still.contrast


def test_a_polygon_too_small_is_refused():
    with pytest.raises(UsageError, match="no spacing to search"):
        find_fringes(np.ones((1, 40, 40)), [[5, 5], [12, 5], [12, 12]], FringesConfig(shortest_px=3.0))
