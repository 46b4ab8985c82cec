import numpy as np
import pytest

from atomotion.frames.lattice import lattice_parameters
from atomotion.frames.peaks import FramePeaks, PeakFinder, find_peaks

PIXEL = 0.358


def boxes(k, *, count=20, size=96, amplitude=0.6, seed=0):
    rng = np.random.default_rng(seed)
    y, x = (np.indices((size, size)) - size // 2) * PIXEL
    inside = np.hypot(x, y) < 10.0
    fringes = sum(np.cos(2 * np.pi * (kx * x + ky * y) + phase) for phase, (kx, ky) in enumerate(k))
    return (10.0 + amplitude * 3.0 * fringes * inside + 3.0 * rng.normal(size=(count, size, size))).astype(np.float32)


def finder_of(frames):
    middle = np.full((len(frames), 2), frames.shape[1] // 2, dtype=float)
    return PeakFinder(frames, pixel_size=PIXEL, centres=middle, radius=10.0)


def test_planted_fringes_are_found_where_they_are():
    planted = np.array([[0.39, 0.21], [0.30, -0.35], [0.0, 0.51]])
    finder = finder_of(boxes(planted))
    least = finder.noise_height(0.01)
    both = np.concatenate([planted, -planted])
    errors, heights = [], []
    for index in range(20):
        found = finder.peaks(index, least=least)
        assert len(found.k) == 3
        assert np.all(np.diff(found.height) <= 0)
        assert found.strongest == pytest.approx(found.height[0])
        errors.append(np.hypot(*(found.k[:, None] - both[None]).transpose(2, 0, 1)).min(axis=1))
        heights.append(found.height)
    # Cramér-Rao bound of both components for a plane wave in a disc of 10 Å: 1 / (π R sqrt(h)); the disc that was cut
    # out is of 12 Å, and its noise lowers the peaks by (12 / 10)²
    bound = 1.0 / (np.pi * 10.0 * np.sqrt(np.mean(heights) * 1.44))
    assert 0.9 * bound < np.sqrt(np.mean(np.square(errors))) < 1.6 * bound


def test_noise_reaches_its_height_as_often_as_it_should():
    frames = boxes([[0.4, 0.2]], amplitude=0.0, count=300)
    finder = finder_of(frames)
    strongest = np.array([each.strongest for each in find_peaks(finder, alpha=0.05, use=np.ones(300, dtype=bool))])
    share = np.mean(strongest > finder.noise_height(0.05))
    # 15 of 300 are expected
    assert 0.01 < share < 0.10
    unused = find_peaks(finder, alpha=0.05, use=np.zeros(300, dtype=bool))
    assert len(unused[0].k) == 0 and np.isnan(unused[0].strongest)


def test_the_lattice_parameter_names_the_rings_by_itself():
    a = 4.08
    lengths = np.sqrt([3.0, 3.0, 4.0, 8.0]) / a
    rng = np.random.default_rng(0)
    peaks = []
    for _ in range(30):
        angle = rng.uniform(0, 2 * np.pi, 4)
        radius = lengths * (1 + rng.normal(scale=0.005, size=4))
        peaks.append(
            FramePeaks(
                k=np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), height=np.full(4, 30.0),
                strongest=30.0,
            )
        )  # fmt: skip
    for expected in (None, 4.0):
        found = lattice_parameters(peaks, expected=expected)
        assert found.mean == pytest.approx(a, rel=0.002)
        assert np.nanmedian(found.error) == pytest.approx(0.005 * a / 2, rel=0.4)
    nothing = lattice_parameters([FramePeaks(k=np.empty((0, 2)), height=np.empty(0), strongest=3.0)] * 4, expected=None)
    assert np.isnan(nothing.mean) and np.isnan(nothing.value).all()
