"""The reconstruction of papers 001 and 002: matching, density, atoms, and their density as the next start."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from atomotion.atoms import AtomModel, AtomsConfig, build_model
from atomotion.data import DensityMap, Frames, InputError, Poses, UsageError
from atomotion.geometry.alignment import align
from atomotion.geometry.matching import match_points
from atomotion.geometry.rotations import quaternions_from_matrices
from atomotion.particles import fcc_sphere, lattice_constant
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.fourier_shells import shell_correlation
from atomotion.tomography.polar import PolarGrid
from atomotion.tomography.published_config import PublishedConfig
from atomotion.tomography.published_directions import Directions, projection_directions
from atomotion.tomography.published_images import masked_images
from atomotion.tomography.published_round import Refinement, refine_orientations, simulated_start
from atomotion.tomography.published_search import Choice
from atomotion.tomography.reconstruction import HalfAgreement, Reconstruction
from atomotion.tomography.response import Optics
from atomotion.tomography.shifts import shift_grid

_FEWEST_IMAGES = 30
_SHIFT_STEP = 0.2  # of the shortest period
_SAME = 1.0  # Å
_FEWEST_TO_ALIGN = 4
# the atoms have stopped to change when fewer than this part come or go, and the others move by less than this [Å]
_SETTLED, _SETTLED_MOVE = 0.01, 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedRound:
    """What one round came to.

    Parameters
    ----------
    number : int
        From 1.
    iterations : int
    overlap : float
        Part of the images that kept their direction in the last iteration.
    score : float
        Mean correlation coefficient of the images with the last reference.
    atoms : int
    changed : float
        Atoms that came or went since the round before, over the mean number; NaN in the first round.
    moved : float [Å]
        Root mean square displacement of the others after a rigid motion; NaN in the first round.
    """

    number: int
    iterations: int
    overlap: float
    score: float
    atoms: int
    changed: float
    moved: float

    @property
    def settled(self) -> bool:
        """Whether the atoms have stopped to change."""
        return self.changed <= _SETTLED and self.moved <= _SETTLED_MOVE


def reconstruct_published(
    images: Frames,
    config: ReconstructionConfig,
    *,
    pixel_size: float,
    optics: Optics | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    on_step: Callable[[int, int], None] | None = None,
    on_round: Callable[[PublishedRound], None] | None = None,
) -> Reconstruction:
    """The atoms of a nanocrystal from boxes of it, found as papers 001 and 002 describe.

    Start: a sphere of the FCC lattice. In each iteration every image takes the best of the directions, and the images
    make a density. After a round of them the atoms that are found in it make the next start. It ends when less than 1 %
    of the atoms come or go and the others move by less than 0.1 Å.

    Of the result, `sigmas`, `copy_margins`, `held_out_z`, `log_evidence` and the distances of the halves are NaN:
    the method does not know them. The scores of the poses are correlation coefficients. The halves were matched with
    their common mean, so that their shell correlation is too high.

    Parameters
    ----------
    images : (n, y, x)
        Raw or denoised; published for denoised ones.
    config : ReconstructionConfig
        What it says of the particle, and its `published`.
    pixel_size : float [Å]
    optics : Optics or None
        Only the sign of the transfer is used: the method does not correct for the microscope. None: bright atoms.
    seed : int
        Draws the start where `config.published.on_atom` is off; nothing else is random.
    device : torch device
    on_step : callable, optional
        Called with (done, total) iterations.
    on_round : callable, optional
        Called with what each round came to.

    Raises
    ------
    InputError
        For fewer than 30 images, boxes that do not hold the particle, and densities without atoms.

    References
    ----------
    Kang et al., Nat. Commun. 16 (2025), "Time-resolved Brownian tomography"; Meana-Pañeda et al., Sci. Adv. 11 (2025),
    "Periodic coupling of the unsupervised atomic model building to the iterative 3D orientation refinement".
    """
    n = int(images.shape[0])
    if n < _FEWEST_IMAGES:
        raise InputError(f"{n} images are too few to reconstruct from; at least {_FEWEST_IMAGES} are needed")
    given, diameter = config.published, config.diameter
    if diameter is None:
        raise UsageError("the diameter of the particle is not known; pass diameter, to an angstrom or two")
    with torch.no_grad():
        masked = masked_images(
            images,
            pixel_size=pixel_size,
            diameter=diameter,
            mask_diameter=given.mask_diameter,
            optics=Optics() if optics is None else optics,
            device=device,
        )
        plane, values = masked.on_plane(highest=1.0 / (given.finest or 2.0 * pixel_size))
        directions = projection_directions(
            given.directions, coarse=given.coarse, neighbourhood_deg=given.neighbourhood_deg, device=device
        )
        positions, choice, model = start_positions(config, seed), None, None
        total = given.rounds * given.iterations
        for number in range(1, given.rounds + 1):
            if number == 1 or (number == 2 and given.later_low_pass is not None):
                low_pass = given.low_pass if number == 1 else given.later_low_pass or given.low_pass
                grid, circles = masked.on_circles(lowest=1.0 / given.high_pass, highest=1.0 / low_pass)
            refined = refine_orientations(
                plane,
                values,
                grid,
                circles,
                simulated_start(config.element, positions, grid.plane),
                directions,
                given,
                before=choice,
                shifts=shift_grid(given.reach_px * pixel_size, _SHIFT_STEP * low_pass, device=plane.device),
                radius=masked.radius,
                on_iteration=_counter(on_step, (number - 1) * given.iterations, total),
            )
            model = build_model(_map_of(refined), config.element, _atoms_config(given))
            report = _report(number, refined, positions if number > 1 else None, model.positions)
            if on_round is not None:
                on_round(report)
            if report.settled or number == given.rounds:
                break
            positions, choice = _centred(model.positions, refined.choice, directions, grid)
        if on_step is not None:
            on_step(total, total)
        return _result(model, refined, directions, grid, config, highest=float(plane.k.max()))


def start_positions(config: ReconstructionConfig, seed: int) -> NDArray[np.float64]:
    """(n, 3) atoms of the FCC sphere [Å] about their mean."""
    lattice = config.lattice or lattice_constant(config.element)
    centre = np.zeros(3) if config.published.on_atom else np.random.default_rng(seed).uniform(-0.5, 0.5, 3)
    assert config.diameter is not None
    points = fcc_sphere(config.element, config.diameter, lattice=lattice, centre=centre).positions
    return np.asarray(points - points.mean(axis=0))


def _counter(on_step: Callable[[int, int], None] | None, done: int, total: int) -> Callable[[int], None]:
    def count(iterations: int) -> None:
        if on_step is not None:
            on_step(done + iterations, total)

    return count


def _atoms_config(config: PublishedConfig) -> AtomsConfig:
    if config.model_building == "own":
        return AtomsConfig()
    return AtomsConfig(search="published", coordination="published", positions="mass")


def _map_of(refined: Refinement) -> DensityMap:
    halves = refined.halves.cpu().numpy()
    return DensityMap(values=halves.mean(axis=0), voxel_size=refined.voxel_size, half1=halves[0], half2=halves[1])


def _report(
    number: int, refined: Refinement, before: NDArray[np.float64] | None, after: NDArray[np.float64]
) -> PublishedRound:
    changed, moved = float("nan"), float("nan")
    if before is not None:
        apart = after - after.mean(axis=0)
        pairs = match_points(before, apart, _SAME)
        changed = 1.0 - 2.0 * len(pairs) / (len(before) + len(after))
        moved = float("inf")
        if len(pairs) >= _FEWEST_TO_ALIGN:
            moved = align(apart[pairs[:, 1]], before[pairs[:, 0]]).rmsd
    return PublishedRound(
        number=number,
        iterations=refined.iterations,
        overlap=refined.overlap,
        score=float(refined.choice.scores.mean()),
        atoms=len(after),
        changed=changed,
        moved=moved,
    )


def _centred(
    positions: NDArray[np.float64], choice: Choice, directions: Directions, grid: PolarGrid
) -> tuple[NDArray[np.float64], Choice]:
    """The atoms about their mean, and the shifts that leave them where they were in the images."""
    offset = positions.mean(axis=0)
    along = choice.rotations(directions, grid) @ torch.from_numpy(offset).to(choice.shifts)
    return positions - offset, replace(choice, shifts=choice.shifts + along[:, :2])


def _result(
    model: AtomModel,
    refined: Refinement,
    directions: Directions,
    grid: PolarGrid,
    config: ReconstructionConfig,
    *,
    highest: float,
) -> Reconstruction:
    density = _map_of(refined)
    assert density.half1 is not None
    assert density.half2 is not None
    positions, choice = _centred(model.positions, refined.choice, directions, grid)
    offset = model.positions.mean(axis=0)
    x, y, z = (float(first - moved) for first, moved in zip(density.first_voxel, offset))
    unknown = np.full(len(positions), np.nan)
    strength = model.measures["occupancy"]
    shells = shell_correlation(
        density.half1, density.half2, density.voxel_size, highest=highest, lowest=grid.plane.step
    )
    return Reconstruction(
        element=config.element,
        positions=positions,
        occupancies=strength / np.median(strength),
        sigmas=unknown,
        b_factor=float(np.median(model.measures["b_factor_A2"])),
        density=replace(density, origin=(x, y, z)),
        poses=Poses(
            quaternions=quaternions_from_matrices(choice.rotations(directions, grid).double().cpu().numpy()),
            shifts=choice.shifts.double().cpu().numpy(),
            score=choice.scores.double().cpu().numpy(),
            weight=np.ones(len(choice.scores)),
        ),
        copy_margins=np.full(len(choice.scores), np.nan),
        held_out_z=float("nan"),
        log_evidence=float("nan"),
        halves=HalfAgreement(distances=unknown, rms=float("nan"), shells=shells),
        diameter=float(config.diameter or np.nan),
        lattice=config.lattice or lattice_constant(config.element),
    )
