"""Images in the wrong window, next to its ends, in poses to the atoms of the window that they belong to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.geometry.rotations import matrices_from_quaternions, quaternions_from_matrices
from atomotion.tomography.candidates import chosen, score_candidates
from atomotion.tomography.centres import expected_shifts
from atomotion.tomography.common_frame import WindowModel
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.matching import evidence_slope
from atomotion.tomography.observations import Observations, moved_to_centre
from atomotion.tomography.pose_refinement import Placed, correlation, refine_poses
from atomotion.tomography.pose_search import MODEL_MISMATCH, search_poses
from atomotion.tomography.response import form_factor_table
from atomotion.tomography.shifts import shift_grid, shift_penalty
from atomotion.tomography.slices import model_slicer

_STRETCH, _KNOWN = 25, 8  # images that are searched at a time, and of the other window beside them
_REACH, _STEP = 3.2, 0.4  # Å: farther than the nearest neighbour of an atom
_RESOLUTION, _TRIAL_DEG, _PASSES, _REFINED = 1.3, 5.0, 4, 4
_RESEMBLANCE = 0.7
_SURE, _ENOUGH = 3.0, 0.5  # nats; of the images


@dataclass(frozen=True, kw_only=True, slots=True)
class _Poses:
    """Of all images of neighbouring windows, in their common frame.

    Parameters
    ----------
    rotations : (n, 3, 3) float
    shifts : (n, 2) float [Å]
    z : (n,) float
        Fit to the atoms of their window; NaN for images without a pose.
    """

    rotations: NDArray[np.float64]
    shifts: NDArray[np.float64]
    z: NDArray[np.float64]


def with_poses_at_boundaries(observations: Observations, models: Sequence[WindowModel]) -> tuple[WindowModel, ...]:
    """The models with the images at their ends in the poses that fit best to their own or the next window's atoms.

    An image beyond the true boundary was put in some pose to atoms that it does not show, on another copy of the
    lattice as often as not; that pose says nothing of which atoms were there. So the images from each end of a window
    inwards are searched with the atoms of the window beside it, over all lattice copies of their poses, neighbouring
    rows and along time from images that this window has already. An image that fits these atoms better by three nats
    than those of its own window takes the new pose. It goes on, 25 images at a time, until most of them stay.

    Parameters
    ----------
    observations : Observations
        Of the whole series.
    models : sequence of WindowModel
        Neighbours in time, in one frame.
    """
    if len(models) < 2:
        return tuple(models)
    first, last = models[0].start, models[-1].stop
    count = last - first
    poses = _Poses(rotations=np.tile(np.eye(3), (count, 1, 1)), shifts=np.zeros((count, 2)), z=np.full(count, np.nan))
    for model in models:
        at = model.images - first
        poses.rotations[at] = matrices_from_quaternions(model.quaternions)
        poses.shifts[at] = model.shifts
        poses.z[at] = _fit(observations, model)
    for left, right in pairwise(models):
        for own, other in ((left, right), (right, left)):
            for inner, known in _inwards(own, other):
                if not _taken_over(observations, own, other, inner, known, poses, first):
                    break
    found = []
    for model in models:
        at = model.images - first
        quaternions = quaternions_from_matrices(poses.rotations[at])
        found.append(replace(model, quaternions=quaternions, shifts=poses.shifts[at], z=poses.z[at]))
    return tuple(found)


def _fit(observations: Observations, model: WindowModel) -> NDArray[np.float64]:
    """(k,) fit of the images of a window to its atoms."""
    device = observations.device
    used, response = observations.of(torch.from_numpy(model.images).to(device)).at(mismatch=MODEL_MISMATCH)
    rotations = torch.from_numpy(matrices_from_quaternions(model.quaternions).astype(np.float32)).to(device)
    shifts = torch.from_numpy(model.shifts.astype(np.float32)).to(device)
    predictions = predicted(atoms_of_window(model, device), response, rotations, shifts)
    return np.asarray(correlation(used.values, predictions).double().cpu().numpy())


def _inwards(own: WindowModel, other: WindowModel) -> Iterator[tuple[range, range]]:
    """Stretches of a window from its end at the other one inwards, and the images beside each that are known."""
    for begun in range(0, own.stop - own.start, _STRETCH):
        if other.start < own.start:
            at = own.start + begun
            yield range(at, min(at + _STRETCH, own.stop)), range(max(at - _KNOWN, other.start), at)
        else:
            at = own.stop - begun
            yield range(max(at - _STRETCH, own.start), at), range(at, min(at + _KNOWN, other.stop))


def _taken_over(
    observations: Observations,
    own: WindowModel,
    other: WindowModel,
    inner: range,
    known: range,
    poses: _Poses,
    first: int,
) -> bool:
    """Search a stretch with the other window's atoms; whether most of it fits these better. Changes `poses`."""
    start, stop = min(inner.start, known.start), max(inner.stop, known.stop)
    some = neighbouring_images(observations, slice(start, stop))
    device = observations.device
    chosen_images = slice(start - first, stop - first)
    rotations = torch.from_numpy(poses.rotations[chosen_images].astype(np.float32)).to(device)
    shifts = torch.from_numpy(poses.shifts[chosen_images].astype(np.float32)).to(device)
    mine, theirs = (moved_to_centre(atoms_of_window(model, device), rotations, shifts) for model in (own, other))
    stayed = _refined(some, mine[0], Placed(rotations=rotations, shifts=mine[1], z=torch.zeros(len(some))))
    found = _refined(some, theirs[0], _searched(some, theirs[0], rotations, theirs[1]))
    better = (0.5 * (found.z.square() - stayed.z.clamp(min=0.0).square()) > _SURE).cpu().numpy()
    searched, seen = np.isin(np.arange(start, stop), inner), np.isfinite(poses.z[chosen_images])
    better &= searched & seen
    # back from the other model's centre to the common origin
    offset = torch.from_numpy(other.positions.mean(axis=0).astype(np.float32)).to(device)
    moved = found.shifts - torch.einsum("nij,j->ni", found.rotations, offset)[:, :2]
    rows = np.flatnonzero(better) + start - first
    poses.rotations[rows] = found.rotations.double().cpu().numpy()[better]
    poses.shifts[rows] = moved.double().cpu().numpy()[better]
    poses.z[rows] = found.z.double().cpu().numpy()[better]
    return bool(better.sum() >= _ENOUGH * max((searched & seen).sum(), 1))


def _refined(some: Observations, atoms: AtomModel, placed: Placed) -> Placed:
    """The best poses near by; both windows' atoms are tried alike."""
    used, response = some.at(mismatch=MODEL_MISMATCH)
    centre, error = expected_shifts(some, placed.shifts)
    return refine_poses(
        used, atoms, response, placed.rotations, placed.shifts, iterations=_REFINED, centre=centre, centre_error=error
    )


def _searched(some: Observations, atoms: AtomModel, rotations: Tensor, shifts: Tensor) -> Placed:
    """The most probable path over all lattice copies of the orientations and all rows within 3.2 Å, then near by."""
    used, response = some.at(mismatch=MODEL_MISMATCH, resolution=_RESOLUTION)
    slices = model_slicer(atoms, form_factor_table(response), used.plane)
    grid = shift_grid(_REACH, _STEP, device=some.device)
    amplitude = float(correlation(used.values, predicted(atoms, response, rotations, shifts)).mean())
    scores = score_candidates(
        used,
        lambda _, turned: slices(used.plane, turned) * response.lens,
        some.symmetry.copies(rotations),
        grid,
        folds=torch.zeros(len(some), dtype=torch.long, device=some.device),
        penalty=shift_penalty(grid, some.centre_error, amplitude),
    )
    slope = evidence_slope(max(float(scores.z.amax(dim=1).mean()), 1.0), resemblance=_RESEMBLANCE)
    turned, moved, z = chosen(scores, some.time.path(slope * scores.z, scores.rotations))
    return search_poses(
        some,
        atoms,
        Placed(rotations=turned, shifts=moved, z=z),
        resolution=_RESOLUTION,
        trial_deg=_TRIAL_DEG,
        passes=_PASSES,
        generator=torch.Generator().manual_seed(0),
    ).placed


def atoms_of_window(model: WindowModel, device: torch.device) -> AtomModel:
    """The atoms of a window as the images are compared with them."""
    return AtomModel(
        positions=torch.from_numpy(model.positions.astype(np.float32)).to(device),
        occupancies=torch.from_numpy(model.occupancies.astype(np.float32)).to(device),
        b_factor=model.b_factor,
    )


def neighbouring_images(observations: Observations, images: slice) -> Observations:
    """A stretch of the images, in their order in time."""
    index = torch.arange(images.start, images.stop, device=observations.device)
    centres = observations.box_centres
    return replace(
        observations,
        coefficients=observations.coefficients.of(index),
        folds=observations.folds[index],
        time=replace(observations.time, gaps=observations.time.gaps[images.start : images.stop - 1]),
        box_centres=None if centres is None else centres[images],
    )
