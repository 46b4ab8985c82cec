"""Two halves of the images refined separately: what is the same in both is not noise."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.geometry.alignment import align
from atomotion.tomography.centres import expected_shifts
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.fourier_shells import shell_correlation
from atomotion.tomography.joint import good_weights, refine_jointly
from atomotion.tomography.observations import Observations
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.pose_search import MODEL_MISMATCH
from atomotion.tomography.position_covariance import position_covariances
from atomotion.tomography.reconstruction import HalfAgreement
from atomotion.tomography.refinement import Refined
from atomotion.tomography.volume import accumulate, volume_of

_FLOOR = 0.1
_BLOCK = 10  # neighbouring images go into the same half, since their errors of pose are alike
_CLOSEST = 0.6
_SHAKE = 0.15  # Å: half of the images must find the places of the atoms by themselves


@dataclass(frozen=True, kw_only=True, slots=True)
class Halves:
    """Both halves after refinement, in the frame of the whole.

    Parameters
    ----------
    positions : (2, n, 3) float [Å]
    maps : (2, size, size, size) float, z y x
    agreement : HalfAgreement
    """

    positions: NDArray[np.float64]
    maps: NDArray[np.floating]
    agreement: HalfAgreement


def refine_halves(observations: Observations, refined: Refined, *, sweeps: int, generator: torch.Generator) -> Halves:
    """Atoms, poses and density of each half of the images, from the same model with its atoms shaken by 0.15 Å.

    The halves share which atoms there are and on which lattice copies the images lie, so that they agree in those even
    where they are wrong.
    """
    half = torch.arange(len(observations), device=observations.device) // _BLOCK % 2
    centre, centre_error = expected_shifts(observations, refined.placed.shifts)
    positions, maps = [], []
    voxel_size = lowest = highest = 0.0
    for which in (0, 1):
        images = torch.nonzero(half == which).flatten()
        used, response = observations.of(images).at(mismatch=MODEL_MISMATCH)
        shake = _SHAKE * torch.randn(refined.model.positions.shape, generator=generator)
        model = replace(refined.model, positions=refined.model.positions + shake.to(observations.device))
        placed = Placed(
            rotations=refined.placed.rotations[images],
            shifts=refined.placed.shifts[images],
            z=refined.placed.z[images],
        )
        model, placed = refine_jointly(
            used,
            model,
            response,
            placed,
            sweeps=sweeps,
            closest=_CLOSEST * observations.spacing,
            centre=centre[images],
            centre_error=centre_error,
        )
        moved, placed = _in_common_frame(model, placed, refined.model.positions)
        positions.append(moved.positions.double().cpu().numpy())
        density, voxel_size = density_of(observations.of(images), placed)
        maps.append(density.cpu().numpy())
        lowest, highest = float(used.plane.k.min()), float(used.plane.k.max())
    distances = np.linalg.norm(positions[0] - positions[1], axis=1)
    shells = shell_correlation(maps[0], maps[1], voxel_size, highest=highest, lowest=lowest)
    return Halves(
        positions=np.stack(positions),
        maps=np.stack(maps),
        agreement=HalfAgreement(distances=distances, rms=float(np.sqrt(np.mean(distances**2) / 4.0)), shells=shells),
    )


def _in_common_frame(model: AtomModel, placed: Placed, common: Tensor) -> tuple[AtomModel, Placed]:
    """The model laid on the common one by a rigid motion, and the poses that go with it."""
    motion = align(model.positions.double().cpu().numpy(), common.double().cpu().numpy())
    turn = torch.from_numpy(motion.rotation).to(model.positions)
    offset = torch.from_numpy(motion.translation).to(model.positions)
    rotations = placed.rotations @ turn.T
    along = torch.einsum("nij,j->ni", rotations, offset)[:, :2]
    return (
        replace(model, positions=model.positions @ turn.T + offset),
        Placed(rotations=rotations, shifts=placed.shifts - along, z=placed.z),
    )


def density_of(observations: Observations, placed: Placed, *, model: AtomModel | None = None) -> tuple[Tensor, float]:
    """The density (size, size, size) z y x of images at their poses, without a prior, and its voxel size [Å].

    With `model`, of the images that it predicts instead of those taken.
    """
    used, response = observations.at(mismatch=MODEL_MISMATCH)
    values = used.values if model is None else predicted(model, response, placed.rotations, placed.shifts)
    sums = accumulate(
        used.plane, values, response.lens, placed.rotations, placed.shifts, weights=good_weights(placed, 0.1)
    )
    density = volume_of(sums, precision=_FLOOR * sums.mean_weight, radius=observations.radius, positive=False)
    return density, sums.grid.voxel_size


def atom_covariances(observations: Observations, refined: Refined, halves: Halves | None) -> NDArray[np.float64]:
    """(n, 3, 3) covariance [Å²] of each atom's place, in the particle's frame.

    From the curvature of the misfit, which knows how strong an atom is, from where it was seen and what lies beside it,
    raised by a common factor where the halves differ by more, since they know what else goes wrong.
    """
    used, response = observations.at(mismatch=MODEL_MISMATCH)
    covariances = position_covariances(
        refined.model,
        response,
        refined.placed.rotations,
        good_weights(refined.placed, 0.1),
        noise=(used.gain / observations.coefficients.gain).square(),
        spacing=observations.spacing,
        generator=torch.Generator().manual_seed(0),
    )
    if halves is None:
        return covariances
    # a half has twice the variance of the whole, and the difference of two halves four times
    seen = (halves.positions[0] - halves.positions[1]) / 2.0
    expected = np.trace(covariances, axis1=1, axis2=2)
    return covariances * max(1.0, float(np.sum(seen**2) / np.sum(expected)))
