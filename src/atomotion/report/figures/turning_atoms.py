"""The atoms of a particle, turning."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.geometry.rotations import matrices_from_quaternions, quaternions_from_vectors
from atomotion.report.figures.atom_view import colours_of, crystal_axes, draw_atoms, frame_around, looking_along
from atomotion.report.figures.style import new_figure

_VIEWS = 36
_MILLISECONDS = 110
_INCHES, _DPI = 3.4, 110


def save_turning(path: Path, positions: NDArray[np.floating], values: ArrayLike, *, radius: float) -> None:
    """Write a GIF of atoms that turn once about a cube axis of their crystal (about y without one).

    Parameters
    ----------
    path : Path
    positions : (n, 3) float, x y z [Å]
    values : (n,)
        What the colours show, as in `colours_of`.
    radius : float [Å]
        Of the drawn discs.
    """
    from PIL import Image

    points = np.asarray(positions, dtype=float)
    axes, _ = crystal_axes(points)
    upright = looking_along([1.0, 0.0, 0.0], [0.0, 0.0, 1.0], axes, tilt=True)
    rgb, within = colours_of(values).rgb, frame_around([points])
    pictures = []
    for angle in 360.0 * np.arange(_VIEWS) / _VIEWS:
        turn = matrices_from_quaternions(quaternions_from_vectors(angle * axes[2]))
        figure = new_figure(_INCHES, _INCHES)
        draw_atoms(figure.subplots(), points, rgb, upright @ turn, radius=radius, within=within)
        data = BytesIO()
        figure.savefig(data, format="png", dpi=_DPI)
        pictures.append(Image.open(data).convert("P", palette=Image.Palette.ADAPTIVE, colors=64))
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=_MILLISECONDS, loop=0, optimize=True)
