"""The particle's polygon: simulated particles alone and on a support, the measured one, and nothing at all."""

import json

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.order.config import RegionConfig
from atomotion.order.polygon_mask import polygon_mask
from atomotion.order.region import Region, find_region, largest_rectangle
from atomotion.order.region_evidence import region_evidence
from atomotion.order.support import bump_over_line

SHAPE = (200, 220)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)


def columns(spacing: float, angle_deg: float) -> np.ndarray:
    """Three sets of fringes that make a lattice of dark columns."""
    angles = np.radians(angle_deg + np.array([0, 60, 120]))
    return sum(np.cos(2 * np.pi * (X * np.cos(a) + Y * np.sin(a)) / spacing) for a in angles) / 3


def soft(distance: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(distance / 1.5))


def simulate(seed: int, *, support: bool, radius: float = 45, contrast: float = 0.3, dose: float = 3.0):
    """Movie of a round particle (dark columns that turn), on slowly changing illumination; and the truth."""
    rng = np.random.default_rng(seed)
    illumination = dose * (1 + 0.06 * (X / SHAPE[1] + Y / SHAPE[0] - 1))
    centre = (110 + rng.uniform(-20, 20), 140 - 0.8 * radius) if support else (110, 100)
    particle = soft(np.hypot(X - centre[0], Y - centre[1]) - radius)
    slab = soft(140 + 0.05 * (X - 110) - Y) if support else np.zeros(SHAPE)
    particle = particle * (1 - slab)
    frames = []
    for _ in range(20):
        dark = 0.15 + contrast * (1 + columns(8, 20 + 8 * rng.normal())) / 2
        taken = particle * dark + slab * (0.2 + contrast * (1 + columns(9.6, 50)) / 2)
        frames.append(rng.poisson(illumination * (1 - taken)))
    return np.array(frames), particle > 0.5


def overlap(region: Region, truth: np.ndarray) -> float:
    """Intersection over union."""
    assert region.polygon is not None, region.reason
    mask = polygon_mask(region.polygon, truth.shape)
    return (mask & truth).sum() / (mask | truth).sum()


@pytest.mark.parametrize("contrast", [0.3, 0.1])
def test_a_particle_in_vacuum(contrast):
    frames, truth = simulate(0, support=False, contrast=contrast)
    region = find_region(region_evidence(frames))
    assert region.how == "alone"
    # the outline lies some 3 px outside, by smoothing
    assert overlap(region, truth) > 0.8
    assert not (polygon_mask(region.vacuum, SHAPE) & truth).any()


@pytest.mark.parametrize(("seed", "contrast"), [(1, 0.3), (2, 0.12)])
def test_a_particle_on_a_support_of_dark_columns(seed, contrast):
    frames, truth = simulate(seed, support=True, contrast=contrast)
    region = find_region(region_evidence(frames))
    assert overlap(region, truth) > 0.7
    # vacuum lies above the particle or beside it, not in the support
    if region.vacuum is not None:
        assert region.vacuum[:, 1].max() < 130


def test_noise_is_no_particle():
    frames = np.random.default_rng(0).poisson(3, (20, *SHAPE))
    evidence = region_evidence(frames)
    assert np.median(evidence.total) < 2
    region = find_region(evidence)
    assert region.polygon is None
    assert "nothing larger than 16 px" in region.reason
    assert region.vacuum is not None
    width, height = np.ptp(region.vacuum, axis=0)
    assert width * height > 0.6 * SHAPE[0] * SHAPE[1]


def test_a_specimen_all_over_is_no_particle():
    frames = np.random.default_rng(0).poisson(3 * (1 + 0.4 * columns(8, 20)), (20, *SHAPE))
    region = find_region(region_evidence(frames))
    assert region.polygon is None
    assert region.vacuum is None
    assert "no rectangle" in region.vacuum_reason


def test_the_measured_particle(data_dir):
    folder = data_dir / "pt_ceo2_movie"
    frames = np.load(folder / "movie.npz")["particle"]
    drawn = json.loads((folder / "reference.json").read_text())["polygon_xy"]
    region = find_region(region_evidence(frames))
    assert overlap(region, polygon_mask(drawn, frames.shape[1:])) > 0.7


def test_large_frames_are_binned():
    frames, truth = simulate(0, support=False)
    large = np.pad(frames, ((0, 0), (0, 0), (0, 340)), mode="wrap")[:, :, :560]
    large[:, :, 220:] = np.random.default_rng(1).poisson(3, large[:, :, 220:].shape)
    evidence = region_evidence(large, RegionConfig(frames=20))
    assert evidence.bin == 2
    region = find_region(evidence)
    assert overlap(region, np.pad(truth, ((0, 0), (0, 340)))) > 0.75


def test_the_bump_over_a_slanted_surface():
    surface = Y > 150 + 0.1 * X
    disc = np.hypot(X - 100, Y - 145) < 30
    bumps = list(bump_over_line(surface | disc))
    assert len(bumps) >= 1
    best = max(bumps, key=lambda bump: (bump & disc).sum())
    assert (best & ~disc & ~surface).sum() == 0
    assert (best & disc & ~surface).sum() > 0.85 * (disc & ~surface).sum()  # three pixels above the line are left out


def test_largest_rectangle():
    free = np.zeros((6, 8), dtype=bool)
    free[1:5, 2:5] = True
    free[2, 1:8] = True
    assert largest_rectangle(free) == (1, 2, 4, 3)
    assert largest_rectangle(np.zeros((3, 3), dtype=bool)) == (0, 0, 0, 0)


def test_one_frame_is_refused():
    with pytest.raises(InputError, match="at least 2 frames"):
        region_evidence(np.ones((1, 64, 64)))
