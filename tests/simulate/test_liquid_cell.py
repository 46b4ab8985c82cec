from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from numpy.typing import NDArray
from scipy import fft

from atomotion.data import UsageError
from atomotion.particles import particle
from atomotion.scattering import frequency_grid
from atomotion.simulate import CameraConfig, SurroundingsConfig, recipe, simulate_movie, vacuum_movie
from atomotion.simulate.canvas import Canvas
from atomotion.simulate.kinematic import KinematicImage, add_into
from atomotion.simulate.liquid import WATER_DENSITY, hard_sphere_structure_factor, water_power
from atomotion.simulate.molecules import WaterMolecules, packed
from atomotion.simulate.motion import diffusion, places

CELL = recipe("liquid_cell")
BARE = replace(
    CELL, frames=6, width_px=128, height_px=112, surroundings=SurroundingsConfig(), camera=CameraConfig(), noise="none"
)
SMALL = particle("cuboctahedron", "Pt", 12.0)
LEVEL = 50.0 * 0.358**2


def relative(config, seed: int = 0, **given: object) -> NDArray:
    return np.asarray(simulate_movie(config, np.random.default_rng(seed), **given).clean) / LEVEL


def test_the_recipe_is_the_experiment():
    assert (CELL.pixel_size, CELL.frame_time, CELL.voltage) == (0.358, 2.5e-3, 300e3)
    assert recipe("liquid_cell_low_dose").dose == 15.0
    movie = simulate_movie(replace(CELL, frames=3), np.random.default_rng(0))
    assert len(movie.atoms) == 314
    assert movie.movie.contrast == "bright"
    assert movie.graphene_deg.shape == (2,)
    frames = np.asarray(movie.movie.frames)
    assert frames.mean() == pytest.approx(LEVEL, rel=0.01)
    # white atoms: above the vacuum at the places of the atoms of the clean frame
    clean = simulate_movie(replace(BARE, frames=1), np.random.default_rng(0))
    at = np.rint(clean.positions(0)[:, :2] / 0.358).astype(int) + np.array([64, 56])
    assert np.asarray(clean.clean)[0][at[:, 1], at[:, 0]].mean() > 1.2 * LEVEL


def test_particles_on_given_paths():
    """The origin lies on the path plus the drift; orientations and noise are those without paths."""
    config = replace(BARE, particles=2, diameter=10.0, drift_x=0.4)
    along = np.linspace(-15.0, 15.0, 6)
    paths = [np.stack([sign * along, np.full(6, sign * 8.0)], axis=1) for sign in (1, -1)]
    movie = simulate_movie(config, np.random.default_rng(1), paths=paths)
    for truth, path in zip(movie.particles, paths, strict=True):
        np.testing.assert_allclose(truth.poses.shifts, path + movie.drift)
    free = simulate_movie(config, np.random.default_rng(1))
    np.testing.assert_array_equal(movie.particles[1].poses.quaternions, free.particles[1].poses.quaternions)
    with pytest.raises(UsageError, match=r"2 particles in 6 frames; give one array of shape \(6, 2\)"):
        simulate_movie(config, np.random.default_rng(1), paths=paths[:1])


def test_each_of_five_particles_lies_where_the_truth_says():
    config = replace(recipe("liquid_cell_five_particles"), frames=4, width_px=256, height_px=240, camera=CameraConfig())
    config = replace(config, surroundings=SurroundingsConfig(), noise="none", drift_x=0.3, diffusion=0.5)
    movie = simulate_movie(config, np.random.default_rng(3))
    truth = movie.particles
    assert len({round(each.diameter, 3) for each in truth}) > 1
    for first in range(5):
        for second in range(first):
            apart = np.linalg.norm(truth[first].centres[0] - truth[second].centres[0])
            assert apart > (truth[first].diameter + truth[second].diameter) / 2.0
    frame = 3
    rebuilt = np.zeros((240, 256), dtype=np.float32)
    for each in range(5):
        particle_truth = truth[each]
        np.testing.assert_allclose(
            particle_truth.centres, particle_truth.poses.shifts + np.array([128, 120]) * 0.358, atol=1e-9
        )
        atoms = movie.positions(frame, each)
        mean = atoms.mean(axis=0)[:2] + np.array([128, 120]) * 0.358
        np.testing.assert_allclose(particle_truth.mass_centres[frame], mean)
        image = KinematicImage(config, elements=["Pt"], reach=movie.bodies[each].reach(), highest=0.0)
        pixel = np.rint(particle_truth.centres[frame] / 0.358).astype(int)
        atoms[:, :2] += np.array([128, 120]) * 0.358 - pixel * 0.358
        add_into(rebuilt, image.change(atoms, ["Pt"] * len(atoms)), (pixel[1], pixel[0]))
    assert np.abs(1.0 + rebuilt - np.asarray(movie.clean)[frame] / LEVEL).max() < 1e-4
    with pytest.raises(UsageError, match="find no room"):
        places(np.full(40, 10.0), (92.0, 92.0), gap=6.0, rng=np.random.default_rng(0))


def test_states_show_their_own_atoms_in_their_own_frames():
    light, heavy = SMALL[:40], SMALL
    movie = simulate_movie(BARE, np.random.default_rng(1), states=[(heavy, 2), (light, 1), (heavy, 1)])
    np.testing.assert_array_equal(movie.particles[0].state, [0, 0, 1, 2, 2, 2])
    assert [len(movie.positions(frame)) for frame in range(6)] == [55, 55, 40, 55, 55, 55]
    assert np.asarray(movie.clean)[2].std() < 0.95 * np.asarray(movie.clean)[1].std()
    off = movie.particles[0].mass_centres - movie.particles[0].centres
    assert np.abs(off[[0, 1, 3]]).max() < 1e-6
    assert np.linalg.norm(off[2]) > 0.1
    two = simulate_movie(BARE, np.random.default_rng(1), states=[[(SMALL, 6)], [(SMALL, 3), (light, 3)]])
    assert [each.state[-1] for each in two.particles] == [0, 1]
    with pytest.raises(UsageError, match="empty"):
        simulate_movie(BARE, np.random.default_rng(1), states=[])
    etching = simulate_movie(
        replace(BARE, diameter=12.0, change="etching", states=3, changed_atoms=5), np.random.default_rng(2)
    )
    sizes = [len(each) for each in etching.particles[0].states]
    assert sizes == [sizes[0], sizes[0] - 5, sizes[0] - 10]
    np.testing.assert_array_equal(etching.particles[0].state, [0, 0, 1, 1, 2, 2])


def test_graphene_has_its_peaks_where_the_truth_says_and_drifts_with_the_stage():
    config = replace(BARE, frames=2, width_px=256, height_px=256, drift_walk=0.0, drift_x=0.358, drift_y=0.716)
    config = replace(config, surroundings=SurroundingsConfig(graphene=2), atom_contrast=1e-6)
    movie = simulate_movie(config, np.random.default_rng(5), states=[(Atoms("Pt", [[0.0, 0.0, 0.0]]), 2)])
    change = np.asarray(movie.clean)[0] / LEVEL - 1.0
    power = np.abs(fft.fft2(change * np.outer(np.hanning(256), np.hanning(256)))) ** 2
    ky, kx = np.meshgrid(fft.fftfreq(256, 0.358), fft.fftfreq(256, 0.358), indexing="ij")
    ring = np.abs(np.hypot(ky, kx) - 2.0 / (np.sqrt(3.0) * 2.461)) < 0.02
    found = []
    for _ in range(12):
        peak = np.argmax(np.where(ring, power, 0.0))
        found.append(np.rad2deg(np.arctan2(ky.flat[peak], kx.flat[peak])))
        near = np.hypot(ky - ky.flat[peak], kx - kx.flat[peak]) < 0.03
        power[near] = 0.0
    # a reciprocal vector is 30° from a lattice vector
    for angle in movie.graphene_deg:
        distance = np.abs((np.array(found) - 30.0 - angle + 30.0) % 60.0 - 30.0)
        assert (distance < 1.5).sum() == 6
    later = np.asarray(movie.clean)[1] / LEVEL - 1.0
    np.testing.assert_allclose(later[40:200, 40:200], change[38:198, 39:199], atol=3e-4)


def test_water_is_new_in_every_frame_and_averages_out():
    config = replace(BARE, frames=4, atom_contrast=1e-6, surroundings=SurroundingsConfig(water="noise"))
    frames = relative(config) - 1.0
    assert abs(np.corrcoef(frames[0].ravel(), frames[1].ravel())[0, 1]) < 0.05
    four = replace(config, surroundings=SurroundingsConfig(water="noise", configurations=4))
    np.testing.assert_allclose(relative(four) - 1.0, frames / 2.0, atol=1e-4)
    thin = replace(config, surroundings=SurroundingsConfig(water="noise", thickness=25.0))
    assert (relative(thin) - 1.0).std() == pytest.approx(frames.std() / 2.0, rel=0.1)


def test_the_spectrum_of_water_is_that_of_its_molecules():
    k = np.array([1e-4])
    density, eta = WATER_DENSITY, np.pi * WATER_DENSITY * 2.8**3 / 6.0
    compressed = hard_sphere_structure_factor(k, density=density, diameter=2.8)
    assert compressed[0] == pytest.approx((1 - eta) ** 4 / (1 + 2 * eta) ** 2, rel=1e-3)
    canvas = Canvas((128, 128), 0.358, 0.0)
    rng = np.random.default_rng(0)
    water = WaterMolecules(canvas, 40.0, rng)
    power = np.mean(
        [np.abs(sum(layer for _, layer in water.layers(np.empty((0, 3)), rng))) ** 2 for _ in range(12)], axis=0
    )
    area = water.size[0] * water.size[1]
    band = (canvas.k > 0.5) & (canvas.k < 1.1)
    assert power[band].mean() / area == pytest.approx((water_power(canvas.k) * 40.0)[band].mean(), rel=0.1)
    # molecules stay apart, and out of a particle
    points = packed(np.array([20.0, 22.0, 24.0]), 350, 2.5, rng)
    gaps = points[:, None] - points
    gaps -= np.rint(gaps / [20.0, 22.0, 24.0]) * [20.0, 22.0, 24.0]
    assert np.linalg.norm(gaps, axis=-1)[~np.eye(350, dtype=bool)].min() >= 2.5
    hole = np.stack(np.meshgrid(*[np.arange(-18.0, 19.0, 2.0)] * 3), axis=-1).reshape(-1, 3)
    full = sum(layer for _, layer in water.layers(np.empty((0, 3)), np.random.default_rng(1)))
    emptied = sum(layer for _, layer in water.layers(hole, np.random.default_rng(1)))
    assert canvas.image(emptied)[54:74, 54:74].mean() < 0.2 * canvas.image(full)[54:74, 54:74].mean()


def test_a_particle_out_of_the_plane_is_out_of_focus():
    config = replace(
        BARE, frames=3, axial_diffusion=15.0, diameter=9.0, rotation_deg=0.0, diffusion=0.0, drift_walk=0.0
    )
    movie = simulate_movie(config, np.random.default_rng(4))
    heights = movie.particles[0].heights
    assert np.ptp(heights) > 5.0
    for frame in range(3):
        still = replace(config, frames=frame + 1, axial_diffusion=0.0, defocus=-80.0 + float(heights[frame]))
        try:
            refocused = relative(still, seed=4)[frame]
        except UsageError:  # dark atoms at that focus
            continue
        np.testing.assert_allclose(np.asarray(movie.clean)[frame] / LEVEL, refocused, atol=2e-3)
    walk = diffusion(5000, rms=0.2, axial_rms=3.0, half_depth=40.0, rng=np.random.default_rng(0))
    assert np.abs(walk[:, 2]).max() <= 40.0
    assert np.histogram(walk[:, 2], bins=4, range=(-40, 40))[0].min() > 600
    np.testing.assert_allclose(np.sqrt(np.mean(np.sum(np.diff(walk[:, :2], axis=0) ** 2, axis=1))), 0.2, rtol=0.03)
    assert np.abs(np.diff(walk[:, 2])).max() < 15.0


def test_the_curved_image_is_that_of_atoms_each_in_its_own_focus():
    image = KinematicImage(replace(BARE, depth="curved"), elements=["Pt"], reach=20.0, highest=0.0)
    atoms = np.array([[0.0, 0.0, 12.0], [4.0, 3.0, -9.0]])
    together = image.change(atoms, ["Pt", "Pt"])
    flat = KinematicImage(BARE, elements=["Pt"], reach=20.0, highest=0.0)
    apart = sum(flat.change(atom[None] * [1, 1, 0], ["Pt"], height=float(atom[2])) for atom in atoms)
    np.testing.assert_allclose(together, apart, atol=1e-4)


def test_what_needs_a_lens_says_so():
    with pytest.raises(UsageError, match="through a lens"):
        simulate_movie(replace(CELL, image="gaussian", atom_contrast=0.1), np.random.default_rng(0))
    with pytest.raises(UsageError, match="atom_contrast"):
        simulate_movie(replace(BARE, image="gaussian"), np.random.default_rng(0))
    with pytest.raises(UsageError, match="set contrast to bright"):
        simulate_movie(replace(BARE, contrast="dark"), np.random.default_rng(0))


def test_any_order_and_any_number_of_threads_give_the_same_movie():
    config = replace(CELL, frames=6, width_px=96, height_px=96, axial_diffusion=2.0, diameter=10.0)
    whole = simulate_movie(config, np.random.default_rng(7))
    lazy = simulate_movie(config, np.random.default_rng(7), lazy=True)
    np.testing.assert_array_equal(lazy.movie.frames[4], np.asarray(whole.movie.frames)[4])
    np.testing.assert_array_equal(lazy.movie.frames[1:3], np.asarray(whole.movie.frames)[1:3])
    threaded = simulate_movie(config, np.random.default_rng(7), workers=3)
    np.testing.assert_array_equal(threaded.movie.frames, whole.movie.frames)
    vacuum = vacuum_movie(config, np.random.default_rng(7))
    assert np.asarray(vacuum.frames).mean() == pytest.approx(LEVEL, rel=0.01)
    k = frequency_grid((96, 96), 0.358)
    assert k.shape == (96, 49)
