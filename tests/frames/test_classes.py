import numpy as np
from scipy import ndimage

from atomotion.frames.classes import classify_frames
from atomotion.frames.config import ClassesConfig

PIXEL = 0.358


def crystal(size, tilt):
    """Fringes of two directions inside a disc, an L of atoms to make it lopsided; `tilt` changes the spacing."""
    y, x = (np.indices((size, size)) - size // 2) * PIXEL
    disc = 1 / (1 + np.exp((np.hypot(x, y) - 8.0) * 3))
    return (np.cos(2 * np.pi * 0.44 * x) + np.cos(2 * np.pi * (0.15 * x + tilt * y)) * (x > -2)) * disc


def frames_of(rng, noise=1.2):
    frames = []
    for tilt in (0.42, 0.51):
        image = crystal(81, tilt)
        for _ in range(24):
            turned = ndimage.rotate(image, rng.uniform(-40, 40), reshape=False, order=3)
            moved = ndimage.shift(turned, rng.uniform(-2, 2, 2), order=3)
            frames.append(moved + noise * rng.normal(size=moved.shape))
    return np.array(frames, dtype=np.float32) + 10.0


def classify(frames, **changes):
    config = ClassesConfig(frames=12, iterations=3, **changes)
    middle = np.full((len(frames), 2), 40.0)
    return classify_frames(
        frames, config, pixel_size=PIXEL, centres=middle, radius=9.0, use=np.isfinite(frames).all(axis=(1, 2))
    )


def test_turned_frames_are_laid_onto_each_other_and_classes_stay_in_time():
    rng = np.random.default_rng(0)
    found = classify(frames_of(rng))
    assert len(found.averages) == 4
    assert np.median(found.likeness) > 0.45
    # the two states are not mixed
    assert set(found.label[:20]) & set(found.label[28:]) == set()
    unturned = classify_frames(
        frames_of(np.random.default_rng(0)), ClassesConfig(frames=12, iterations=1, reach=0.0), pixel_size=PIXEL,
        centres=np.full((48, 2), 40.0), radius=9.0, use=np.ones(48, dtype=bool),
    )  # fmt: skip
    assert np.median(found.likeness) > np.median(unturned.likeness)


def test_frames_of_noise_are_rejected_and_broken_ones_left_out():
    rng = np.random.default_rng(1)
    frames = frames_of(rng, noise=0.4)
    frames[7] = 10.0 + 0.8 * rng.normal(size=frames[7].shape)
    frames[30] = np.nan
    found = classify(frames)
    assert found.rejected[7]
    assert found.rejected.sum() <= 2
    assert found.label[30] == -1
    assert np.isnan(found.likeness[30])
    assert np.isfinite(found.averages).all()
