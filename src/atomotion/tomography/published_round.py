"""One round of the published reconstruction: from a start to a density of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from atomotion.scattering import electron_form_factor
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.half_plane import HalfPlane
from atomotion.tomography.icm import regularise_halves
from atomotion.tomography.polar import PolarGrid
from atomotion.tomography.published_config import PublishedConfig
from atomotion.tomography.published_directions import Directions
from atomotion.tomography.published_search import Choice, normalised, search, searched_shifts
from atomotion.tomography.slices import Slicer, model_slicer, slicer
from atomotion.tomography.volume import Accumulated, accumulate, volume_of

_FLOOR = 0.1  # of the mean weight
_MARGIN = 2
# what the program makes a simulated atom wider by, B = (4 · 2 pixels)²
_PIXELS_OF_BLUR = 8.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Refinement:
    """Where a round of matching and reconstruction ended.

    Parameters
    ----------
    choice : Choice
    halves : (2, size, size, size) float, z y x
        Densities of the images of even and of odd number, without the prior.
    voxel_size : float [Å]
    iterations : int
    overlap : float
        Part of the images that kept their direction in the last iteration.
    """

    choice: Choice
    halves: Tensor
    voxel_size: float
    iterations: int
    overlap: float


def refine_orientations(
    plane: HalfPlane,
    values: Tensor,
    grid: PolarGrid,
    circles: Tensor,
    start: Slicer,
    directions: Directions,
    config: PublishedConfig,
    *,
    before: Choice | None,
    shifts: Tensor,
    radius: float,
    on_iteration: Callable[[int], None],
) -> Refinement:
    """Matching and reconstruction in turn, until most images keep their direction.

    Each image is put at its one best orientation into the Fourier grid of its half; the halves' densities, after the
    prior, are averaged, and all images are matched with the average. The halves are therefore not independent.

    Parameters
    ----------
    plane : HalfPlane
    values : (n, p) complex
        The images for the density.
    grid : PolarGrid
    circles : (n, m) complex
        The images to be matched.
    start : Slicer
    directions : Directions
    config : PublishedConfig
    before : Choice or None
        From the round before.
    shifts : (s, 2) float [Å]
    radius : float [Å]
        Of the soft mask of the density.
    on_iteration : callable
        Is told how many are done.
    """
    reference, choice, sums = start, before, None
    lens = torch.ones(len(plane), device=plane.device)
    half = torch.arange(len(values), device=plane.device) % 2
    for iteration in range(1, config.iterations + 1):
        last, first = choice, None
        references = normalised(reference(grid.plane, directions.rotations))
        if last is None and config.first_shifts == "searched":
            first = searched_shifts(circles, references, grid, directions, shifts)
        choice = search(circles, references, grid, directions, before=last, shifts=shifts, first=first)
        rotations = choice.rotations(directions, grid)
        now = accumulate(plane, values, lens, rotations, choice.shifts, sets=half, count=2)
        sums = now if sums is None else _blended(now, sums, config.trailing)
        halves = torch.stack([_density(sums.only(each), radius) for each in (0, 1)])
        overlap = 0.0 if last is None else float((choice.directions == last.directions).float().mean())
        on_iteration(iteration)
        if overlap >= config.overlap or iteration == config.iterations:
            break
        reference = slicer(coarser(_after_prior(halves, config), 2 * (grid.plane.reach + _MARGIN) + 1))
    assert choice is not None
    return Refinement(
        choice=choice, halves=halves, voxel_size=now.grid.voxel_size, iterations=iteration, overlap=overlap
    )


def _blended(now: Accumulated, before: Accumulated, share: float) -> Accumulated:
    return replace(
        now,
        data=(1.0 - share) * now.data + share * before.data,
        weight=(1.0 - share) * now.weight + share * before.weight,
    )


def _density(sums: Accumulated, radius: float) -> Tensor:
    return volume_of(sums, precision=_FLOOR * sums.mean_weight, radius=radius, positive=False)


def _after_prior(halves: Tensor, config: PublishedConfig) -> Tensor:
    """The mean of both halves after the prior."""
    if config.icm == "none":
        return halves.mean(dim=0)
    one, other = halves.double().cpu().numpy()
    if config.icm == "published":
        smooth = regularise_halves(one, other, scaling="published", strength=config.icm_strength)
    else:
        smooth = regularise_halves(one, other, scaling="measured")
    return torch.from_numpy(0.5 * (smooth.half1 + smooth.half2)).to(halves)


def coarser(density: Tensor, size: int) -> Tensor:
    """A density (n, n, n) on an odd grid of `size` voxels along each axis, without its higher frequencies."""
    given = len(density)
    if size >= given:
        return density
    spectrum = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(density)))
    start = given // 2 - size // 2
    part = slice(start, start + size)
    kept = torch.fft.ifftshift(spectrum[part, part, part])
    return torch.fft.fftshift(torch.fft.ifftn(kept).real) * (size / given) ** 3


def simulated_start(element: str, positions: np.ndarray, plane: HalfPlane) -> Slicer:
    """What projects the density of like atoms at `positions` (n, 3) x y z [Å], blurred as the program does."""
    points = torch.from_numpy(np.asarray(positions)).float().to(plane.device)
    model = AtomModel(
        positions=points,
        occupancies=torch.ones(len(points), device=plane.device),
        b_factor=(_PIXELS_OF_BLUR * plane.pixel_size) ** 2,
    )
    k = np.linspace(0.0, 2.0 * plane.step * (plane.reach + _MARGIN), 512)
    return model_slicer(model, (k, electron_form_factor(element, k)), plane)
