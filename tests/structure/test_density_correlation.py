import numpy as np
import pytest

from atomotion.data import InputError, UsageError
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.particles import fcc_sphere
from atomotion.structure.density_correlation import family_directions, local_correlation, offset_correlation

VOXEL = 0.5


def density(positions, size=48):
    """Gaussian atoms of 0.6 Å, particle's origin at voxel n // 2."""
    grid = (np.arange(size) - size // 2) * VOXEL
    total = np.zeros((size, size, size))
    for x, y, z in positions:
        blob = [np.exp(-0.5 * ((grid - each) / 0.6) ** 2) for each in (z, y, x)]
        total += blob[0][:, None, None] * blob[1][:, None] * blob[2]
    return total


def test_families_are_perpendicular_or_not_as_in_a_cube():
    assert [len(family_directions(each)) for each in ("100", "110", "111")] == [3, 6, 4]
    turn = matrices_from_quaternions(random_quaternions(1, np.random.default_rng(0))[0])
    np.testing.assert_allclose(family_directions("100", turn), turn.T)
    with pytest.raises(UsageError, match="110"):
        family_directions("112")


def test_peaks_lie_at_the_lattice_vectors():
    a = 3.92
    positions = fcc_sphere("Pt", 14.0, lattice=a).positions
    turn = matrices_from_quaternions(random_quaternions(1, np.random.default_rng(1))[0])
    values = density(positions @ turn.T)
    offsets = np.arange(-6.0, 6.01, 0.1)
    for family, step in (("100", a), ("110", a / np.sqrt(2))):
        for curve in offset_correlation(values, values, family_directions(family, turn), offsets, voxel_size=VOXEL):
            peaks = offsets[1:-1][(curve[1:-1] > curve[:-2]) & (curve[1:-1] > curve[2:]) & (curve[1:-1] > 0.25)]
            expected = [number * step for number in (-2, -1, 0, 1, 2) if abs(number) * step < 5.9]
            np.testing.assert_allclose(peaks, expected, atol=0.15)
            assert curve.max() == pytest.approx(1.0, abs=0.01)


def test_a_shifted_map_has_its_peak_where_it_was_shifted_from():
    positions = fcc_sphere("Pt", 12.0, centre=(0.2, 0.3, 0.1)).positions
    first, second = density(positions), density(positions + np.array([0.0, 0.0, 1.5]))
    offsets = np.arange(-4.0, 4.01, 0.1)
    curve = offset_correlation(first, second, [[0, 0, 1.0]], offsets, voxel_size=VOXEL)[0]
    # the second has to go back by 1.5 Å along z
    assert offsets[curve.argmax()] == pytest.approx(-1.5, abs=0.051)


def test_local_correlation_shows_where_an_atom_is_gone():
    positions = fcc_sphere("Pt", 14.0).positions
    gone = int(np.linalg.norm(positions - [5.0, 0, 0], axis=1).argmin())
    values = local_correlation(
        density(positions), density(np.delete(positions, gone, axis=0)), width=1.0, voxel_size=VOXEL
    )
    at = [tuple(np.round(p[::-1] / VOXEL + 24).astype(int)) for p in positions]
    found = np.array([values[each] for each in at])
    far = np.linalg.norm(positions - positions[gone], axis=1) > 6.0
    assert found[far].min() > 0.99
    assert found.argmin() == gone
    assert found[gone] < 0.5
    assert np.isnan(values[0, 0, 0])


def test_maps_that_cannot_be_compared():
    with pytest.raises(InputError, match="one grid"):
        local_correlation(np.ones((4, 4, 4)), np.ones((4, 4, 5)), width=1.0, voxel_size=1.0)
    with pytest.raises(InputError, match="constant"):
        local_correlation(np.ones((4, 4, 4)), np.ones((4, 4, 4)), width=1.0, voxel_size=1.0)
    values = density([[0.0, 0, 0]], 16)
    with pytest.raises(InputError, match="do not fit"):
        offset_correlation(values, values, [[1.0, 0, 0]], [9.0], voxel_size=VOXEL)
