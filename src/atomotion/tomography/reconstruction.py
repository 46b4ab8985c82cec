"""What a reconstruction gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from atomotion.data import DensityMap, Poses
from atomotion.tomography.atom_widths import AtomWidths
from atomotion.tomography.fourier_shells import ShellCorrelation

if TYPE_CHECKING:
    from atomotion.tomography.model_evidence import ModelEvidence


@dataclass(frozen=True, kw_only=True, slots=True)
class HalfAgreement:
    """How two refinements from separate halves of the images agree.

    Parameters
    ----------
    distances : (n,) float [Å]
        Between the places of each atom in the two halves.
    rms : float [Å]
        Root mean square of half of these: the error of the mean of both as far as halves are independent.
    shells : ShellCorrelation
        Of the two half maps, inside of the mask.
    """

    distances: NDArray[np.float64]
    rms: float
    shells: ShellCorrelation


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconstruction:
    """Atoms, density and poses of one particle in one window of time.

    The hand is not determined: the mirror image fits as well. Which of the 24 orientations of the lattice the particle
    has is arbitrary too.

    Parameters
    ----------
    element : str
    positions : (n, 3) float, x y z [Å]
        The origin is the mean of the atoms.
    occupancies : (n,) float
        Strength of each atom in units of the median.
    sigmas : (n,) float [Å]
        Standard error of each position along each axis: what noise leaves by the curvature of the misfit, raised
        by what two halves of the images differ by.
    b_factor : float [Å²]
        Of all atoms together. It takes up what blurs the images too.
    density : DensityMap
        Of all images, without a prior; with the half maps.
    poses : Poses
        With the score, in noise sigmas, of every image against the atoms, and the weight in the density.
    copy_margins : (n_images,) float
        By how many sigmas every image fits its pose better than any other lattice copy of it. Below about 2 the copy
        is ambiguous.
    held_out_z : float
        Mean correlation, in noise sigmas, of images with a density that they are no part of. It tells right from wrong
        reconstructions of the same images, where numbers of atoms do not.
    log_evidence : float
        Of the path through the start's orientations, per image; to compare diameters and foci. NaN without order.
    halves : HalfAgreement or None
    widths : AtomWidths or None
        Strength and displacement of each atom, fitted together.
    agreement : (n,) float or None
        Correlation of the density around each atom with what whole atoms would make of the same images.
    start : str
        What the images were first matched with: "fcc", "twin", "icosahedron", "decahedron", "none", or "atoms" for
        given ones.
    starts : mapping of str to float
        Where several starts were tried: the mean fit, in noise sigmas, of some of the images to densities that neither
        they nor the start are part of, by start. Empty where it was given.
    diameter, lattice : float [Å]
        Of the start; found by a scan unless that was switched off.
    defocus : float [Å] or None
        That was used, found likewise. None where no transfer is applied.
    covariances : (n, 3, 3) float [Å²] or None
        Of each position, in the particle's frame; `sigmas` are the roots of their mean diagonals.
    evidence : ModelEvidence or None
        How much of the images the atoms explain.
    """

    element: str
    positions: NDArray[np.float64]
    occupancies: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    b_factor: float
    density: DensityMap
    poses: Poses
    copy_margins: NDArray[np.float64]
    held_out_z: float
    log_evidence: float
    halves: HalfAgreement | None
    widths: AtomWidths | None = None
    agreement: NDArray[np.float64] | None = None
    start: str = "fcc"
    starts: Mapping[str, float] = field(default_factory=dict)
    diameter: float = float("nan")
    lattice: float = float("nan")
    defocus: float | None = None
    covariances: NDArray[np.float64] | None = None
    evidence: "ModelEvidence | None" = None

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def ambiguous(self) -> float:
        """Part of the images that fit another lattice copy within two sigmas as well."""
        return float(np.mean(self.copy_margins < 2.0))
