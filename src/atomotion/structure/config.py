"""Parameters of the measures of a structure."""

from dataclasses import dataclass
from typing import Literal

from atomotion.data import parameter

_NEIGHBOURS, _STRAIN, _ORDER, _SURFACE, _DEPTH = "neighbours", "strain", "order", "surface", "depth"


@dataclass(frozen=True, kw_only=True, slots=True)
class StructureConfig:
    """What is measured of every atom and of the whole particle, from coordinates alone.

    Radii, orientation and grains are found from the atoms; nothing needs to be given. Strain is against the bulk
    lattice constant, which should be given for anything but Pt.
    """

    neighbour_radius: float | None = parameter(
        None,
        "Largest distance of two neighbours; half-way between the first two shells of the fitted lattice if not given.",
        unit="Å", low=1.8, high=8.0, group=_NEIGHBOURS,
    )  # fmt: skip
    bulk_lattice: float | None = parameter(
        None,
        "Lattice constant without strain; 3.924 Å for Pt, ASE's table (0.01 Å) for other elements if not given.",
        unit="Å", low=3.0, high=7.0, group=_STRAIN,
    )  # fmt: skip
    strain: Literal["linear", "published"] = parameter(
        "linear",
        "Strain by a local linear fit, or by the kernel of paper 001, which shows too little of it near the surface.",
        group=_STRAIN,
    )
    strain_sigma: float = parameter(2.0, "Width of the weights of both.", unit="Å", low=1.0, high=10.0, group=_STRAIN)
    strain_width: Literal["fixed", "leave-one-out"] = parameter(
        "fixed", "Take that width, or the one that predicts every atom best from the others.", group=_STRAIN
    )
    strain_axes: Literal["laboratory", "crystal"] = parameter(
        "laboratory", "Axes of the strain's components: those of the coordinates, or of the cubic cell.", group=_STRAIN
    )
    order_radius: float | None = parameter(
        None, "Neighbours for the bond-orientational order; the first minimum of g(r) if not given.",
        unit="Å", low=1.8, high=8.0, group=_ORDER,
    )  # fmt: skip
    crystalline_above: float = parameter(
        0.8, "A bond is crystalline if its s6 is above this.", low=-1.0, high=1.0, group=_ORDER
    )
    s6_vectors: Literal["plain", "averaged"] = parameter(
        "plain",
        "Vectors that s6 compares: of each atom, as paper 002's program, or averaged, as its Eq. 9.",
        group=_ORDER,
    )
    largest_misfit: float = parameter(
        0.18,
        "How far the twelve neighbours may be from a perfect arrangement, in their mean distance.",
        low=0.01, high=0.5, group=_ORDER,
    )  # fmt: skip
    ball: float = parameter(
        0.95, "Radius of the ball that finds the surface, in nearest-neighbour distances.", low=0.75, high=5.0,
        group=_SURFACE,
    )  # fmt: skip
    depth: Literal["radial", "surface"] = parameter(
        "radial", "Depth of the penetration fit: from the sphere around the particle (paper 004), or from the surface.",
        group=_DEPTH,
    )  # fmt: skip
    atoms_per_point: int = parameter(5, "Atoms averaged into a point of that fit.", low=1, high=100, group=_DEPTH)
