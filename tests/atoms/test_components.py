"""Connected components, their splitting, and the search of the threshold."""

import numpy as np
import pytest
from scipy import fft, ndimage

from atomotion.atoms import (
    ModelCorrelation,
    find_peaks,
    search_all,
    search_uniform,
    split_components,
)
from atomotion.atoms.filtered_map import apart, frequency_radius, matched_filter
from atomotion.data import InputError
from atomotion.particles import cuboctahedron


def blobs(places, shape=(24, 24, 60), sigma=2.0, heights=None):
    """Gaussian blobs at places z y x [voxels]."""
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    values = np.zeros(shape)
    for number, place in enumerate(places):
        height = 1.0 if heights is None else heights[number]
        values += height * np.exp(-0.5 * np.sum((grid - place) ** 2, axis=-1) / sigma**2)
    return values


@pytest.mark.parametrize("count", range(1, 8))
def test_joined_atoms_are_split_however_many_they_are(count):
    places = np.stack([np.full(count, 11.0), np.full(count, 12.0), 8.0 + 6.0 * np.arange(count)], axis=1)
    places[:, 0] += np.random.default_rng(count).uniform(-1.0, 1.0, size=count)
    values = blobs(places)
    assert ndimage.label(values > 0.2)[1] == 1
    peaks, _ = find_peaks(values, voxel_size=0.4, separation=1.5, least=0.2)
    split = split_components(values, values, peaks, threshold=0.2, radius=1.2, voxel_size=0.4)
    order = np.argsort(split.places[:, 2])
    assert len(split.places) == count and (split.joined == count).all()
    np.testing.assert_allclose(split.places[order], places, atol=0.35)
    # every voxel belongs to one atom, and to the nearest
    assert split.voxels.sum() == (split.labels > 0).sum()
    assert (split.radii < 1.2 + 0.4).all() and (split.radii > 0.4).all()


@pytest.mark.parametrize("size", [0.2, 0.358, 0.6])
def test_the_radius_of_an_atom_is_in_angstroms_whatever_the_voxel(size):
    spacing = 2.2 / size
    places = np.array([[12.0, 12.0, 15.0 + spacing * number] for number in range(3)])
    values = blobs(places, shape=(25, 25, 70), sigma=0.9 / size)
    assert ndimage.label(values > 0.1)[1] == 1
    peaks, _ = find_peaks(values, voxel_size=size, separation=1.5, least=0.1)
    split = split_components(values, values, peaks, threshold=0.1, radius=1.0, voxel_size=size)
    assert len(split.places) == 3
    # a sphere of 1 Å: 4.19 Å³, cut by half a voxel and by the neighbours' halves
    np.testing.assert_allclose(split.radii, 1.0, atol=size)
    np.testing.assert_allclose(split.voxels * size**3, 4.19, rtol=0.35)


def test_a_centre_of_mass_by_hand():
    values = np.zeros((5, 5, 7))
    values[2, 2, 2:4] = [3.0, 1.0]
    values[2, 3, 2] = 1.0
    split = split_components(values, values, np.array([[2.0, 2.0, 2.0]]), threshold=0.5, radius=3.0, voxel_size=1.0)
    np.testing.assert_allclose(split.places, [[2.0, 2.2, 2.2]])
    assert split.voxels.tolist() == [3] and split.joined.tolist() == [1]
    assert split.radii[0] == pytest.approx(np.hypot(0.8, 0.2))
    none = split_components(
        values, values, np.array([[2.0, 2.0, 2.0]]), threshold=0.5, radius=3.0, voxel_size=1.0, least_voxels=4
    )
    assert len(none.places) == 0 and none.labels.max() == 0


def test_of_two_near_peaks_the_higher_stays():
    points = np.array([[0.0, 0, 0], [1.0, 0, 0], [1.9, 0, 0], [5.0, 0, 0]])
    # the second is too near the first; the third is near the second only, which is gone
    assert apart(points, 1.5).tolist() == [0, 2, 3]
    values = blobs([[11, 12, 10], [11, 12, 40]], heights=[1.0, 2.0])
    places, heights = find_peaks(values, voxel_size=1.0, separation=3.0, least=0.5)
    np.testing.assert_allclose(places, [[11, 12, 40], [11, 12, 10]], atol=1e-6)
    np.testing.assert_allclose(heights, [2.0, 1.0], rtol=1e-6)


def test_a_peak_is_found_between_voxels():
    place = np.array([[11.3, 12.4, 20.7]])
    found, _ = find_peaks(blobs(place, sigma=2.5), voxel_size=1.0, separation=2.0, least=0.5)
    np.testing.assert_allclose(found, place, atol=0.03)


def particle_map(scenes, snr=None):
    rng = np.random.default_rng(9)
    true = scenes["turned"](cuboctahedron("Pt", 2).positions, rng)
    density = scenes["noisy_map"](true, shape=(52,) * 3, size=0.358, resolution=1.2, snr=snr, rng=rng)
    return true, density, matched_filter(density.values, "Pt", voxel_size=0.358)


def test_the_correlation_without_the_map_is_that_with_it(scenes):
    true, _, filtered = particle_map(scenes, snr=2.0)
    places = true[:40, ::-1] / 0.358 + 26
    # the filtered map of atoms at rest, frequency by frequency
    k = frequency_radius((52,) * 3, 0.358)
    z, y, x = (np.fft.fftfreq(52), np.fft.fftfreq(52), np.fft.rfftfreq(52))
    phases = sum(
        np.exp(-2j * np.pi * (z[:, None, None] * a + y[None, :, None] * b + x * c)) for a, b, c in places
    )  # fmt: skip
    spectrum = phases * np.interp(k, filtered.shells, filtered.transform, right=0.0) ** 2
    shown = fft.irfftn(spectrum, s=(52,) * 3)
    direct = np.corrcoef(shown.ravel(), filtered.values.ravel())[0, 1]
    assert ModelCorrelation(filtered).of(places) == pytest.approx(direct, rel=0.01)
    growing = ModelCorrelation(filtered).growing(places)
    assert growing[11] == pytest.approx(ModelCorrelation(filtered).of(places[:12]), abs=1e-9)


@pytest.mark.parametrize("snr", [None, 1.5])
def test_both_searches_find_the_threshold_of_all_atoms(snr, scenes):
    _, density, filtered = particle_map(scenes, snr)
    model, start = ModelCorrelation(filtered), 0.3 * float(filtered.values.max())
    peaks, heights = find_peaks(filtered.values, voxel_size=0.358, separation=1.94, least=start)
    exhaustive = search_all(model, peaks, heights, start)
    best = int(exhaustive.correlations.argmax())
    assert exhaustive.atoms[best] == 55
    assert (heights > exhaustive.threshold).sum() == 55
    masses = density.values - np.median(density.values)
    uniform = search_uniform(model, filtered.values, masses, start=start, count=15, least_voxels=3)
    assert len(uniform.thresholds) >= 28 and (np.diff(uniform.thresholds) > 0).all()
    assert uniform.atoms[int(uniform.correlations.argmax())] == 55
    assert uniform.correlations.max() == pytest.approx(exhaustive.correlations.max(), abs=0.03)


def test_nothing_above_the_start_is_no_atom(scenes):
    _, _, filtered = particle_map(scenes)
    with pytest.raises(InputError, match="nothing in the map looks like one"):
        search_all(ModelCorrelation(filtered), np.array([[26.0, 26.0, 26.0]]), np.array([1.0]), 2.0)
