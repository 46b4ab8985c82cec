"""Whether a reconstruction may be believed, and what speaks against it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma
from scipy.stats import norm

from atomotion.neighbours import nearest_distances
from atomotion.particles import lattice_constant
from atomotion.tomography.coverage import UNCERTAIN, Coverage, coverage_of, worst_errors
from atomotion.tomography.lattice_symmetry import symmetry_of
from atomotion.tomography.model_evidence import WELL_EXPLAINED, ModelEvidence
from atomotion.tomography.reconstruction import Reconstruction

# thresholds, from the simulations in docs/methods/reconstruction_verdict.md
_ABOVE_NOISE = 1.0  # noise sigmas
_MISSING, _FEWEST_VIEWS = 0.72, 2.5  # of all directions of frequency
_MUCH_MISSING, _STRETCHED = 0.45, 0.6
_MIXED = -0.3  # noise sigmas
_HALVES = 0.15  # Å, root mean square
_SPREAD, _LEAST_SPREAD = 1.5, 0.12  # of the occupancies: in units of their error, and of the median
_WEAK = 0.6  # of the median occupancy
_UNSETTLED = 0.15  # of the images
_TOO_NEAR, _MANY_TOO_NEAR = 0.75, 0.15  # of the spacing, and of the atoms
_EXPLAINED = 0.8  # of the score of a perfect model
_AMBIGUOUS = 0.5  # of the images
_JUMPS = 0.05  # of the images
_BESIDE, _LOW_RESIDUAL = 1.25, 0.8
_NAMED = 8  # atoms

# relative error of an atom's strength per error of its position along an axis [1/Å]: the root mean square of 2π k_x
# over a band of 3.5 to 1.15 Å, weighted with the power of an atom
_STRENGTH_PER_POSITION = 2.5
# median distance of two points with the standard error s of their mean along each axis, in units of s
_MEDIAN_DISTANCE = 3.076
_FINEST = 1.3  # Å, period to which orientations were searched against held-out densities
_REACH = 2.5  # Å, of the displacements


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a reconstruction is worth.

    Parameters
    ----------
    is_trusted : bool
        Whether there are no reasons against it.
    reasons : tuple of str
        Why it is not to be trusted, and what to do; the strongest first.
    warnings : tuple of str
        What does not make it wrong, but what one should know.
    facts : dict
        The numbers behind it; None where one is not known.
    """

    is_trusted: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    facts: dict[str, float | int | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    result: Reconstruction
    coverage: Coverage
    noise_z: float
    strength_error: float
    near: float

    @property
    def evidence(self) -> "ModelEvidence | None":
        return self.result.evidence

    @property
    def spread(self) -> float:
        return float(np.std(self.result.occupancies))

    @property
    def unequal(self) -> bool:
        """Whether atoms differ in strength by more than their errors."""
        return self.spread > max(_SPREAD * self.strength_error, _LEAST_SPREAD)

    @property
    def weak(self) -> float:
        return float(np.mean(self.result.occupancies < _WEAK))

    @property
    def unsettled(self) -> float:
        """Part of the images that another lattice copy fits better by a sigma than the one they were on."""
        return float(np.mean(self.result.copy_margins < -1.0))

    @property
    def copies_tested(self) -> bool:
        return bool(np.isfinite(self.result.copy_margins).any())

    @property
    def copy_margin(self) -> float:
        return float("nan") if self.evidence is None else self.evidence.copy_margin

    @property
    def mixed(self) -> bool:
        """Whether images lie on mixed copies, and it does harm: to a particle that is symmetric itself it does none."""
        return self.copy_margin < _MIXED and (self.unequal or self.explained < WELL_EXPLAINED)

    @property
    def explained(self) -> float:
        return float("nan") if self.evidence is None else self.evidence.explained


def judge_reconstruction(result: Reconstruction, *, times: ArrayLike | None = None) -> Verdict:
    """Whether a reconstruction may be believed.

    The correlation of images with densities that they are no part of leads: below what the best of all orientations and
    displacements of pure noise would reach, nothing else counts. Then whether the images have seen the particle from
    enough sides, whether images of all times lie on the same copy of the lattice, how much of the images the atoms
    explain, whether two halves of the images give the same places, and whether distances are possible. Atoms that are
    there in some of the images only are a reason where the atoms explain too little as well, as with two structures in
    one window, and a warning where a few left on the way. Resolution by the Fourier shell correlation and the number of
    atoms do not enter: they do not tell right from wrong.

    Parameters
    ----------
    result : Reconstruction
        What its `evidence` is about is judged only where it has one.
    times : (n,) float [s] or None
        When each image was taken; for the rotational diffusion.
    """
    weight = result.poses.weight
    coverage = coverage_of(
        result.poses.quaternions,
        times=times,
        ordered=bool(np.isfinite(result.log_evidence)),
        used=None if weight is None or not (weight > 0).any() else weight > 0,
    )
    lattice = result.lattice if np.isfinite(result.lattice) else lattice_constant(result.element)
    reach = float(np.linalg.norm(result.positions, axis=1).max())
    case = _Case(
        result=result,
        coverage=coverage,
        noise_z=noise_z(2.0 * reach, copies=symmetry_of("none" if result.start == "atoms" else result.start).order),
        strength_error=_STRENGTH_PER_POSITION * _position_error(result),
        near=float(np.mean(nearest_distances(result.positions) < _TOO_NEAR * lattice / np.sqrt(2.0))),
    )
    reasons = tuple(_noise(case)) or tuple(each for test in _REASONS for each in test(case))
    return Verdict(is_trusted=not reasons, reasons=reasons, warnings=tuple(_warnings(case)), facts=_facts(case))


def noise_z(diameter: float, *, copies: int = 48) -> float:
    """The z that the best of all orientations and displacements of a box of noise is expected to reach.

    Two orientations are independent where the rim of the particle differs by half of the finest period d, which is an
    angle of d / diameter; two displacements where they differ by d / 2. So there are
    ``N = (8π² / c) (diameter / d)³ · π s² / (d / 2)²`` of them for displacements up to s and the c lattice copies of an
    orientation as one. The search does not try all of them, so that this is an upper bound.

    Parameters
    ----------
    diameter : float [Å]
    copies : int
        Orientations in which the start looks the same.
    """
    orientations = 8.0 * np.pi**2 / copies * (max(diameter, 2.0 * _FINEST) / _FINEST) ** 3
    return expected_maximum(orientations * np.pi * (2.0 * _REACH / _FINEST) ** 2)


def expected_maximum(count: float) -> float:
    """The mean of the largest of `count` independent normal deviates.

    ``(1 - γ) Φ⁻¹(1 - 1/n) + γ Φ⁻¹(1 - 1/(e n))`` with Euler's constant γ, from the Gumbel distribution of maxima.
    """
    gamma = -float(digamma(1.0))
    return float((1.0 - gamma) * norm.isf(1.0 / count) + gamma * norm.isf(1.0 / (np.e * count)))


def _position_error(result: Reconstruction) -> float:
    """Typical standard error [Å] of an atom along an axis; few atoms that are wrong altogether do not raise it."""
    if result.halves is None:
        return float(np.median(result.sigmas))
    return float(np.median(result.halves.distances)) / _MEDIAN_DISTANCE


def _noise(case: _Case) -> Iterator[str]:
    if case.result.held_out_z < case.noise_z + _ABOVE_NOISE:
        yield (
            f"images fit a density that they are no part of by {case.result.held_out_z:.1f} sigmas only, and pure "
            f"noise reaches up to {case.noise_z:.1f}: there is no particle in the boxes or too little signal; check "
            "the boxes, the diameter and the defocus, or take a higher dose or a longer window"
        )


def _views(case: _Case) -> Iterator[str]:
    seen = case.coverage
    if seen.missing_frequencies_fraction > _MISSING or seen.distinct_views < _FEWEST_VIEWS:
        yield (
            f"the images show the particle from {seen.distinct_views:.1f} distinct directions only and lack "
            f"{seen.missing_frequencies_fraction:.0%} of all frequencies, so that atoms behind each other cannot be "
            "told apart; take a longer window, or one in which the particle turns further"
        )


def _copies(case: _Case) -> Iterator[str]:
    if case.mixed:
        yield (
            f"the images lie on mixed copies of the lattice: those of some times fit densities of the others better by "
            f"{-case.copy_margin:.1f} sigmas each on another copy; try another seed or more rounds, or a shorter window"
        )
    elif case.unsettled > _UNSETTLED:
        yield (
            f"{case.unsettled:.0%} of the images still went to another lattice copy in the last search; take more "
            "rounds, or another seed"
        )


def _explained(case: _Case) -> Iterator[str]:
    if case.explained < _EXPLAINED:
        yield (
            f"the atoms explain {case.explained:.0%} of what the images hold beyond noise: a second particle may "
            "overlap, the crystal may be another than the start, or the poses are wrong; check the boxes, or try "
            "another start"
        )
    elif case.unequal and case.explained < WELL_EXPLAINED:
        yield (
            f"{case.weak:.0%} of the atoms have less than {_WEAK:g} of the usual strength, and all together explain "
            f"{case.explained:.0%} of what the images hold beyond noise: the images are of more than one structure; "
            "take a shorter window"
        )


def _halves(case: _Case) -> Iterator[str]:
    halves = case.result.halves
    if halves is not None and halves.rms > _HALVES:
        yield (
            f"two halves of the images place the atoms {halves.rms:.2f} Å apart from their mean, more than "
            f"{_HALVES:.2f} Å; take more images or a higher dose"
        )


def _distances(case: _Case) -> Iterator[str]:
    if case.near > _MANY_TOO_NEAR:
        yield (
            f"{case.near:.0%} of the atoms are nearer to another one than {_TOO_NEAR:g} of the distance of neighbours "
            f"in {case.result.element}; check the element and the pixel size, and whether the particle is a crystal"
        )


_REASONS: tuple[Callable[[_Case], Iterator[str]], ...] = (_views, _copies, _explained, _halves, _distances)


def _warnings(case: _Case) -> Iterator[str]:
    result, evidence = case.result, case.evidence
    if not np.isfinite(result.held_out_z):
        yield "nothing was held out, so that noise cannot be told from a particle"
    if not tuple(_explained(case)) and case.unequal:
        yield (
            f"{case.weak:.0%} of the atoms have less than {_WEAK:g} of the usual strength, as if they were there in a "
            "part of the images only; a shorter window, or one that ends where atoms leave, tells"
        )
    if not tuple(_explained(case)) and case.explained < WELL_EXPLAINED:
        yield (
            f"the atoms explain {case.explained:.0%} of what the images hold beyond noise, and right ones nearly "
            f"always {WELL_EXPLAINED:.0%} or more: a part of the images may lie beside the others by a lattice vector, "
            "which makes false atoms at the surface; try another seed or a longer window"
        )
    yield from _uncertain(case)
    has_copies = result.start not in ("none", "atoms")
    if has_copies and not case.copies_tested and not np.isfinite(case.copy_margin):
        yield "the lattice copies of the images were not tested against the atoms; take at least two rounds"
    elif result.ambiguous > _AMBIGUOUS:
        yield (
            f"{result.ambiguous:.0%} of the images fit another lattice copy within two sigmas as well; a higher dose "
            "or more images tell them apart"
        )
    if result.halves is None:
        yield "no half sets were refined, so that nothing but noise is known of the errors"
    if case.coverage.jumps > _JUMPS * len(result.poses):
        yield f"the orientation jumps {case.coverage.jumps} times, which rotational diffusion does not do"
    if evidence is not None and (evidence.beside > _BESIDE or evidence.residual < _LOW_RESIDUAL):
        yield "something besides the particle lies in the boxes, a second one perhaps; it is not among the atoms"


def _uncertain(case: _Case) -> Iterator[str]:
    """What was not seen, and the atoms that this makes uncertain."""
    seen = case.coverage
    axis = ", ".join(f"{each:.2f}" for each in seen.axes[0])
    if seen.missing_frequencies_fraction > _MUCH_MISSING:
        stretch = ", and a common stretch along it that stated errors do not hold may come on top"
        yield (
            f"{seen.missing_frequencies_fraction:.0%} of all frequencies were not seen: along ({axis}) errors are "
            f"{seen.stretch:.1f} times those of even views"
            f"{stretch if seen.missing_frequencies_fraction > _STRETCHED else ''}"
        )
    errors = _largest_errors(case.result)
    uncertain = np.flatnonzero(errors > UNCERTAIN)
    if len(uncertain):
        named = uncertain[np.argsort(-errors[uncertain], kind="stable")][:_NAMED]
        yield (
            f"{len(uncertain)} of {len(errors)} atoms have errors above {UNCERTAIN:g} Å in some direction, most of "
            f"all along ({axis}); the largest have the atoms {', '.join(str(each) for each in named)} of the list, "
            "counted from 0"
        )


def _largest_errors(result: Reconstruction) -> NDArray[np.float64]:
    if result.covariances is None:
        return np.zeros(0)
    return worst_errors(result.covariances)[0]


def _facts(case: _Case) -> dict[str, float | int | None]:
    result, seen, halves, evidence = case.result, case.coverage, case.result.halves, case.evidence
    errors = _largest_errors(result)
    facts: dict[str, float | int | None] = {
        "held_out_z": result.held_out_z,
        "noise_z": case.noise_z,
        "images": len(result.poses),
        "atoms": len(result),
        "unseen_directions_fraction": seen.unseen_directions_fraction,
        "missing_frequencies_fraction": seen.missing_frequencies_fraction,
        "distinct_views": seen.distinct_views,
        "error_stretch": seen.stretch,
        "worst_seen_x": float(seen.axes[0, 0]),
        "worst_seen_y": float(seen.axes[0, 1]),
        "worst_seen_z": float(seen.axes[0, 2]),
        "uncertain_atoms": None if len(errors) == 0 else int(np.sum(errors > UNCERTAIN)),
        "largest_error_A": None if len(errors) == 0 else float(errors.max()),
        "step_deg": seen.step_deg,
        "jumps": seen.jumps,
        "rotational_diffusion_rad2_per_s": seen.diffusion,
        "occupancy_spread": case.spread,
        "occupancy_error": case.strength_error,
        "weak_atoms_fraction": case.weak,
        "copy_margin": case.copy_margin,
        "ambiguous_images_fraction": result.ambiguous if case.copies_tested else None,
        "unsettled_images_fraction": case.unsettled if case.copies_tested else None,
        "half_sets_rms_A": None if halves is None else halves.rms,
        "half_sets_fsc_0143_A": None if halves is None else halves.shells.resolution(),
        "too_near_atoms_fraction": case.near,
        "log_evidence": result.log_evidence,
        "explained": None if evidence is None else evidence.explained,
        "residual": None if evidence is None else evidence.residual,
        "beside": None if evidence is None else evidence.beside,
    }
    return {name: None if value is not None and not np.isfinite(value) else value for name, value in facts.items()}
