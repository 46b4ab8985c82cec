"""Sheets of graphene."""

import numpy as np
from numpy.typing import NDArray

LATTICE = 2.461  # Å
SPACING = 3.35  # Å, of sheets that lie on each other
U_ISO = 0.005  # Å², in the plane


def graphene_sheet(
    size: tuple[float, float], *, angle_deg: float, offset: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """The atoms (n, 2) x y [Å] of a sheet within a rectangle around the origin.

    Parameters
    ----------
    size : (along x, along y) float [Å]
    angle_deg : float [deg]
        From x to a lattice vector.
    offset : (dx, dy) float [Å]
        Moves the sheet.
    """
    angle = np.deg2rad(angle_deg)
    first = LATTICE * np.array([np.cos(angle), np.sin(angle)])
    second = LATTICE * np.array([np.cos(angle + np.pi / 3.0), np.sin(angle + np.pi / 3.0)])
    reach = int(np.hypot(*size) / LATTICE / np.sqrt(3.0)) + 3
    i, j = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
    corners = i.ravel()[:, None] * first + j.ravel()[:, None] * second
    basis = np.stack([np.zeros(2), (first + second) / 3.0])
    atoms = (corners[:, None] + basis).reshape(-1, 2) + np.mod(np.asarray(offset), LATTICE)
    inside = np.all(np.abs(atoms) <= np.asarray(size) / 2.0, axis=1)
    return np.asarray(atoms[inside])


def sheet_heights(count: int, thickness: float) -> NDArray[np.float64]:
    """(count,) heights [Å]: half of the sheets below, from -thickness / 2 outwards, and the others above."""
    below = count - count // 2
    lower = -thickness / 2.0 - SPACING * np.arange(below)
    upper = thickness / 2.0 + SPACING * np.arange(count // 2)
    return np.concatenate([lower, upper])
