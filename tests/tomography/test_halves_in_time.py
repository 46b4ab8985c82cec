"""Two halves of a window in time: what differs between them, whatever frame each came in."""

from dataclasses import replace

import numpy as np
import pytest

from atomotion.data import DensityMap, InputError, Poses
from atomotion.geometry.rotations import random_quaternions, rotate
from atomotion.structure import score_model
from atomotion.tomography import Reconstruction, ReconstructionConfig, time_halves
from atomotion.tomography.halves_in_time import compared_halves

SMALL = ReconstructionConfig(diameter=15.0, resolution=1.15, half_sets=False, scan=False)


@pytest.fixture
def whole() -> Reconstruction:
    """A frame for atoms, without images."""
    return Reconstruction(
        element="Pt",
        positions=np.zeros((0, 3)),
        occupancies=np.zeros(0),
        sigmas=np.zeros(0),
        b_factor=4.0,
        density=DensityMap(values=np.zeros((3, 3, 3), dtype=np.float32), voxel_size=0.5),
        poses=Poses(quaternions=np.tile([1.0, 0.0, 0.0, 0.0], (50, 1)), shifts=np.zeros((50, 2))),
        copy_margins=np.full(50, 8.0),
        held_out_z=18.0,
        log_evidence=float("nan"),
        halves=None,
    )


def with_atoms(like: Reconstruction, positions: np.ndarray) -> Reconstruction:
    count = len(positions)
    return replace(like, positions=positions, occupancies=np.ones(count), sigmas=np.full(count, 0.05))


@pytest.mark.parametrize("hand", [1.0, -1.0])
def test_lost_gained_and_displaced_atoms_are_found_in_any_frame(whole, phantom, hand: float):
    rng = np.random.default_rng(1)
    atoms = phantom.irregular_particle(150, rng)
    outer = np.argsort(np.linalg.norm(atoms, axis=1))
    later = atoms + rng.normal(scale=0.05, size=atoms.shape)
    # two atoms of the surface move along it by 1.1 Å
    for index in outer[-12:-10]:
        across = np.cross(atoms[index], [0.3, 0.5, 0.8])
        later[index] += 1.1 * across / np.linalg.norm(across)
    later = np.delete(later, outer[-5:], axis=0)
    turned = hand * rotate(random_quaternions(1, rng)[0], later)
    found = compared_halves(
        with_atoms(whole, np.delete(atoms, outer[-8:-6], axis=0)), with_atoms(whole, turned), split=50
    )
    assert found.facts["lost"] == 5
    assert found.facts["gained"] == 2
    assert found.facts["displaced"] == 2
    assert found.rms < 0.25  # Å, of all, the displaced among them
    assert found.clear > 2.0


def test_an_uncertain_atom_is_not_displaced(whole, phantom):
    atoms = phantom.irregular_particle(150, np.random.default_rng(1))
    later = atoms.copy()
    later[3] += [0.0, 0.9, 0.0]
    unsure = replace(with_atoms(whole, later), sigmas=np.full(len(atoms), 0.5))
    assert compared_halves(with_atoms(whole, atoms), with_atoms(whole, later), split=1).facts["displaced"] == 1
    assert compared_halves(with_atoms(whole, atoms), unsure, split=1).facts["displaced"] == 0


@pytest.mark.slow
def test_both_halves_of_a_still_particle_agree(phantom):
    simulated = phantom.simulate(240, atoms=120, size=64, seed=3, removed=8)
    steps: list[tuple[int, int]] = []
    found = time_halves(
        simulated.images,
        SMALL,
        pixel_size=simulated.pixel_size,
        times=np.arange(240.0),
        on_step=lambda done, total: steps.append((done, total)),
    )
    assert found.split == 120
    assert len(found.first.poses) == len(found.second.poses) == 120
    assert found.facts["lost"] + found.facts["gained"] + found.facts["displaced"] <= 2
    errors = [score_model(half.positions, simulated.positions).rms for half in (found.first, found.second)]
    # halves that share nothing differ by the errors of both
    assert found.rms == pytest.approx(np.hypot(*errors), rel=0.25)
    assert steps[-1][0] == steps[-1][1]


def test_the_half_that_fails_is_named(tumbling):
    with pytest.raises(InputError, match="the first half of the window: 20 images are too few"):
        time_halves(tumbling.images[:40], SMALL, pixel_size=tumbling.pixel_size)
