"""Atoms taken out of a model and put into it, by what the images say."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from torch import Tensor

from atomotion.neighbours import coordination_numbers, neighbour_pairs
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.coverage import even_directions
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.joint import good_weights
from atomotion.tomography.peaks import density_peaks
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.response import Response
from atomotion.tomography.volume import accumulate, volume_of

_NEAREST = 0.6  # of the spacing: nothing is added nearer to an atom
_DOUBLE = 0.8  # of the spacing
_ONE_ATOM = 1.5  # of the median occupancy
_STRONG = 1.4  # of the median occupancy: an atom that may be two
_APART = 0.33  # of the spacing: half the distance of these two
_BOTH_SIDES = 0.2  # of an atom's height: what the residual has at least where either is
_BOUND = 1.2  # of the spacing: what is nearer is a neighbour
_DIRECTIONS = 200
_FLOOR = 0.1  # of the mean precision: frequencies that few images have seen are not amplified


@dataclass(frozen=True, kw_only=True, slots=True)
class AtomRules:
    """What counts as an atom.

    An atom with at least three neighbours continues the lattice and is believed early; one with fewer has to stand out
    clearly.

    Parameters
    ----------
    spacing : float [Å]
        Nearest-neighbour distance of the element.
    weakest, weakest_alone : float
        Least occupancy, in units of the median, of an atom with three neighbours or more, and of one with fewer.
    peak, peak_alone : float
        Least height of a peak of the residual, in units of the median height of atoms.
    sigmas, sigmas_alone : float
        Least height of it in standard deviations of the residual density.
    """

    spacing: float
    weakest: float = 0.45
    weakest_alone: float = 0.7
    peak: float = 0.5
    peak_alone: float = 0.6
    sigmas: float = 4.2
    sigmas_alone: float = 5.5


def pruned(model: AtomModel, rules: AtomRules) -> AtomModel:
    """The model with halves of one atom put together, and without atoms that are weak for their number of neighbours.

    Two neighbours nearer than 0.8 of the spacing that together are not stronger than one and a half atoms are one atom
    that the density showed double; left alone, they would share it for ever.
    """
    whole = _put_together(model, rules)
    positions = whole.positions.double().cpu().numpy()
    strength = (whole.occupancies / whole.occupancies.median()).cpu().numpy()
    keep = strength > rules.weakest
    count = coordination_numbers(neighbour_pairs(positions[keep], _BOUND * rules.spacing))
    weak = (count == 0) | ((count < 3) & (strength[keep] < rules.weakest_alone))
    keep[np.flatnonzero(keep)[weak]] = False
    return whole.of(torch.from_numpy(keep).to(whole.positions.device))


def _put_together(model: AtomModel, rules: AtomRules) -> AtomModel:
    """Pairs of halves as one atom each, at their centre of strength; the nearest pairs first."""
    positions = model.positions.double().cpu().numpy().copy()
    occupancies = model.occupancies.double().cpu().numpy().copy()
    typical = float(np.median(occupancies))
    near = neighbour_pairs(positions, _DOUBLE * rules.spacing)
    keep = np.ones(len(positions), dtype=bool)
    free = np.ones(len(positions), dtype=bool)
    for pair in np.argsort(near.distances, kind="stable"):
        i, j = int(near.first[pair]), int(near.second[pair])
        total = occupancies[i] + occupancies[j]
        if i < j and free[i] and free[j] and total < _ONE_ATOM * typical:
            positions[i] = (occupancies[i] * positions[i] + occupancies[j] * positions[j]) / total
            occupancies[i] = total
            free[i] = free[j] = keep[j] = False
    merged = replace(
        model,
        positions=torch.from_numpy(positions).to(model.positions),
        occupancies=torch.from_numpy(occupancies).to(model.occupancies),
    )
    return merged.of(torch.from_numpy(keep).to(model.positions.device))


def added(
    coefficients: Coefficients,
    model: AtomModel,
    response: Response,
    placed: Placed,
    rules: AtomRules,
    *,
    radius: float,
    worst: float = 0.1,
) -> AtomModel:
    """The model with atoms at the peaks of what it leaves unexplained, and two where one stood for two.

    A density of the residuals is made as one of the images would be; its peaks are measured by the height that the
    model's own atoms have in a density of the model's predictions, and by the noise of the residual density. Two atoms
    nearer than two thirds of the spacing may have become a strong one in their middle; then the residual is high on
    two sides of it.

    Parameters
    ----------
    coefficients, model, response, placed
    rules : AtomRules
    radius : float [Å]
        Of the sphere about the origin that holds the particle.
    worst : float
        Part of the images that is left out.
    """
    weights = good_weights(placed, worst)
    fitted = predicted(model, response, placed.rotations, placed.shifts)
    residual, voxel_size = _density(response, coefficients.values - fitted, placed, weights, radius)
    own, _ = _density(response, fitted, placed, weights, radius)
    atoms = model.positions.double().cpu().numpy()
    at = (atoms[:, ::-1] / voxel_size + own.shape[0] // 2).T
    height = float(np.median(map_coordinates(own.cpu().numpy(), at, order=1)))
    inside = residual[residual != 0.0]
    noise = 1.4826 * float((inside - inside.median()).abs().median())
    peaks, heights = density_peaks(residual, voxel_size, separation=_NEAREST * rules.spacing)
    model = _parted(model, residual.cpu().numpy() / height, voxel_size, rules)
    new = peaks[_plausible(peaks, heights / height, heights / noise, atoms, rules)]
    if new.shape[0] == 0:
        return model
    return AtomModel(
        positions=torch.cat([model.positions, torch.from_numpy(new.copy()).to(model.positions)]),
        occupancies=torch.cat([model.occupancies, 0.8 * model.occupancies.median().expand(new.shape[0])]),
        b_factor=model.b_factor,
    )


def _parted(model: AtomModel, residual: NDArray[np.floating], voxel_size: float, rules: AtomRules) -> AtomModel:
    """The model with two atoms for a strong one on two sides of which the residual, in heights of an atom, is high."""
    typical = float(model.occupancies.median())
    strong = np.flatnonzero((model.occupancies > _STRONG * typical).cpu().numpy())
    if len(strong) == 0:
        return model
    aside = _APART * rules.spacing * even_directions(_DIRECTIONS)
    centres = model.positions[strong].double().cpu().numpy()[:, None]
    sides = np.stack([centres + aside, centres - aside])
    at = sides[..., ::-1] / voxel_size + residual.shape[0] // 2
    heights = map_coordinates(residual, np.moveaxis(at, -1, 0), order=1).min(axis=0)
    best = heights.argmax(axis=1)
    two = heights.max(axis=1) > _BOTH_SIDES
    ends = torch.from_numpy(sides[:, two, best[two]].reshape(-1, 3)).to(model.positions)
    one = torch.ones(len(model), dtype=torch.bool, device=model.positions.device)
    one[strong[two]] = False
    halves = model.occupancies[strong[two]].clamp(min=_ONE_ATOM * typical).repeat(2) / 2.0
    return AtomModel(
        positions=torch.cat([model.positions[one], ends]),
        occupancies=torch.cat([model.occupancies[one], halves]),
        b_factor=model.b_factor,
    )


def _plausible(
    peaks: NDArray[np.float64],
    relative: NDArray[np.float64],
    sigmas: NDArray[np.float64],
    atoms: NDArray[np.float64],
    rules: AtomRules,
) -> NDArray[np.bool_]:
    """Which peaks, of these heights in units of an atom's and of the noise, are likely atoms."""
    if len(peaks) == 0:
        return np.zeros(0, dtype=bool)
    tree = cKDTree(atoms)
    nearest = np.asarray(tree.query(peaks)[0])
    count = np.asarray(tree.query_ball_point(peaks, _BOUND * rules.spacing, return_length=True))
    bound = (count >= 3) & (relative > rules.peak) & (sigmas > rules.sigmas)
    alone = (count >= 1) & (relative > rules.peak_alone) & (sigmas > rules.sigmas_alone)
    found: NDArray[np.bool_] = (nearest > _NEAREST * rules.spacing) & (bound | alone)
    return found


def _density(
    response: Response, values: Tensor, placed: Placed, weights: Tensor, radius: float
) -> tuple[Tensor, float]:
    """A density of these coefficients without a prior, and its voxel size [Å]."""
    sums = accumulate(response.plane, values, response.lens, placed.rotations, placed.shifts, weights=weights)
    density = volume_of(sums, precision=_FLOOR * sums.mean_weight, radius=radius, positive=False)
    return density, sums.grid.voxel_size
