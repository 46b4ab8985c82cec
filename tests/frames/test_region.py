import numpy as np
import pytest

from atomotion.frames.crystallinity import bimodal_threshold
from atomotion.frames.peaks import FramePeaks
from atomotion.frames.region import crystalline_region

PIXEL = 0.358


def region_of(diameter, *, sphere):
    rng = np.random.default_rng(0)
    y, x = (np.indices((112, 112)) - 56) * PIXEL
    r = np.hypot(x - 2.0, y + 1.5)
    envelope = np.sqrt(np.maximum(1 - (2 * r / diameter) ** 2, 0)) if sphere else r < diameter / 2
    k = np.array([[0.40, 0.19], [0.31, -0.33]])
    fringes = sum(np.cos(2 * np.pi * (a * x + b * y)) for a, b in k)
    box = 10.0 + 2.0 * fringes * envelope + rng.normal(size=x.shape)
    peaks = FramePeaks(k=k, height=np.array([90.0, 80.0]), strongest=90.0)
    return crystalline_region(box, peaks, pixel_size=PIXEL, expected=0.85 * diameter)


@pytest.mark.parametrize("diameter", [14.0, 20.0, 26.0])
def test_the_region_has_the_size_and_place_of_the_fringes(diameter):
    found = region_of(diameter, sphere=False)
    assert found.diameter == pytest.approx(diameter, rel=0.05)
    np.testing.assert_allclose((np.array(found.centre) - 56) * PIXEL, [2.0, -1.5], atol=0.8)
    assert found.mask.sum() * PIXEL**2 == pytest.approx(np.pi / 4 * found.diameter**2, rel=0.01)


def test_the_thin_rim_of_a_sphere_is_missed_by_the_same_part_at_every_size():
    ratios = [region_of(diameter, sphere=True).diameter / diameter for diameter in (14.0, 18.0, 22.0, 26.0)]
    assert 0.84 < np.mean(ratios) < 0.93
    assert np.ptp(ratios) < 0.06


def test_no_peaks_no_region():
    none = FramePeaks(k=np.empty((0, 2)), height=np.empty(0), strongest=3.0)
    assert crystalline_region(np.zeros((40, 40)), none, pixel_size=PIXEL, expected=20.0) is None


def test_two_kinds_of_peaks_are_told_apart_and_one_kind_is_not():
    rng = np.random.default_rng(0)
    low, high = np.exp(rng.normal(2.0, 0.3, 200)), np.exp(rng.normal(4.5, 0.5, 300))
    found = bimodal_threshold(np.concatenate([low, high]), noise=10.0)
    assert found.bimodal
    assert np.mean(low > found.value) < 0.03
    assert np.mean(high < found.value) < 0.05
    one = bimodal_threshold(np.append(low, np.nan), noise=10.0)
    assert not one.bimodal
    assert one.value == 10.0
    assert bimodal_threshold(np.full(50, 7.0), noise=10.0).value == 10.0
