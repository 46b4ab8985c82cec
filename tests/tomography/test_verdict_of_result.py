"""The verdict: what is believed, and what is not."""

from dataclasses import replace

import numpy as np
import pytest

from atomotion.data import DensityMap, Poses
from atomotion.geometry.rotations import random_quaternions
from atomotion.tomography.fourier_shells import ShellCorrelation
from atomotion.tomography.reconstruction import HalfAgreement, Reconstruction
from atomotion.tomography.verdict import judge_reconstruction


@pytest.fixture
def good() -> Reconstruction:
    """As a run at 3 dB gives it: 200 atoms, 300 views from everywhere, halves 0.05 Å apart."""
    rng = np.random.default_rng(0)
    distances = np.abs(rng.normal(0.0, 0.08, 200))
    shells = ShellCorrelation(k=np.array([0.3, 0.6]), correlation=np.array([0.9, 0.5]))
    return Reconstruction(
        element="Pt",
        positions=rng.normal(size=(200, 3)),
        occupancies=rng.normal(1.0, 0.05, 200),
        sigmas=np.full(200, 0.05),
        b_factor=4.0,
        density=DensityMap(values=np.zeros((4, 4, 4)), voxel_size=1.0),
        poses=Poses(quaternions=random_quaternions(300, rng), shifts=np.zeros((300, 2))),
        copy_margins=np.full(300, 5.0),
        held_out_z=18.0,
        log_evidence=40.0,
        halves=HalfAgreement(distances=distances, rms=0.05, shells=shells),
    )


def test_a_good_run_is_believed(good):
    verdict = judge_reconstruction(good)
    assert verdict.is_trusted and not verdict.reasons and not verdict.warnings
    assert verdict.facts["unseen_directions_fraction"] < 0.1


def test_what_noise_alone_reaches_is_not(good):
    verdict = judge_reconstruction(replace(good, held_out_z=3.1))
    assert not verdict.is_trusted
    assert "3.1 standard deviations" in verdict.reasons[0]


def test_one_orientation_is_not(good):
    poses = Poses(quaternions=np.repeat(good.poses.quaternions[:1], 300, axis=0), shifts=good.poses.shifts)
    verdict = judge_reconstruction(replace(good, poses=poses))
    assert not verdict.is_trusted
    assert "hardly turns" in verdict.reasons[0]


def test_halves_that_disagree_are_not(good):
    halves = replace(good.halves, distances=np.full(200, 0.9), rms=0.3)
    verdict = judge_reconstruction(replace(good, halves=halves))
    assert not verdict.is_trusted
    assert "two halves" in verdict.reasons[0]


def test_many_weak_atoms_are_a_warning(good):
    occupancies = good.occupancies.copy()
    occupancies[:40] = 0.3
    verdict = judge_reconstruction(replace(good, occupancies=occupancies))
    assert verdict.is_trusted
    assert "mixed" in verdict.warnings[0]
