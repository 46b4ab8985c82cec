"""Whether a reconstruction may be believed, and if not, why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from atomotion.tomography.coverage import coverage_of
from atomotion.tomography.reconstruction import Reconstruction

# pure noise reaches 3.0 to 3.2, whatever its colour; the noisiest images that still gave all atoms, 9.5
_LEAST_Z = 5.0
# images of one orientation leave 98 % of the directions unseen, a tumbling of 100 frames half of them
_MOST_UNSEEN = 0.9
# Å between the halves of an atom, and the share of atoms that may be farther apart: 0 to 3 % in good runs
_APART, _MOST_APART = 0.6, 0.1
_LEAST_HALF_RMS = 0.15  # Å: good runs have 0.02 to 0.10, wrong ones 0.13 and more
_WEAK, _MOST_WEAK = 0.5, 0.08  # of the median strength; good runs have no such atoms, mixtures a tenth


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What speaks against a reconstruction.

    Parameters
    ----------
    is_trusted : bool
        Whether nothing does.
    reasons : tuple of str
        Sentences that say why it must not be believed.
    warnings : tuple of str
        What is doubtful, and yet no reason to give up.
    facts : mapping
        The numbers that were looked at.
    """

    is_trusted: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]


def judge_reconstruction(result: Reconstruction, *, times: ArrayLike | None = None) -> Verdict:
    """The verdict on a reconstruction: evidence first, then the agreement of halves, then what was seen.

    Numbers of atoms and the resolution of half maps are not looked at: neither tells right from wrong.

    Parameters
    ----------
    result : Reconstruction
    times : (n,) float or None
        Of the images, for the coefficient of rotational diffusion.
    """
    coverage = coverage_of(result.poses.quaternions, times=times)
    weak = float(np.mean(result.occupancies < _WEAK))
    apart = rms = float("nan")
    if result.halves is not None:
        apart, rms = float(np.mean(result.halves.distances > _APART)), result.halves.rms
    reasons, warnings = [], []
    if result.held_out_z < _LEAST_Z:
        reasons.append(
            f"images fit densities that they are no part of with {result.held_out_z:.1f} standard deviations of noise "
            "only, hardly more than pure noise does; more images, a higher dose or better centres are needed"
        )
    if coverage.unseen_directions_fraction > _MOST_UNSEEN:
        reasons.append(
            f"{coverage.unseen_directions_fraction:.0%} of the directions were seen by no image: the particle hardly "
            "turns; take a longer window"
        )
    if apart > _MOST_APART or rms > _LEAST_HALF_RMS:
        reasons.append(
            f"two halves of the images put their atoms {rms:.2f} Å from the mean, and {apart:.0%} of them more than "
            f"{_APART:g} Å apart: the images are of more than one structure or orientation, or too noisy; shorten or "
            "lengthen the window"
        )
    if weak > _MOST_WEAK:
        warnings.append(
            f"{weak:.0%} of the atoms are weaker than half of the median: structures may be mixed in this window"
        )
    if coverage.unseen_directions_fraction > 0.3:
        warnings.append(
            f"{coverage.unseen_directions_fraction:.0%} of the directions were seen by no image; atoms are less "
            f"certain along ({', '.join(f'{value:.2f}' for value in coverage.axes[0])}), {coverage.stretch:.1f} times"
        )
    facts = {
        "unseen_directions_fraction": coverage.unseen_directions_fraction,
        "weak_atoms_fraction": weak,
        "halves_apart_fraction": apart,
        "half_rmsd_A": rms,
        "held_out_z": result.held_out_z,
    }
    return Verdict(is_trusted=not reasons, reasons=tuple(reasons), warnings=tuple(warnings), facts=facts)
