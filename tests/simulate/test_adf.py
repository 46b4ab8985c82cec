from dataclasses import replace

import numpy as np
import pytest

from atomotion.data import UsageError
from atomotion.particles import particle
from atomotion.simulate import AdfConfig, columns_of, cross_sections_of, simulate_adf

CONFIG = AdfConfig(diameter=20.8, pixel_size=0.2, width_px=160, height_px=150, dose=None)


def made(seed: int = 0, **changes: object):
    return simulate_adf(replace(CONFIG, **changes), np.random.default_rng(seed))


def test_columns_hold_all_atoms_and_the_image_their_cross_sections():
    adf = made()
    assert adf.counts.sum() == len(adf.atoms) == 314
    # along <110> rows are a / sqrt(2) apart, and no two columns nearer than a / sqrt(8) times sqrt(3)
    distances = np.linalg.norm(adf.columns[:, None] - adf.columns, axis=-1)[~np.eye(len(adf.counts), dtype=bool)]
    assert distances.min() == pytest.approx(3.92 * np.sqrt(3.0 / 8.0), abs=1e-6)
    assert adf.clean.sum() * 0.2**2 == pytest.approx(adf.cross_sections.sum(), rel=1e-4)
    y, x = (np.indices(adf.clean.shape)) * 0.2
    far = np.argmax(np.linalg.norm(adf.columns - adf.columns.mean(axis=0), axis=1))
    px, py = adf.columns[far]
    alone = simulate_adf(
        CONFIG, np.random.default_rng(0), columns=(adf.columns[[far]] - [16.0, 15.0], adf.counts[[far]])
    )
    width = 0.65**2 + 0.2**2 / 12
    expected = adf.cross_sections[far] * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * width)) / (2 * np.pi * width)
    np.testing.assert_allclose(alone.clean, expected, atol=2e-3 * expected.max())
    np.testing.assert_array_equal(alone.counts, adf.counts[[far]])
    assert alone.atoms is None


def test_cross_sections_follow_the_published_library():
    counts = np.array([1, 20])
    # 20 published values of Pt go from 0.019 to 0.522 Å²
    np.testing.assert_allclose(cross_sections_of(counts, atom_scs=0.019, channelling=0.02), [0.019, 0.522], rtol=0.01)
    np.testing.assert_allclose(cross_sections_of([3], atom_scs=0.02), [0.06])


def test_the_zone_axis_lies_along_the_beam():
    assert len(made(zone="100").counts) != len(made(zone="110").counts)
    straight, turned = made(zone="100"), made(zone="100", turn_deg=90.0)
    centre = np.array([80, 75]) * 0.2
    quarter = (straight.columns - centre) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + centre
    distances = np.linalg.norm(quarter[:, None] - turned.columns, axis=-1).min(axis=1)
    assert distances.max() < 1e-6
    assert len(made(zone="as_given").counts) == len(straight.counts)


def test_noise_is_that_of_the_dose():
    noisy = made(dose=1e3, background=0.3)
    electrons = 1e3 * 0.04
    difference = (noisy.image - noisy.clean) * electrons
    assert difference.var() == pytest.approx((noisy.clean * electrons).mean(), rel=0.03)
    np.testing.assert_allclose(noisy.image * electrons, np.rint(noisy.image * electrons), atol=1e-3)


def test_scan_lines_shift_and_atoms_leave():
    jittered = made(line_jitter=0.4)
    np.testing.assert_allclose(jittered.clean.sum(axis=1), made().clean.sum(axis=1), rtol=1e-4, atol=1e-5)
    assert np.abs(jittered.clean - made().clean).max() > 0.1 * made().clean.max()
    etched = made(lost_atoms=30)
    assert etched.counts.sum() == 284


def test_columns_of_displaced_atoms():
    atoms = particle("cuboctahedron", "Pt", 12.0).positions
    straight, counts = columns_of(atoms)
    shaken, same = columns_of(atoms + np.random.default_rng(0).normal(scale=0.05, size=atoms.shape))
    assert sorted(counts) == sorted(same)
    assert np.linalg.norm(straight[:, None] - shaken, axis=-1).min(axis=1).max() < 0.2


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="make the image larger"):
        made(width_px=60)
    with pytest.raises(UsageError, match="give one of them"):
        simulate_adf(
            CONFIG, np.random.default_rng(0), atoms=particle("sphere", "Pt", 10.0), columns=([[0.0, 0.0]], [3])
        )
