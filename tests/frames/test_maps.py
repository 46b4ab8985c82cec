import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.frames.bands import frequencies, lattice_bands
from atomotion.frames.maps import box_maps, usable_boxes
from atomotion.frames.rings import RING_WIDTH, ring_profiles, ring_weights, rough_place

PIXEL = 0.358


def test_bands_hold_their_frequencies():
    bands = lattice_bands((120, 120), PIXEL, longest=2.63, shortest=1.25)
    k = frequencies((120, 120), PIXEL)
    assert bands.lattice[(k > 0.42) & (k < 0.76)].min() > 0.98
    assert bands.lattice[(k < 0.33) | (k > 0.85)].max() < 0.02
    assert bands.low[0, 0] < 0.03
    assert bands.low[(k > 0.08) & (k < 0.34)].min() > 0.98


def test_pixels_that_cannot_show_the_lattice_are_refused():
    with pytest.raises(InputError, match=r"pixels of 1\.2 Å"):
        lattice_bands((64, 64), 1.2, longest=2.63, shortest=1.25)


def fringes(size=90, radius=9.0, at=(4.0, -3.0), contrast=0.2):
    y, x = (np.indices((size, size)) - size // 2) * PIXEL
    inside = np.hypot(x - at[0], y - at[1]) < radius
    return 5.0 * (1.0 + contrast * np.cos(2 * np.pi * 0.5 * x) * inside)


def test_energy_is_the_square_of_the_contrast_and_lies_where_the_fringes_are():
    maps = box_maps(fringes()[None], pixel_size=PIXEL)
    x, y, radius = rough_place(box_maps(np.repeat(fringes()[None], 4, axis=0), pixel_size=PIXEL))
    middle = maps.lattice[0, round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3].mean()
    assert middle == pytest.approx(0.2**2 / 2, rel=0.05)
    place = (np.array([x, y]) - maps.origin) * maps.cell
    np.testing.assert_allclose(place, [4.0, -3.0], atol=0.3)
    assert radius * maps.cell == pytest.approx(9.0, abs=1.5)


def test_boxes_without_a_mean_are_scaled_by_their_spread():
    box = fringes()
    box -= box.mean()
    maps = box_maps(np.stack([box, 3.0 * box, box, box]), pixel_size=PIXEL)
    scaled = box_maps(10.0 * np.stack([box, 3.0 * box, box, box]), pixel_size=PIXEL)
    np.testing.assert_allclose(maps.lattice, scaled.lattice, rtol=1e-3, atol=1e-6)
    assert maps.lattice[1].max() == pytest.approx(9.0 * maps.lattice[0].max(), rel=1e-3)


def test_broken_boxes_are_marked():
    boxes = np.stack([fringes(), np.full((90, 90), 3.0), fringes()])
    boxes[2, 5, 5] = np.nan
    np.testing.assert_array_equal(usable_boxes(boxes), [True, False, False])
    maps = box_maps(boxes, pixel_size=PIXEL)
    assert np.isfinite(maps.lattice).all()
    with pytest.raises(InputError, match="no box of the series"):
        box_maps(boxes[1:2], pixel_size=PIXEL)


def test_noise_is_no_particle():
    boxes = np.random.default_rng(0).poisson(6.0, (120, 90, 90))
    with pytest.raises(InputError, match="look like noise"):
        rough_place(box_maps(boxes, pixel_size=PIXEL))


def test_rings_keep_a_constant_and_tell_a_radius():
    weights = ring_weights((31, 31), (15.0, 15.0), cell=1.0, count=10)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    y, x = np.indices((31, 31))
    profile = ring_profiles(
        np.hypot(x - 15.0, y - 15.0).astype(np.float32)[None], np.array([[15.0, 15.0]]), cell=1.0, count=10
    )[0]
    np.testing.assert_allclose(profile[1:], (np.arange(1, 10) + 0.5) * RING_WIDTH, atol=0.25)
