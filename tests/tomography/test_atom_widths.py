"""Displacements and validation of atoms, from simulated images with known ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.tomography import ReconstructionConfig
from atomotion.tomography.atom_agreement import agreement_with_density
from atomotion.tomography.atom_widths import AtomWidths, fit_widths
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.joint import fit_scale
from atomotion.tomography.observations import Observations
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.pose_search import MODEL_MISMATCH
from atomotion.tomography.preparation import prepare


def watched(phantom, seed: int, u_iso, *, snr_db: float, images: int = 120) -> tuple[Observations, AtomModel, Placed]:
    """Observations of a particle, its atoms with a common B, and its true poses."""
    positions = phantom.irregular_particle(120, np.random.default_rng(seed), removed=8)
    simulated = phantom.simulate(images, size=64, snr_db=snr_db, seed=seed, positions=positions, u_iso=u_iso)
    with torch.no_grad():
        observations, _ = prepare(
            simulated.images, ReconstructionConfig(diameter=16.0, resolution=1.15, start="fcc"),
            pixel_size=simulated.pixel_size, generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        rotations = torch.from_numpy(matrices_from_quaternions(simulated.poses.quaternions)).float()
        shifts = torch.from_numpy(simulated.poses.shifts).float()
        placed = Placed(rotations=rotations, shifts=shifts, z=torch.ones(images))
        points = torch.from_numpy(positions).float()
        model = AtomModel(positions=points, occupancies=torch.ones(len(points)), b_factor=5.0)
        used, response = observations.at(mismatch=MODEL_MISMATCH)
        for _ in range(4):
            model = fit_scale(used, model, response, placed, torch.ones(images))
    return observations, model, placed


def widths(observations: Observations, model: AtomModel, placed: Placed) -> AtomWidths:
    with torch.no_grad():
        used, response = observations.at(mismatch=MODEL_MISMATCH)
        return fit_widths(used, model, response, placed, torch.ones(len(placed)))


@pytest.mark.parametrize(("seed", "snr_db", "error"), [(1, 10.0, 0.005), (2, 10.0, 0.005), (3, 0.0, 0.015)])
def test_displacements_come_back(phantom, seed: int, snr_db: float, error: float):
    count = len(phantom.irregular_particle(120, np.random.default_rng(seed), removed=8))
    u_iso = np.random.default_rng(seed).uniform(0.02, 0.12, count)
    found = widths(*watched(phantom, seed, u_iso, snr_db=snr_db))
    off = found.u_iso - u_iso
    # the pixels of the simulated images blur all atoms alike
    assert 0.0 < off.mean() < 0.012
    assert off.std() < error
    assert 0.7 < (off / found.u_errors).std(ddof=1) < 1.3 or off.std() < found.u_errors.mean()
    assert np.polyfit(u_iso, found.u_iso, 1)[0] == pytest.approx(1.0, abs=0.1)
    # all atoms were whole
    assert found.occupancies.std() < 1.3 * found.occupancy_errors.mean()


def test_an_atom_that_is_half_there_is_no_wide_one(phantom):
    observations, model, placed = watched(phantom, 4, 0.04, snr_db=10.0)
    with torch.no_grad():
        used, response = observations.at(mismatch=MODEL_MISMATCH)
        # half of an atom's strength is taken out of the images
        half = replace(model.of(torch.tensor([7])), occupancies=0.5 * model.occupancies[7:8])
        values = used.values - predicted(half, response, placed.rotations, placed.shifts)
        found = fit_widths(replace(used, values=values), model, response, placed, torch.ones(len(placed)))
    assert found.occupancies[7] == pytest.approx(0.5, abs=0.1)
    assert abs(found.u_iso[7] - np.median(found.u_iso)) < 0.02


def test_only_what_is_there_agrees_with_the_density(phantom):
    observations, model, placed = watched(phantom, 5, 0.04, snr_db=3.0)
    away = model.positions[model.positions.norm(dim=1).argmax()]
    positions = torch.cat([model.positions, away[None] * (1.0 + 3.0 / away.norm())])
    positions[0] += 0.6
    wrong = replace(model, positions=positions, occupancies=model.occupancies.median().expand(len(positions)))
    with torch.no_grad():
        right = agreement_with_density(observations, model, placed)
        found = agreement_with_density(observations, wrong, placed)
    assert right.min() > 0.85 and right.mean() > 0.94
    assert found[0] < 0.6 and found[-1] < 0.6
