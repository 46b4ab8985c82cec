"""From boxes to atoms, against the truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from atomotion.data import InputError, UsageError
from atomotion.geometry.rotations import matrices_from_quaternions, quaternions_from_matrices
from atomotion.geometry.symmetry import consistent_part, lattice_copies, rotation_group
from atomotion.structure import null_score, score_model
from atomotion.tomography import Optics, Reconstruction, ReconstructionConfig, reconstruct
from atomotion.tomography.preparation import prepare
from atomotion.tomography.scans import PARTICLE_OVER_SPHERE
from atomotion.tomography.settling import settled
from atomotion.tomography.start import first_orientations

SMALL = ReconstructionConfig(diameter=15.0, resolution=1.15, half_sets=False, start="fcc", scan=False)


def check(result: Reconstruction, truth: np.ndarray, *, found: float, false: float, rms: float, surface: float = 0.0):
    """The score, and that it is better than an FCC sphere's without any data."""
    score, null = score_model(result.positions, truth), null_score(truth, 3.93)
    assert score.found >= found
    assert score.false <= false
    assert score.rms <= rms
    assert score.surface_found >= surface
    assert score.rms < 0.7 * null.rms
    assert score.skill(null) > 0.5


@pytest.fixture(scope="module")
def small(tumbling) -> Reconstruction:
    return reconstruct(tumbling.images, SMALL, pixel_size=tumbling.pixel_size)


def test_a_small_particle_comes_out(small: Reconstruction, tumbling):
    check(small, tumbling.positions, found=0.99, false=0.01, rms=0.05)
    assert consistent_part(small.poses.quaternions, tumbling.poses.quaternions, within_deg=3.0) > 0.9


def test_the_result_says_what_it_has(small: Reconstruction):
    n = len(small)
    assert small.occupancies.shape == small.sigmas.shape == (n,)
    # the middle of an even number of atoms: torch takes the lower of two, numpy their mean
    assert np.median(small.occupancies) == pytest.approx(1.0, abs=2e-3)
    assert (small.sigmas > 0).all()
    assert np.abs(small.positions.mean(0)).max() < 1e-3
    assert small.density.values.ndim == 3
    # the density is high where the atoms are: the map's axes are z y x, its origin the middle voxel
    at = np.rint(small.positions[:, ::-1] / small.density.voxel_size).astype(int) + len(small.density.values) // 2
    assert np.median(small.density.values[tuple(at.T)]) > 5.0 * small.density.values.std()
    assert small.ambiguous < 0.3
    # what was asked for, and nothing tried
    assert (small.start, dict(small.starts), small.diameter, small.defocus) == ("fcc", {}, 15.0, None)
    assert small.lattice == pytest.approx(3.92)


def test_the_same_seed_gives_the_same_result(tumbling):
    few = replace(SMALL, resolution=1.2, rounds=1, sweeps=1)
    one, other = (reconstruct(tumbling.images[:60], few, pixel_size=tumbling.pixel_size, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.positions, other.positions)


def test_images_on_mixed_copies_are_brought_together(tumbling):
    generator = torch.Generator().manual_seed(0)
    observations, sphere = prepare(
        tumbling.images,
        SMALL,
        pixel_size=tumbling.pixel_size,
        generator=generator,
    )
    start = first_orientations(observations, sphere, SMALL).assignment
    # from image 40 on the path goes on in another copy
    quaternions = quaternions_from_matrices(start.rotations.double().numpy())
    other = lattice_copies(quaternions, rotation_group("O"))[:, 29]
    quaternions[40:] = other[40:]
    mixed = replace(start, rotations=torch.from_numpy(matrices_from_quaternions(quaternions)).float())
    before = consistent_part(quaternions, tumbling.poses.quaternions)
    common = settled(observations, sphere, mixed, SMALL, generator, iterations=10)
    after = consistent_part(quaternions_from_matrices(common.rotations.double().numpy()), tumbling.poses.quaternions)
    assert before < 0.65
    assert after > 0.75


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": np.zeros((5, 64, 64))}, InputError, "5 images are too few"),
        ({"times": np.zeros(100)}, InputError, "do not ascend"),
        ({"times": np.arange(7)}, InputError, "7 times for 100 images"),
        ({"box_centres": np.zeros((3, 2))}, InputError, r"shape \(3, 2\)"),
        ({"config": replace(SMALL, start="bcc")}, UsageError, "unknown start 'bcc'"),
        ({"config": replace(SMALL, diameter=None)}, UsageError, "pass diameter"),
        ({"start_atoms": np.zeros((4, 3))}, InputError, "4 atoms are too few"),
        ({"optics": Optics(voltage=3e5, cs=-1.1e5, defocus=-900.0)}, UsageError, "the band ends at"),
    ],
)
def test_what_does_not_fit_is_refused(tumbling, change: dict, error: type, message: str):
    given = {"images": tumbling.images, "config": SMALL, "pixel_size": tumbling.pixel_size} | change
    with pytest.raises(error, match=message):
        reconstruct(given.pop("images"), given.pop("config"), **given)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["twin", "icosahedron", "fcc"])
def test_a_particle_of_any_lattice_comes_out_as_what_it_is(phantom, lattices, kind: str):
    """With nothing given but a diameter that is 8 % too large."""
    rng = np.random.default_rng(2)
    if kind == "fcc":
        positions = phantom.irregular_particle(150, rng)
    else:
        positions = lattices.irregular_particle_of(kind, 150, rng)
    simulated = phantom.simulate(100, positions=positions, size=72, seed=2)
    config = ReconstructionConfig(diameter=17.6, resolution=1.15, half_sets=False)
    result = reconstruct(simulated.images, config, pixel_size=simulated.pixel_size)
    assert result.start == kind
    assert result.starts[kind] > max(z for name, z in result.starts.items() if name != kind) + 1.0
    assert result.diameter < 16.8
    assert result.lattice == pytest.approx(lattices.LATTICE, rel=0.01)
    check(result, positions, found=0.99, false=0.01, rms=0.07, surface=0.97)


@pytest.mark.slow
@pytest.mark.parametrize(("snr_db", "rms"), [(10.0, 0.03), (3.0, 0.05)])
def test_300_atoms_of_a_tumbling_particle(phantom, snr_db: float, rms: float):
    simulated = phantom.simulate(300, snr_db=snr_db, seed=11)
    config = ReconstructionConfig(diameter=20.0, resolution=1.15, start="fcc", scan=False)
    result = reconstruct(simulated.images, config, pixel_size=simulated.pixel_size)
    check(result, simulated.positions, found=1.0, false=0.0, rms=rms, surface=1.0)
    score = score_model(result.positions, simulated.positions)
    error = score.motion.apply(result.positions)[score.pairs[:, 0]] - simulated.positions[score.pairs[:, 1]]
    pulls = error / result.sigmas[score.pairs[:, 0], None]
    assert 0.7 < np.sqrt(np.mean(pulls**2)) < 1.4


@pytest.mark.slow
def test_unordered_images(phantom):
    simulated = phantom.simulate(320, snr_db=10.0, seed=12, step_deg=None)
    config = ReconstructionConfig(
        diameter=20.0, resolution=1.15, ordered=False, half_sets=False, start="fcc", scan=False
    )
    result = reconstruct(simulated.images, config, pixel_size=simulated.pixel_size)
    check(result, simulated.positions, found=0.99, false=0.01, rms=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dose", "limits"),
    [
        (50.0, {"found": 0.99, "false": 0.01, "rms": 0.10, "surface": 0.97}),
        (15.0, {"found": 0.98, "false": 0.02, "rms": 0.15, "surface": 0.95}),
    ],
)
def test_raw_frames_of_a_liquid_cell(phantom, raw_boxes, dose: float, limits: dict):
    positions = phantom.irregular_particle(314, np.random.default_rng(13))
    raw = raw_boxes(positions, dose=dose, seed=13)
    config = ReconstructionConfig(diameter=20.8, rounds=4, half_sets=False, start="fcc", scan=False)
    result = reconstruct(
        raw.images,
        config,
        pixel_size=raw.pixel_size,
        background=raw.background,
        box_centres=raw.box_centres,
        optics=raw.optics,
    )
    check(result, raw.positions, **limits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dose", "limits"),
    [
        (50.0, {"found": 0.99, "false": 0.01, "rms": 0.10, "surface": 0.97}),
        (15.0, {"found": 0.98, "false": 0.02, "rms": 0.15, "surface": 0.95}),
    ],
)
def test_a_wrong_diameter_and_a_wrong_focus_are_found_out(phantom, raw_boxes, dose: float, limits: dict):
    raw = raw_boxes(phantom.irregular_particle(314, np.random.default_rng(13)), dose=dose, seed=13)
    config = ReconstructionConfig(diameter=0.92 * 20.8, rounds=4, half_sets=False, start="fcc")
    result = reconstruct(
        raw.images,
        config,
        pixel_size=raw.pixel_size,
        background=raw.background,
        box_centres=raw.box_centres,
        optics=replace(raw.optics, defocus=raw.optics.defocus + 20.0),
    )
    assert result.defocus == pytest.approx(raw.optics.defocus, abs=12.0)
    assert PARTICLE_OVER_SPHERE * result.diameter == pytest.approx(20.8, rel=0.05)
    check(result, raw.positions, **limits)


@pytest.mark.slow
def test_known_atoms_are_a_start_too(tumbling):
    """As those of the window before: displaced by 0.3 Å along each axis, a tenth of them missing."""
    rng = np.random.default_rng(6)
    kept = rng.permutation(len(tumbling.positions))[: int(0.9 * len(tumbling.positions))]
    atoms = tumbling.positions[kept] + rng.normal(scale=0.3, size=(len(kept), 3))
    config = replace(SMALL, diameter=None)
    result = reconstruct(tumbling.images, config, pixel_size=tumbling.pixel_size, start_atoms=atoms)
    assert result.start == "atoms"
    check(result, tumbling.positions, found=0.99, false=0.01, rms=0.05)


@pytest.mark.slow
def test_shuffled_noise_gives_no_believable_structure(phantom):
    simulated = phantom.simulate(300, snr_db=10.0, seed=14)
    rng = np.random.default_rng(0)
    flat = simulated.images.reshape(300, -1)
    noise = rng.normal(scale=flat.std(), size=simulated.images.shape).astype(np.float32)
    config = ReconstructionConfig(diameter=20.0, resolution=1.15, half_sets=False, start="fcc", scan=False)
    real = reconstruct(simulated.images, config, pixel_size=simulated.pixel_size)
    try:
        empty = reconstruct(noise, config, pixel_size=simulated.pixel_size)
    except InputError:
        return
    # what a search over orientations and displacements finds in noise alone
    assert empty.held_out_z < 6.0
    assert real.held_out_z > 15.0
    assert empty.ambiguous > 0.5
