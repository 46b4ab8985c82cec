"""Diameter, lattice constant and defocus by the evidence of a start in some of the images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from atomotion.tomography.config import ReconstructionConfig
from atomotion.tomography.observations import Observations
from atomotion.tomography.start import FirstMatch, first_match
from atomotion.tomography.start_models import StartModel, resized

SCANNED = 120  # images
# what is tried on each side of a value first, and the farthest that is gone from it
_STEPS = {"diameter": 0.06, "lattice": 0.008, "defocus": 20.0}  # parts of the value; Å
FARTHEST = {"diameter": 0.20, "lattice": 0.025, "defocus": 60.0}
_PASSES = (("diameter", "defocus", "lattice"), ("diameter", "defocus"))
_GRID_DEG = 6.0
# a particle's own surface is not the sphere's, and weighs less than what it costs: the sphere of the largest evidence
# is this much smaller than the particle
PARTICLE_OVER_SPHERE = 1.06
_WALKS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanned:
    """What was found.

    Parameters
    ----------
    diameter, lattice : float [Å]
        Of the start; the particle is larger by about `PARTICLE_OVER_SPHERE`.
    defocus : float [Å] or None
        None where no transfer is applied.
    log_evidence : float
        Per image.
    evaluations : int
    """

    diameter: float
    lattice: float
    defocus: float | None
    log_evidence: float
    evaluations: int


def line_maximum(
    value_at: Callable[[float], float], first: float, *, step: float, low: float, high: float, walks: int = _WALKS
) -> float:
    """Where a smooth function of one variable is largest, near `first`: uphill in even steps, then a parabola.

    Parameters
    ----------
    value_at : callable
    first, step : float
    low, high : float
        Never left.
    walks : int
        Steps uphill at most.
    """
    middle, best = first, value_at(first)
    below, above = (value_at(np.clip(middle + sign * step, low, high).item()) for sign in (-1, 1))
    for _ in range(walks):
        if max(below, above) <= best:
            break
        sign = 1 if above > below else -1
        middle, ahead = middle + sign * step, above if sign > 0 else below
        if not low < middle < high:
            return float(np.clip(middle, low, high))
        further = value_at(float(np.clip(middle + sign * step, low, high)))
        below, above = (best, further) if sign > 0 else (further, best)
        best = ahead
    curvature = below - 2.0 * best + above
    if curvature >= 0.0:
        return middle
    return float(np.clip(middle + np.clip(0.5 * step * (below - above) / curvature, -step, step), low, high))


def scan(
    observations: Observations,
    start: StartModel,
    config: ReconstructionConfig,
    *,
    diameter: float,
    lattice: float,
    on_step: Callable[[int, int], None] | None = None,
) -> Scanned:
    """The diameter, the lattice constant and the defocus with which a start explains the images best, one by one.

    The evidence is that of the hidden Markov model of the rotation or, without order, of images that are independent,
    each over all orientations and displacements. All values are tried on the same coefficients, so that evidences can
    be compared.

    Parameters
    ----------
    observations : Observations
        Of a hundred images or so, through a mask that has room for the largest diameter.
    start : StartModel
    config : ReconstructionConfig
    diameter, lattice : float [Å]
        Where it begins; the defocus begins at that of the observations' optics.
    on_step : callable, optional
    """
    coarse = replace(config, grid_deg=max(config.grid_deg, _GRID_DEG))
    begin = {"diameter": diameter, "lattice": lattice}
    if observations.optics.voltage is not None:
        begin["defocus"] = observations.optics.defocus
    match: FirstMatch | None = None
    known: dict[tuple[float, ...], float] = {}

    def evidence(values: Mapping[str, float]) -> float:
        nonlocal match
        key = tuple(round(each, 6) for each in values.values())
        if key not in known:
            seen = observations
            if "defocus" in values:
                seen = replace(observations, optics=replace(observations.optics, defocus=values["defocus"]))
            tried = resized(start, config.element, values["diameter"], lattice=values["lattice"])
            match = first_match(seen, tried, coarse, before=match)
            known[key] = match.posterior()[1]
        return known[key]

    found = dict(begin)
    steps = [(name, 1.0 if turn == 0 else 0.5) for turn, names in enumerate(_PASSES) for name in names if name in begin]
    for done, (name, share) in enumerate(steps):
        scale = 1.0 if name == "defocus" else begin[name]
        found[name] = line_maximum(
            lambda value, name=name: evidence(found | {name: value}),  # type: ignore[misc]
            found[name],
            step=share * _STEPS[name] * scale,
            low=begin[name] - FARTHEST[name] * scale,
            high=begin[name] + FARTHEST[name] * scale,
        )
        if on_step is not None:
            on_step(done + 1, len(steps))
    best = evidence(found)
    return Scanned(
        diameter=found["diameter"],
        lattice=found["lattice"],
        defocus=found.get("defocus"),
        log_evidence=best,
        evaluations=len(known),
    )
