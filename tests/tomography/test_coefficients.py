import math

import numpy as np
import pytest
import torch
from scipy import fft

from atomotion.data import InputError
from atomotion.tomography.coefficients import box_coefficients, disc, masked_transform
from atomotion.tomography.half_plane import half_plane, restricted

PIXEL = 0.4


def coloured_noise(n: int, size: int, seed: int) -> np.ndarray:
    k = np.hypot(fft.fftfreq(size)[:, None], fft.fftfreq(size))
    white = np.random.default_rng(seed).normal(size=(n, size, size))
    return fft.ifft2(fft.fft2(white) * np.exp(-3.0 * k)).real.astype(np.float32)


def test_coefficients_are_the_direct_sums():
    images = np.random.default_rng(0).normal(size=(2, 16, 16)).astype(np.float32)
    plane = half_plane(16, PIXEL, lowest=0.1, highest=0.9)
    y, x = np.meshgrid((np.arange(16) - 8) * PIXEL, (np.arange(16) - 8) * PIXEL, indexing="ij")
    angle = plane.kx.numpy()[:, None, None] * x + plane.ky.numpy()[:, None, None] * y
    direct = np.einsum("nyx,kyx->nk", images, np.exp(-2j * np.pi * angle))
    np.testing.assert_allclose(plane.transform(torch.from_numpy(images)), direct, atol=2e-4)


def test_each_frequency_of_half_the_plane_is_there_once():
    plane = half_plane(20, PIXEL, lowest=0.2, highest=0.8)
    both = torch.stack([torch.cat([plane.kx, -plane.kx]), torch.cat([plane.ky, -plane.ky])], dim=1)
    assert len(torch.unique(both.mul(1e4).round(), dim=0)) == 2 * len(plane)
    area = math.pi * (0.8**2 - 0.2**2) / plane.step**2
    assert 2 * len(plane) == pytest.approx(area, rel=0.05)


def test_a_displaced_image_has_displaced_phases():
    image = np.zeros((1, 32, 32), dtype=np.float32)
    image[0, 16, 16] = 1.0
    moved = np.roll(image, (3, -2), axis=(1, 2))
    plane = half_plane(32, PIXEL, lowest=0.0, highest=1.0)
    expected = plane.transform(torch.from_numpy(image)) * plane.phases(torch.tensor([[-2 * PIXEL, 3 * PIXEL]]))
    torch.testing.assert_close(plane.transform(torch.from_numpy(moved)), expected, atol=1e-5, rtol=0)


def test_a_restricted_plane_picks_the_same_coefficients():
    images = torch.randn((3, 24, 24), generator=torch.Generator().manual_seed(0))
    plane = half_plane(24, PIXEL, lowest=0.1, highest=1.1)
    used = plane.k < 0.6
    smaller = restricted(plane, used)
    assert smaller.reach < plane.reach
    torch.testing.assert_close(smaller.transform(images), plane.transform(images)[:, used])


@pytest.mark.parametrize("has_background", [True, False])
def test_noise_projects_with_unit_variance_on_what_lies_inside(has_background: bool):
    images, background = coloured_noise(400, 64, 0), coloured_noise(400, 64, 1)
    result = box_coefficients(
        images,
        pixel_size=PIXEL,
        radius=8.0,
        resolution=1.1,
        longest=4.0,
        background=background if has_background else None,
    )
    # templates: random points well inside of the disc, through the same gain
    rng = np.random.default_rng(2)
    points = torch.from_numpy(rng.uniform(-4.0, 4.0, size=(200, 2)))
    templates = torch.stack(
        [result.plane.phases(points[i : i + 20].float()).sum(0) * result.gain for i in range(0, 200, 20)]
    )
    z = (result.values @ templates.conj().T).real / templates.norm(dim=1)
    # 4000 values of which a few hundred are independent
    assert float(z.std()) == pytest.approx(1.0, abs=0.07)
    assert float(result.values.abs().square().mean()) / 2 == pytest.approx(result.filled, rel=0.05)


def test_bright_spots_of_the_background_are_left_out():
    images, background = coloured_noise(50, 64, 0), coloured_noise(200, 64, 1)
    x = np.arange(64) - 32
    phase = np.random.default_rng(3).uniform(0, 2 * np.pi, size=(200, 1, 1))
    spot = 12 / 64 / PIXEL
    lattice = np.cos(2 * np.pi * spot * PIXEL * x + phase).astype(np.float32)
    common = {"pixel_size": PIXEL, "radius": 8.0, "resolution": 1.1, "longest": 4.0}
    clean = box_coefficients(images, background=background, **common)
    spotted = box_coefficients(images, background=background + lattice, **common)
    assert len(spotted.plane) < len(clean.plane)
    distance = torch.hypot(spotted.plane.kx - spot, spotted.plane.ky)
    assert float(distance.min()) > clean.plane.step
    assert len(clean.plane) - len(spotted.plane) < 0.05 * len(clean.plane)


def test_tempering_matters_for_clean_images_only():
    noise = coloured_noise(200, 64, 0)
    common = {
        "pixel_size": PIXEL,
        "radius": 8.0,
        "resolution": 1.1,
        "longest": 4.0,
        "background": coloured_noise(300, 64, 1),
    }
    empty = box_coefficients(noise, **common)
    assert float((empty.tempered(1.0).gain / empty.gain).min()) > 0.85
    rng = np.random.default_rng(4)
    strong = noise + 30.0 * disc(64, PIXEL, 5.0).numpy() * coloured_noise(200, 64, 5) * rng.normal(size=(200, 1, 1))
    bright = box_coefficients(strong.astype(np.float32), **common)
    assert float((bright.tempered(1.0).gain / bright.gain).max()) < 0.3


def test_the_mean_is_taken_off():
    plane = half_plane(32, PIXEL, lowest=0.1, highest=1.0)
    mask = disc(32, PIXEL, 4.0)
    values = masked_transform(np.full((1, 32, 32), 7.0, dtype=np.float32), plane, mask)
    assert float(values.abs().max()) < 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius": 14.0}, "does not hold a disc of radius 14.0"),
        ({"resolution": 0.5}, "do not resolve 0.5"),
    ],
)
def test_boxes_that_do_not_fit_are_refused(change: dict, message: str):
    common = {"pixel_size": PIXEL, "radius": 8.0, "resolution": 1.1, "longest": 4.0} | change
    with pytest.raises(InputError, match=message):
        box_coefficients(coloured_noise(4, 64, 0), **common)


def test_boxes_without_noise_are_refused():
    with pytest.raises(InputError, match="no noise outside"):
        box_coefficients(np.zeros((3, 64, 64), np.float32), pixel_size=PIXEL, radius=8.0, resolution=1.1, longest=4.0)
