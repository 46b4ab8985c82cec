"""Lengths of bonds, angles between them, and how much they contract at the surface."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.neighbours import Neighbours

_FCC_ANGLES = np.array([60.0, 90.0, 120.0, 180.0])


@dataclass(frozen=True, kw_only=True, slots=True)
class BondAngles:
    """Angles between any two bonds of an atom.

    Parameters
    ----------
    atom : (k,) int
        The atom in the corner.
    angle_deg : (k,) float
    """

    atom: NDArray[np.intp]
    angle_deg: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contraction:
    """Mean bond length of surface atoms against that of the others.

    Parameters
    ----------
    percent, error_percent : float
        Negative where bonds at the surface are shorter; standard error from the spread among atoms. NaN where either
        side has fewer than 2 atoms.
    """

    percent: float
    error_percent: float


def mean_bond_lengths(neighbours: Neighbours) -> NDArray[np.float64]:
    """Mean length [Å] of the bonds of every atom, (n,); NaN without bonds."""
    count = np.diff(neighbours.offsets)
    total = neighbours.sums(neighbours.distances)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def bond_angles(neighbours: Neighbours) -> BondAngles:
    """The angles between the bonds of every atom: CN (CN - 1) / 2 each, sorted by atom."""
    count = np.diff(neighbours.offsets)
    unit = neighbours.vectors / neighbours.distances[:, None]
    atoms, angles = [np.empty(0, dtype=np.intp)], [np.empty(0)]
    for number in np.unique(count[count > 1]):
        these = np.flatnonzero(count == number)
        bonds = unit[neighbours.offsets[these][:, None] + np.arange(number)]
        i, j = np.triu_indices(int(number), 1)
        cosine = np.einsum("nik,nik->ni", bonds[:, i], bonds[:, j])
        atoms.append(np.repeat(these, len(i)))
        angles.append(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))).ravel())
    atom, angle = np.concatenate(atoms), np.concatenate(angles)
    order = np.argsort(atom, kind="stable")
    return BondAngles(atom=atom[order], angle_deg=angle[order])


def angle_deviations(neighbours: Neighbours) -> NDArray[np.float64]:
    """How far the angles of every atom are from those of FCC, (n,) [deg].

    The root mean square difference of each angle from the nearest of 60, 90, 120 and 180°; NaN with fewer than 2 bonds.
    """
    angles = bond_angles(neighbours)
    off = np.abs(angles.angle_deg[:, None] - _FCC_ANGLES).min(axis=1)
    n = len(neighbours)
    count = np.bincount(angles.atom, minlength=n)
    squares = np.bincount(angles.atom, off**2, minlength=n)
    return np.sqrt(np.divide(squares, count, out=np.full(n, np.nan), where=count > 0))


def surface_contraction(mean_bonds: NDArray[np.float64], exposed: NDArray[np.bool_]) -> Contraction:
    r"""Contraction of the bonds of surface atoms, ``(l_surface / l_core - 1)``, with the l means over atoms.

    Parameters
    ----------
    mean_bonds : (n,) float [Å]
        Mean bond length of every atom.
    exposed : (n,) bool
    """
    sides = [mean_bonds[which & np.isfinite(mean_bonds)] for which in (exposed, ~exposed)]
    if min(len(side) for side in sides) < 2:
        return Contraction(percent=float("nan"), error_percent=float("nan"))
    surface, core = (float(side.mean()) for side in sides)
    parts = [
        float(side.std(ddof=1)) / np.sqrt(len(side)) / mean for side, mean in zip(sides, (surface, core), strict=True)
    ]
    return Contraction(
        percent=100.0 * (surface / core - 1.0), error_percent=float(100.0 * surface / core * np.hypot(*parts))
    )
