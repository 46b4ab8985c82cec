"""Windows settled by their own reconstructions: boundaries moved, windows split and merged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.tomography.boundaries import Change, Segmentation, segmented
from atomotion.tomography.boundaries_config import BoundariesConfig
from atomotion.tomography.boundary_by_poses import boundary_by_poses
from atomotion.tomography.common_frame import WindowModel, core_of, lattice_continued, sites_of, tied_models
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.observations import Observations
from atomotion.tomography.occupancy_evidence import (
    OccupancyEvidence,
    at_strength_of,
    fitted,
    log_ratio,
    occupancy_evidence,
)
from atomotion.tomography.pose_refinement import Placed, correlation
from atomotion.tomography.pose_search import MODEL_MISMATCH, search_poses
from atomotion.tomography.poses_at_boundaries import with_poses_at_boundaries

_LAYERS = 3
_MUCH = 0.5  # of the most images that a model shares with a window
_ASKED, _RESOLUTION, _TRIAL_DEG = 40, 1.3, 4.0  # images, Å and degrees of the search for other lattice copies
_THERE = 0.5  # of an atom
_WEAKEST, _ALIKE = 0.3, 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledWindow:
    """One window after the images were asked.

    Parameters
    ----------
    start, stop : int
        Images start, start + 1, ..., stop - 1.
    model : int
        The reconstruction, by its place among those given, that shares most images with it; of several that share many
        the one that its images fit best.
    kept : bool
        Whether that reconstruction had these very images.
    change : Change or None
        What changes at its beginning; None at the beginning of the series, and where nothing is known of it.
    """

    start: int
    stop: int
    model: int
    kept: bool
    change: Change | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledWindows:
    """The windows, and what every image says of them.

    Parameters
    ----------
    windows : tuple of SettledWindow
        In the order of time.
    z : (n,) float
        Fit of each image to the atoms of its window, in noise sigmas; NaN without a pose.
    correlation : (n,) float
        The same as a correlation coefficient.
    ratio_before, ratio_after : (n,) float [nats]
        Log-likelihood of each image with the atoms of the window before (after) its own, less that with its own; NaN
        where there is none.
    strength : (n,) float
        How strong one atom is in the images around, in units of the median.
    notes : tuple of str
    """

    windows: tuple[SettledWindow, ...]
    z: NDArray[np.float64]
    correlation: NDArray[np.float64]
    ratio_before: NDArray[np.float64]
    ratio_after: NDArray[np.float64]
    strength: NDArray[np.float64]
    notes: tuple[str, ...]


def unsettled(count: int, note: str) -> SettledWindows:
    """What is known of `count` images without any model: nothing."""
    blank = np.full(count, np.nan)
    return SettledWindows(
        windows=(), z=blank, correlation=blank, ratio_before=blank, ratio_after=blank, strength=blank, notes=(note,)
    )


def settle_windows(
    observations: Observations,
    models: Sequence[WindowModel],
    config: BoundariesConfig,
    *,
    on_step: Callable[[int, int], None] | None = None,
) -> SettledWindows:
    """The windows that the images want, from reconstructions of a first guess of them.

    Neighbouring models are laid on each other, with the poses of their images (`tied_models`). All places of atoms in
    any of them, and the free places of the lattice next to these, are sites; the images say how much of an atom is at
    each site in any stretch of time (`occupancy_evidence`), and windows end where that changes (`segmented`). Before,
    images at the ends of windows get the poses that their neighbour's atoms give them, where these fit better
    (`with_poses_at_boundaries`).

    Parameters
    ----------
    observations : Observations
        Of all images of the series.
    models : sequence of WindowModel
        In the order of time. Windows without a trusted model are not among them, and stay as they are.
    config : BoundariesConfig
    on_step : callable, optional
        Called with (done, total).
    """
    n = len(observations)
    blank = np.full(n, np.nan)
    z, correlation, before, after, strength = (blank.copy() for _ in range(5))
    windows: list[SettledWindow] = []
    notes: list[str] = []
    groups: list[list[int]] = []
    for number, model in enumerate(models):
        if groups and models[number - 1].stop == model.start:
            groups[-1].append(number)
        else:
            groups.append([number])
    done = 0
    for group in groups:
        tied, broken = tied_models([models[number] for number in group])
        notes += broken
        for part in tied:
            numbers = group[: len(part.models)]
            group = group[len(part.models) :]
            posed = with_poses_at_boundaries(observations, part.models)
            evidence, found, doubts = _settled(observations, posed, config)
            notes += doubts
            offset = part.models[0].start
            for inner, (a, b) in enumerate(pairwise(found.edges)):
                change = found.changes[inner - 1] if inner else None
                windows.append(_window(a + offset, b + offset, numbers, models, change))
            inside = slice(offset, offset + len(evidence))
            z[inside], before[inside], after[inside] = _curves(evidence, found)
            images = observations.coefficients.values[inside]
            correlation[inside] = z[inside] / images.abs().square().sum(dim=1).sqrt().double().cpu().numpy()
            strength[inside] = np.where(evidence.weights > 0, evidence.strength / np.median(evidence.strength), np.nan)
            if part.ambiguous:
                last, first = models[numbers[0] - 1], models[numbers[0]]
                at, around, ratio = boundary_by_poses(observations, last, first, config)
                windows[-len(found.edges) :] = _moved_to(windows[-len(found.edges) :], at)
                after[around.start : at] = -ratio[: at - around.start]
                before[at : around.stop] = ratio[at - around.start :]
            done += len(numbers)
            if on_step is not None:
                on_step(done, len(models))
    return SettledWindows(
        windows=tuple(_small_moves_undone(windows, models, config.tolerance)),
        z=z,
        correlation=correlation,
        ratio_before=before,
        ratio_after=after,
        strength=strength,
        notes=tuple(notes),
    )


def _small_moves_undone(
    windows: Sequence[SettledWindow], models: Sequence[WindowModel], tolerance: int
) -> list[SettledWindow]:
    """The windows with every boundary that moved by at most `tolerance` images where it was."""
    ends = np.array([model.stop for model in models])
    settled = list(windows)
    for number in range(len(settled) - 1):
        left, right = settled[number : number + 2]
        if left.stop != right.start:
            continue
        given = int(ends[np.abs(ends - left.stop).argmin()])
        if abs(given - left.stop) <= tolerance and left.start < given < right.stop:
            settled[number], settled[number + 1] = replace(left, stop=given), replace(right, start=given)
    return [
        replace(each, kept=(models[each.model].start, models[each.model].stop) == (each.start, each.stop))
        for each in settled
    ]


def _moved_to(windows: Sequence[SettledWindow], at: int) -> list[SettledWindow]:
    """The windows with the boundary between the first two at another image, if that leaves something of both."""
    last, first, *rest = windows
    if at == first.start or not last.start < at < first.stop:
        return list(windows)
    return [replace(last, stop=at, kept=False), replace(first, start=at, kept=False), *rest]


def _window(
    start: int, stop: int, numbers: Sequence[int], models: Sequence[WindowModel], change: Change | None
) -> SettledWindow:
    shared = np.array([min(stop, models[each].stop) - max(start, models[each].start) for each in numbers])
    # of several models that a merged window could go on from, the one that its own images fit best
    fit = [float(np.mean(models[each].z)) for each in numbers]
    nearest = numbers[int(np.argmax(np.where(shared >= _MUCH * shared.max(), fit, -np.inf)))]
    kept = (models[nearest].start, models[nearest].stop) == (start, stop)
    return SettledWindow(start=start, stop=stop, model=nearest, kept=kept, change=change)


def _settled(
    observations: Observations, models: Sequence[WindowModel], config: BoundariesConfig
) -> tuple[OccupancyEvidence, Segmentation, list[str]]:
    """Evidence, segments and doubts of windows without gaps; images are counted from the first of the first window."""
    first, last = models[0].start, models[-1].stop
    notes: dict[tuple[int, int], str] = {}

    def is_real(change: Change, start: int, stop: int) -> bool:
        right, left = range(change.at, stop), range(start, change.at)
        for part, own, other in ((right, change.right, change.left), (left, change.left, change.right)):
            if _fits_as_well(observations, evidence, part, own, other, first):
                a, b = part.start + first, part.stop - 1 + first
                notes[a, b] = (
                    f"images {a} to {b} fit the atoms of their neighbours as well on another copy of the lattice, so "
                    "that atoms only seem to change there; they are in one window with these"
                )
                return False
        return True

    edges = [model.start - first for model in models] + [last - first]
    sites = sites_of(models, config.displacement)
    for _ in range(_LAYERS):
        free = lattice_continued(sites, observations.spacing)
        evidence = _evidence(observations, models, sites, free)
        found = segmented(evidence, edges, config, is_real=is_real)
        there = np.zeros(evidence.sites, dtype=bool)
        for change in found.changes:
            there |= (np.maximum(change.left, change.right) > _THERE) & change.changed
        new = there[len(sites) :]
        if not new.any():
            break
        sites = np.concatenate([sites, free[new]])
    return evidence, found, list(notes.values())


def _fits_as_well(
    observations: Observations,
    evidence: OccupancyEvidence,
    images: range,
    own: NDArray[np.float64],
    other: NDArray[np.float64],
    first: int,
) -> bool:
    """Whether the images fit other atoms about as well as their own, once they may be on any copy of the lattice.

    Images on a wrong copy show the right atoms in wrong places, as if some atoms went and others came; on the right
    one they fit the others' atoms as well. Where the atoms have really changed, the fit falls to the cosine ρ between
    the two sets of occupancies; a third of the way from 1 to ρ decides. Both sets are searched alike, so that the best
    of many trials is as good by chance for one as for the other. Sets that are too alike to tell are taken as changed.
    """
    own, other = (np.where(each > _WEAKEST, each, 0.0) for each in (own, other))
    likeness = float(own @ other / np.sqrt((own @ own) * (other @ other)))
    if likeness > _ALIKE:
        return False
    chosen = np.array([image for image in images if evidence.weights[image] > 0], dtype=np.intp)
    if len(chosen) == 0:
        return False
    chosen = chosen[:: max(1, len(chosen) // _ASKED)]
    device = observations.device

    def tensor(values: NDArray[np.floating]) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)

    some = observations.of(torch.from_numpy(chosen + first).to(device))
    used, response = some.at(mismatch=MODEL_MISMATCH)
    rotations, shifts = tensor(evidence.rotations[chosen]), tensor(evidence.shifts[chosen])
    fits = []
    for occupancies in (own, other):
        there = occupancies > 0.0
        model = AtomModel(
            positions=tensor(evidence.places[there]),
            occupancies=tensor(occupancies[there] * float(np.median(evidence.strength))),
            b_factor=evidence.b_factor,
        )
        z = correlation(used.values, predicted(model, response, rotations, shifts))
        searched = search_poses(
            some,
            model,
            Placed(rotations=rotations, shifts=shifts, z=z),
            resolution=_RESOLUTION,
            trial_deg=_TRIAL_DEG,
            passes=1,
            generator=torch.Generator().manual_seed(0),
        )
        fits.append(float(searched.placed.z.mean()))
    return bool(fits[1] > (1.0 - (1.0 - likeness) / 3.0) * fits[0])


def _evidence(
    observations: Observations,
    models: Sequence[WindowModel],
    sites: NDArray[np.float64],
    free: NDArray[np.float64],
) -> OccupancyEvidence:
    first, last = models[0].start, models[-1].stop
    count = last - first
    rotations, shifts, weights = np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 2)), np.zeros(count)
    for model in models:
        at = model.images - first
        rotations[at] = matrices_from_quaternions(model.quaternions)
        shifts[at] = model.shifts
        weights[at] = model.fits

    def tensor(values: NDArray[np.floating]) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(observations.device)

    used, response = observations.at(mismatch=MODEL_MISMATCH)
    evidence = occupancy_evidence(
        used.of(torch.arange(first, last, device=observations.device)),
        response,
        np.concatenate([sites, free]),
        Placed(rotations=tensor(rotations), shifts=tensor(shifts), z=tensor(weights)),
        b_factor=float(np.mean([model.b_factor for model in models])),
        weights=tensor(weights),
    )
    everywhere = np.array(
        [all(_nearest(model.positions, site) < 0.5 * observations.spacing for model in models) for site in sites]
    )
    core = np.concatenate([core_of(sites, everywhere, observations.spacing), np.zeros(len(free), dtype=bool)])
    return at_strength_of(evidence, core)


def _nearest(positions: NDArray[np.float64], site: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(positions - site, axis=1).min())


def _curves(evidence: OccupancyEvidence, found: Segmentation) -> tuple[NDArray[np.float64], ...]:
    """Fit, and log-likelihoods with the atoms of the window before and after less that with its own, of every image."""
    z, before, after = (np.full(len(evidence), np.nan) for _ in range(3))
    edges = found.edges
    for start, stop in pairwise(edges):
        z[start:stop] = evidence.fit(start, stop, fitted(evidence, start, stop).values)
    for change, (a, at, b) in zip(found.changes, zip(edges[:-2], edges[1:-1], edges[2:], strict=True), strict=True):
        ratio = log_ratio(evidence, a, b, change.left, change.right)
        after[a:at], before[at:b] = -ratio[: at - a], ratio[at - a :]
    unseen = evidence.weights == 0
    for each in (z, before, after):
        each[unseen] = np.nan
    return z, before, after
