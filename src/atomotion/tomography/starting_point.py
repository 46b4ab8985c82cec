"""With what a reconstruction begins: which lattice, how large, at which focus."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch

from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.observations import Observations
from atomotion.tomography.preparation import diameter_of, lattice_of
from atomotion.tomography.response import Optics
from atomotion.tomography.scans import FARTHEST, PARTICLE_OVER_SPHERE, SCANNED, scan
from atomotion.tomography.screening import SCREENED, screen_starts
from atomotion.tomography.some_images import some_images
from atomotion.tomography.start_models import LATTICES, StartModel, start_model

_ROUNDING = 0.01  # Å


class Prepared(Protocol):
    """`preparation.prepare` with the images and all that belongs to them."""

    def __call__(self, config: ReconstructionConfig, *, optics: Optics) -> tuple[Observations, StartModel]:
        """Observations and start."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class StartingPoint:
    """What the reconstruction of all images begins with.

    Parameters
    ----------
    observations : Observations
    start : StartModel
    config : ReconstructionConfig
        With the diameter and the lattice constant that were found.
    diameter, lattice : float [Å]
    starts : mapping of str to float
        See `Screened.held_out_z`; empty where the start was given.
    """

    observations: Observations
    start: StartModel
    config: ReconstructionConfig
    diameter: float
    lattice: float
    starts: Mapping[str, float] = field(default_factory=dict)


def starting_point(
    prepared: Prepared,
    config: ReconstructionConfig,
    *,
    optics: Optics,
    room: float,
    generator: torch.Generator,
    done: Callable[[], None],
) -> StartingPoint:
    """Diameter, lattice constant and defocus by evidence, then the start by held-out fit, and once more with it.

    Parameters
    ----------
    prepared : callable
    config : ReconstructionConfig
    optics : Optics
    room : float [Å]
        Radius of the largest disc that a box holds.
    generator : torch.Generator
    done : callable
        Called after each of the two steps.
    """
    auto = config.start == "auto"
    observations, start = prepared(config, optics=optics)
    config = asked = replace(config, diameter=diameter_of(config, start), lattice=lattice_of(config))
    if config.scan and start.kind in LATTICES:
        config, optics = _scanned(prepared, asked, config, optics, start, room=room, generator=generator)
        observations, start = prepared(config, optics=optics)
    done()
    means: Mapping[str, float] = {}
    if auto and start.kind == "fcc":
        some = some_images(observations, SCREENED, generator=generator)
        tried = [_of_kind(kind, config, observations.device) for kind in LATTICES]
        screened = screen_starts(some, tried, config, generator=generator)
        means = screened.held_out_z
        if screened.best.kind != start.kind:
            config, start = replace(config, start=screened.best.kind), screened.best
            if config.scan:
                config, optics = _scanned(prepared, asked, config, optics, start, room=room, generator=generator)
            observations, start = prepared(config, optics=optics)
    done()
    return StartingPoint(
        observations=observations,
        start=start,
        config=config,
        diameter=diameter_of(config, start),
        lattice=lattice_of(config),
        starts=means,
    )


def _of_kind(kind: str, config: ReconstructionConfig, device: torch.device) -> StartModel:
    return start_model(kind, config.element, diameter_of(config), lattice=lattice_of(config), device=device)


def _scanned(
    prepared: Prepared,
    asked: ReconstructionConfig,
    config: ReconstructionConfig,
    optics: Optics,
    start: StartModel,
    *,
    room: float,
    generator: torch.Generator,
) -> tuple[ReconstructionConfig, Optics]:
    """The configuration and the optics with what a scan from them finds; the mask also holds what was asked."""
    stated, begin = diameter_of(asked), diameter_of(config)
    wide = _masked(config, begin, asked.mask_margin + 0.5 * stated * (1.0 + FARTHEST["diameter"]), room)
    some = some_images(prepared(wide, optics=optics)[0], SCANNED, generator=generator)
    found = scan(some, start, config, diameter=begin, lattice=lattice_of(config))
    if found.defocus is not None:
        optics = replace(optics, defocus=found.defocus)
    radius = asked.mask_margin + 0.5 * max(stated, PARTICLE_OVER_SPHERE * found.diameter)
    return _masked(replace(config, lattice=found.lattice), found.diameter, radius, room), optics


def _masked(config: ReconstructionConfig, diameter: float, radius: float, room: float) -> ReconstructionConfig:
    """With this diameter of the start, and a mask of this radius [Å], as far as boxes reach."""
    return replace(config, diameter=diameter, mask_margin=min(radius, room - _ROUNDING) - 0.5 * diameter)
