"""First orientations without any lattice: from the order of the images in time alone."""

from collections.abc import Callable
from dataclasses import replace

import torch

from atomotion.data import InputError
from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.copies import Assignment, folds_of
from atomotion.tomography.exploration import DENSITY_MISMATCH
from atomotion.tomography.growing_path import GrownPath, grown_path
from atomotion.tomography.matching import expected_amplitude
from atomotion.tomography.observations import Observations
from atomotion.tomography.preparation import diameter_of, lattice_of
from atomotion.tomography.refinement import first_model
from atomotion.tomography.screening import SCREENED, held_out_scores, screen_starts
from atomotion.tomography.start import RESEMBLANCE, Start
from atomotion.tomography.start_models import StartModel, start_model

_RESOLUTION = 1.5  # Å
# of the held-out fit that an FCC sphere leads to. Of 200 images at 10 dB, right paths have 1.12 times as much for a
# particle of FCC, and lost ones 0.75 times
_AS_GOOD = 0.9


def orientations_without_lattice(
    observations: Observations,
    config: ReconstructionConfig,
    *,
    generator: torch.Generator,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[Start, StartModel]:
    """Orientations from a path that grows from image to image, and the atoms that they show.

    Paths are begun at up to ``config.starts`` images, until one leads to densities that predict images of other times
    as well as those do to which an FCC sphere leads the first 200 images.

    Parameters
    ----------
    observations : Observations
    config : ReconstructionConfig
        With diameter and lattice constant, for the sphere to compare with.
    generator : torch.Generator
    on_step : callable, optional

    Returns
    -------
    start : Start
    model : StartModel
        Peaks of the density, of the kind "none".

    Raises
    ------
    InputError
        For images without order in time, where an FCC sphere leads to densities that predict images better, and where
        the density shows fewer than 20 atoms.
    """
    if not observations.time.ordered:
        raise InputError(
            "without a lattice, orientations come from the order of the images in time, and these images have none; "
            "pass start auto"
        )
    used, response = observations.at(mismatch=0.0, resolution=_RESOLUTION)
    amplitude = used.signal_power().sqrt() * response.lens.sign()
    known = _held_out_from_sphere(observations, config, generator)
    found: list[tuple[float, GrownPath]] = []
    for attempt in range(config.starts):
        path = grown_path(
            used,
            amplitude,
            observations.time,
            centre_error=observations.centre_error,
            first=(2 * attempt + 1) * len(used) // (2 * config.starts),
            generator=generator,
        )
        fit = held_out_scores(observations, _assignment(observations, path), generator)
        found.append((float(fit.mean()), path))
        if on_step is not None:
            on_step(attempt + 1, config.starts)
        if found[-1][0] >= _AS_GOOD * known:
            break
    score, path = max(found, key=lambda each: each[0])
    if score < _AS_GOOD * known:
        raise InputError(
            f"without a lattice, images fit densities of other images by {score:.1f} sigmas only, from an FCC sphere "
            f"by {known:.1f}: the path of the rotation was lost; images may be too noisy, or turn too far from one to "
            "the next; pass start auto, or more starts"
        )
    placed = _assignment(observations, path)
    model, _ = first_model(observations, placed)
    first = Start(assignment=placed, alternatives=placed.rotations[:, None], log_evidence=path.evidence)
    return first, StartModel(kind="none", model=model, symmetry=observations.symmetry)


def _assignment(observations: Observations, path: GrownPath) -> Assignment:
    expected = expected_amplitude(observations.coefficients, mismatch=DENSITY_MISMATCH, resemblance=RESEMBLANCE)
    even = torch.ones(len(observations), device=observations.device)
    return Assignment(
        rotations=path.rotations, shifts=path.shifts, weights=even, z=torch.full_like(even, expected), changed=1.0
    )


def _held_out_from_sphere(
    observations: Observations, config: ReconstructionConfig, generator: torch.Generator
) -> float:
    sphere = start_model(
        "fcc", config.element, diameter_of(config), lattice=lattice_of(config), device=observations.device
    )
    return screen_starts(_first_images(observations), [sphere], config, generator=generator).held_out_z["fcc"]


def _first_images(observations: Observations) -> Observations:
    """As many images as starts are screened with, with folds of their own."""
    count = min(SCREENED, len(observations))
    folds = folds_of(count, int(observations.folds.max()) + 1, ordered=True, generator=torch.Generator())
    boxes = observations.box_centres
    return replace(
        observations,
        coefficients=observations.coefficients.of(torch.arange(count, device=observations.device)),
        folds=folds.to(observations.device),
        time=replace(observations.time, gaps=observations.time.gaps[: count - 1]),
        box_centres=None if boxes is None else boxes[:count],
    )
