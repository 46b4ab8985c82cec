"""The boundary between two windows whose models lie on each other in several ways equally well."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from atomotion.geometry.alignment import Alignment, align
from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.geometry.symmetry import lattice_copies, rotation_group
from atomotion.structure import AlignmentConfig, align_states
from atomotion.tomography.boundaries_config import BoundariesConfig
from atomotion.tomography.common_frame import WindowModel, moved_model
from atomotion.tomography.forward import predicted
from atomotion.tomography.joint import fit_scale, good_weights
from atomotion.tomography.observations import Observations
from atomotion.tomography.pose_refinement import Placed, correlation
from atomotion.tomography.pose_search import MODEL_MISMATCH, search_poses
from atomotion.tomography.poses_at_boundaries import atoms_of_window, neighbouring_images

_REACH = 80  # images on each side of the boundary
_RESOLUTION, _TRIAL_DEG, _PASSES = 1.3, 5.0, 4
_SURE = 3.0  # nats
_RUN = 9  # images that are taken to lie on one copy


def boundary_by_poses(
    observations: Observations, left: WindowModel, right: WindowModel, config: BoundariesConfig
) -> tuple[int, slice, NDArray[np.float64]]:
    """Where images begin to fit the second model better than the first, each in poses of its own.

    A particle with the symmetry of its lattice leaves open on which copy an image lies, so that the poses to one model
    say nothing of those to the other. The images around the boundary are searched with both models, over all copies
    and along time, and ``½ (z_left² - z_right²)`` is the log-likelihood ratio. It favours the model that an image was
    refined with by a few nats, which small changes do not outweigh.

    Parameters
    ----------
    observations : Observations
        Of the whole series.
    left, right : WindowModel
        ``right.start == left.stop``.
    config : BoundariesConfig

    Returns
    -------
    at : int
        First image of the second window; the given one where no other gains three nats.
    images : slice
        Which images were searched.
    ratio : (k,) float [nats]
        Of these images, left over right.
    """
    laid = align_states(right.positions, left.positions, AlignmentConfig(mirror=True))
    back = align(left.positions[laid.pairs[:, 1]], right.positions[laid.pairs[:, 0]], mirror=laid.motion.mirrored)
    at = right.start
    images = slice(max(left.start, at - _REACH), min(right.stop, at + _REACH))
    z_left = _searched(observations, left, right, laid.motion, images)
    z_right = _searched(observations, right, left, back, images)
    ratio = 0.5 * (np.square(z_left) - np.square(z_right))
    if not config.move:
        return at, images, ratio
    total = np.concatenate([[0.0], np.cumsum(ratio)])
    places = np.arange(images.start, images.stop + 1)
    allowed = (places >= left.start + config.min_frames) & (places <= right.stop - config.min_frames)
    best = int(places[np.argmax(np.where(allowed, total, -np.inf))]) if allowed.any() else at
    gained = total[best - images.start] - total[at - images.start]
    return (best if gained > _SURE else at), images, ratio


def _searched(
    observations: Observations, model: WindowModel, other: WindowModel, motion: Alignment, images: slice
) -> NDArray[np.float64]:
    """(k,) fit of the images to a model in their best poses; those of the other window are laid into its frame.

    Images of the other window are first put on the copy, about the other model's centre, that they and their
    neighbours in time fit best.
    """
    count, device = images.stop - images.start, observations.device
    own, theirs = _inside(model, images), _inside(other, images)
    group = lattice_copies(theirs.quaternions, rotation_group("O"))
    copies = [moved_model(replace(theirs, quaternions=group[:, copy]), motion) for copy in range(group.shape[1])]
    fits = np.array([_fit(observations, model, each) for each in copies])
    kernel = np.ones(min(_RUN, fits.shape[1]))
    best = np.array([np.convolve(each, kernel, "same") for each in fits]).argmax(axis=0)
    rotations, shifts = np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 2))
    rotations[own.images - images.start] = matrices_from_quaternions(own.quaternions)
    shifts[own.images - images.start] = own.shifts
    for row, (image, copy) in enumerate(zip(theirs.images, best, strict=True)):
        rotations[image - images.start] = matrices_from_quaternions(copies[copy].quaternions[row])
        shifts[image - images.start] = copies[copy].shifts[row]

    def tensor(values: NDArray[np.floating]) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)

    some = neighbouring_images(observations, images)
    used, response = some.at(mismatch=MODEL_MISMATCH)
    atoms = atoms_of_window(model, device)
    placed = Placed(rotations=tensor(rotations), shifts=tensor(shifts), z=torch.zeros(count, device=device))
    predictions = predicted(atoms, response, placed.rotations, placed.shifts)
    placed = replace(placed, z=correlation(used.values, predictions))
    atoms = fit_scale(used, atoms, response, placed, good_weights(placed, 0.5))
    found = search_poses(
        some,
        atoms,
        placed,
        resolution=_RESOLUTION,
        trial_deg=_TRIAL_DEG,
        passes=_PASSES,
        generator=torch.Generator().manual_seed(0),
    )
    return np.asarray(found.placed.z.double().cpu().numpy())


def _inside(model: WindowModel, images: slice) -> WindowModel:
    """The model with the poses of these images only."""
    used = (model.images >= images.start) & (model.images < images.stop)
    return replace(
        model,
        images=model.images[used],
        quaternions=model.quaternions[used],
        shifts=model.shifts[used],
        z=model.z[used],
    )


def _fit(observations: Observations, model: WindowModel, posed: WindowModel) -> NDArray[np.float64]:
    """(k,) fit of the images of `posed`, at its poses, to the atoms of `model`."""
    some = observations.of(torch.from_numpy(posed.images).to(observations.device))
    used, response = some.at(mismatch=MODEL_MISMATCH, resolution=_RESOLUTION)
    turns = torch.from_numpy(matrices_from_quaternions(posed.quaternions).astype(np.float32)).to(observations.device)
    shifts = torch.from_numpy(posed.shifts.astype(np.float32)).to(observations.device)
    predictions = predicted(atoms_of_window(model, observations.device), response, turns, shifts)
    return np.asarray(correlation(used.values, predictions).double().cpu().numpy())
