"""The whole analysis against simulated truth."""

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.frames.config import ClassesConfig, FramesConfig, WindowsConfig
from atomotion.frames.measure import measure_boxes
from atomotion.geometry.rotations import inverse, rotate

PIXEL = 0.358
NO_CLASSES = ClassesConfig(frames=0)


def measure(boxes, **changes):
    config = FramesConfig(classes=NO_CLASSES, windows=WindowsConfig(min_frames=80), **changes)
    return measure_boxes(boxes, boxes, config, pixel_size=PIXEL, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def found(stepping):
    return measure(stepping.frames)


def test_the_diameter_follows_the_truth(found, stepping):
    away = np.abs(np.arange(300) - 150) > 10
    error = found.curve.diameter[away] / stepping.diameter[away] - 1
    assert np.abs(error).max() < 0.05
    covered = (found.curve.low < stepping.diameter) & (stepping.diameter < found.curve.high)
    assert covered[away].mean() > 0.9


def test_the_loss_is_found(found):
    assert len(found.windows) == 2
    assert found.windows[1].start == pytest.approx(150, abs=20)
    assert found.changes[0].atoms == pytest.approx(-0.25, abs=0.08)


def test_a_particle_that_only_turns_is_one_window(steady):
    found = measure(steady.frames)
    assert [(each.start, each.stop) for each in found.windows] == [(0, 300)]
    assert np.abs(found.curve.diameter / steady.diameter - 1).max() < 0.05


def test_lattice_parameter_and_region(found, stepping):
    assert found.lattice.mean == pytest.approx(3.92, rel=0.005)
    assert 0.4 < found.crystalline.mean() < 0.95
    before, after = (np.nanmedian(part) for part in np.split(found.region_diameters, 2))
    # regions miss the thin rim, by the same part before and after
    assert 0.85 < before / stepping.diameter[0] < 1.0
    assert after / before == pytest.approx(stepping.diameter[-1] / stepping.diameter[0], rel=0.03)


def test_zone_axes_lie_near_the_beam(found, stepping):
    beam = rotate(inverse(stepping.quaternions), np.array([[0.0, 0.0, 1.0]]))[:, 0]
    families = {
        "100": np.eye(3),
        "111": np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]]),
        "110": np.array([[1, 1, 0], [1, -1, 0], [1, 0, 1], [1, 0, -1], [0, 1, 1], [0, 1, -1]]),
    }
    named_angles, all_angles = [], []
    for name, family in families.items():
        named = np.array([zone == name for zone in found.zones])
        axes = family / np.linalg.norm(family, axis=1)[:, None]
        angle = np.rad2deg(np.arccos(np.clip(np.abs(beam @ axes.T).max(axis=1), 0, 1)))
        named_angles.append(angle[named])
        all_angles.append(np.median(angle))
    together = np.concatenate(named_angles)
    assert len(together) >= 15
    assert np.median(together) < 12
    assert np.median(together) < 0.6 * np.mean(all_angles)


def test_frames_without_a_particle_are_rejected(stepping):
    rng = np.random.default_rng(0)
    boxes = stepping.frames[:150].copy()
    empty = rng.choice(150, 15, replace=False)
    boxes[empty] = rng.poisson(boxes.mean(), (15, *boxes.shape[1:]))
    boxes[3] = np.nan
    boxes[9] *= 2.0
    found = measure(boxes)
    rejected = np.array([bool(note) for note in found.notes])
    assert rejected[empty].mean() > 0.7
    assert found.notes[3] == "constant, or not finite"
    assert "brighter" in found.notes[9]
    good = np.setdiff1d(np.arange(150), [*empty, 3, 9])
    assert rejected[good].mean() < 0.1


def test_denoised_boxes_beside_raw_ones(stepping):
    from scipy.ndimage import gaussian_filter

    denoised = gaussian_filter(stepping.frames, (0.5, 1, 1))
    found = measure_boxes(
        stepping.frames, denoised, FramesConfig(classes=NO_CLASSES), pixel_size=PIXEL, rng=np.random.default_rng(0)
    )
    assert found.threshold.bimodal
    assert found.lattice.mean == pytest.approx(3.92, rel=0.006)


def test_refusals(stepping):
    with pytest.raises(InputError, match="the series has 8 boxes"):
        measure(stepping.frames[:8])
    with pytest.raises(InputError, match="look like noise"):
        measure(np.random.default_rng(0).poisson(6.0, (100, 96, 96)))


@pytest.mark.slow
@pytest.mark.parametrize("dose", [50.0, 15.0])
def test_losses_of_a_sixth_are_found_within_50_frames(simulate, dose):
    for seed in range(4):
        boxes = simulate((250, 300, 250), losses=(0.15, 0.17), diameter=23.0, seed=10 + seed, dose=dose)
        found = measure_boxes(
            boxes.frames, boxes.frames, FramesConfig(classes=NO_CLASSES), pixel_size=PIXEL,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        starts = [each.start for each in found.windows[1:]]
        assert len(starts) == 2, f"seed {seed}: {starts}"
        np.testing.assert_allclose(starts, [250, 550], atol=50)


@pytest.mark.slow
def test_no_split_without_change(simulate):
    for seed in range(5):
        boxes = simulate((800,), diameter=21.0, seed=30 + seed)
        found = measure_boxes(
            boxes.frames, boxes.frames, FramesConfig(classes=NO_CLASSES), pixel_size=PIXEL,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        assert len(found.windows) == 1, f"seed {seed}: {found.windows}"
        assert np.abs(found.curve.diameter / boxes.diameter - 1).max() < 0.05
