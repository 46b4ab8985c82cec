"""Drift of a particle that melts and orders again: molten frames say nothing about where the lattice is."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from atomotion.track import DriftConfig, estimate_drift

PERIOD, SIZE, DOSE = 6.0, 128, 3.0


def frame(displacement, turn: float, molten: bool, rng: np.random.Generator) -> np.ndarray:
    """(y, x) counts of a disc with a slowly turning lattice, or with a pattern of its own as fine and strong."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    x, y = x - displacement[0], y - displacement[1]
    inside = 1 / (1 + np.exp((np.hypot(x, y) - 22) / 1.5))
    if molten:
        pattern = gaussian_filter(rng.normal(size=(SIZE, SIZE)), PERIOD / 5)
        pattern /= pattern.std()
    else:
        pattern = sum(np.cos(2 * np.pi * (x * np.cos(a) + y * np.sin(a)) / PERIOD) for a in (turn, turn + 1.23))
    return rng.poisson(DOSE * (1 - 0.12 * inside * pattern))


@pytest.fixture(scope="module")
def movie():
    rng = np.random.default_rng(0)
    t = np.arange(130)
    path = np.stack([0.04 * t + 2 * np.sin(t / 32), -2 * np.cos(t / 24)], axis=1) + rng.normal(0, 0.1, (130, 2))
    molten = (t // 25) % 2 == 1
    frames = np.array([frame(path[i], 0.3 + 0.002 * i, bool(molten[i]), rng) for i in t])
    return frames, path, molten


def test_lattice_is_found_again_where_it_was(movie):
    """Laid where it fits best, a molten frame lies anywhere, and would take the lattice that forms again with it."""
    frames, path, molten = movie
    found = estimate_drift(frames, DriftConfig())
    away = found.xy - path
    away -= np.median(away[~molten], axis=0)
    assert np.sqrt(np.mean(away[~molten] ** 2)) < 0.3
    assert np.abs(away[~molten]).max() < PERIOD / 3
    # between two ordered periods the path is interpolated
    assert np.sqrt(np.mean(away[molten] ** 2)) < 1.0
    assert found.is_visible
    assert found.error_px < 0.5


def test_score_tells_molten_from_ordered(movie):
    frames, _, molten = movie
    score = estimate_drift(frames, DriftConfig(check=False)).score
    assert np.median(score[molten]) < 0.3
    assert np.median(score[~molten]) == pytest.approx(1, abs=0.15)
    assert np.mean((score < 0.5) == molten) > 0.95
