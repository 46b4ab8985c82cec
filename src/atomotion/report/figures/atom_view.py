"""Atoms as discs, from a direction of the crystal, coloured by any measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize, to_rgb
from numpy.typing import ArrayLike, NDArray

from atomotion.data import InputError
from atomotion.neighbours import find_grains
from atomotion.report.figures.style import INK

# radians by which a view is turned away from the crystal's direction, so that atoms behind each other are seen apart
_TILT = (0.16, 0.24)
_FOG = 0.6
CATEGORIES: dict[str, str] = {
    "fcc": "#7fb59a", "hcp": "#c0392b", "icosahedral": "#d4a017", "fivefold": "#7a5195", "other": "#444b54",
    "surface": "#c9d3dc", "none": "#e3e7eb", "True": "#1f6f9f", "False": "#d9822b",
    "terrace": "#cfd8e0", "step": "#5d9bc4", "kink": "#e39a3b", "foot": "#a9c8a0", "edge": "#8f7fb8",
    "vertex": "#b5485d", "adatom": "#6b3e12", "rough": "#9aa3ab", "inner": "#f0e6c8",
}  # fmt: skip
_MORE_COLOURS = ("#1f6f9f", "#d9822b", "#3a8f5c", "#7a5195", "#b5485d", "#8a7f2d", "#4c9aa8", "#a0693e", "#5b6875")


@dataclass(frozen=True, kw_only=True, slots=True)
class Colours:
    """The colour of every atom, and what the colours mean.

    Parameters
    ----------
    rgb : (n, 3) float
    scale : (colormap, norm) or None
        Of a measure with numbers.
    names : mapping
        Name to colour of a measure with words.
    """

    rgb: NDArray[np.float64]
    scale: tuple[Any, Any] | None
    names: Mapping[str, str]


def crystal_axes(positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Rows: the directions [100], [010], [001] of the largest grain, and True; x, y, z and False without a lattice."""
    try:
        return np.asarray(find_grains(positions).lattices[0].rotation.T), True
    except InputError:
        return np.eye(3), False


def looking_along(direction: ArrayLike, up: ArrayLike, axes: NDArray[np.float64], *, tilt: bool) -> NDArray[np.float64]:
    """The rotation (3, 3) whose rows are right, up and towards the viewer, for a crystal direction and one that is up.

    With `tilt` it is turned away a little.
    """
    towards = np.asarray(direction, dtype=float) @ axes
    towards /= np.linalg.norm(towards)
    upwards = np.asarray(up, dtype=float) @ axes
    upwards = upwards - (upwards @ towards) * towards
    upwards /= np.linalg.norm(upwards)
    view = np.stack([np.cross(upwards, towards), upwards, towards])
    if not tilt:
        return view
    (cx, sx), (cy, sy) = ((np.cos(angle), np.sin(angle)) for angle in _TILT)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return np.asarray(about_x @ about_y @ view)


def colours_of(values: ArrayLike) -> Colours:
    """Colours for numbers (diverging where both signs occur, in steps for a few whole numbers) or for words."""
    given = np.asarray(values)
    if given.dtype.kind in "OSUb":
        words = given.astype(str)
        words = np.where(words == "", "none", words)
        known = [name for name in CATEGORIES if (words == name).any()]
        others = sorted(set(words) - set(known))
        names = {name: CATEGORIES[name] for name in known}
        names |= {name: _MORE_COLOURS[number % len(_MORE_COLOURS)] for number, name in enumerate(others)}
        return Colours(rgb=np.array([to_rgb(names[word]) for word in words]), scale=None, names=names)
    numbers = given.astype(float)
    finite = numbers[np.isfinite(numbers)]
    low, high = (0.0, 1.0) if finite.size == 0 else (float(each) for each in np.percentile(finite, [1, 99]))
    if given.dtype.kind in "iu" and finite.size and finite.max() - finite.min() <= 14:
        edges = np.arange(finite.min() - 0.5, finite.max() + 1.0)
        map_ = ListedColormap(colormaps["viridis"](np.linspace(0.0, 1.0, max(len(edges) - 1, 2))))
        scale: tuple[Any, Any] = (map_, BoundaryNorm(edges, map_.N) if len(edges) > 2 else Normalize(low, low + 1))
    elif low < 0.0 < high:
        most = max(-low, high)
        scale = (colormaps["RdBu_r"], Normalize(-most, most))
    else:
        scale = (colormaps["viridis"], Normalize(low, high if high > low else low + 1.0))
    map_, norm = scale
    rgb = np.asarray(map_(norm(np.nan_to_num(numbers, nan=low))))[:, :3]
    rgb[~np.isfinite(numbers)] = to_rgb(CATEGORIES["none"])
    return Colours(rgb=rgb, scale=scale, names={})


def draw_atoms(
    axes: Axes,
    positions: NDArray[np.float64],
    rgb: NDArray[np.float64],
    view: NDArray[np.float64],
    *,
    radius: float,
    within: tuple[NDArray[np.float64], float] | None = None,
    title: str = "",
) -> None:
    """Atoms in the colours `rgb`, those behind paler, on axes in Å without a frame.

    Parameters
    ----------
    axes : Axes
    positions : (n, 3) float [Å]
    rgb : (n, 3) float
    view : (3, 3) float
        From `looking_along`.
    radius : float [Å]
    within : (centre, half width) or None
        What the picture shows; None fits it to the atoms.
    title : str
    """
    centre, half = frame_around([positions]) if within is None else within
    seen = (positions - centre) @ view.T
    order = np.argsort(seen[:, 2], kind="stable")
    place, colour = seen[order], rgb[order]
    depth = (place[-1:, 2:] - place[:, 2:]) / (2 * half)
    shown = colour + _FOG * depth * (1.0 - colour)
    width = np.full(len(place), 2 * radius)
    axes.add_collection(
        EllipseCollection(
            width,
            width,
            np.zeros(len(place)),
            units="xy",
            offsets=place[:, :2],
            offset_transform=axes.transData,
            facecolors=shown,
            edgecolors=0.55 * shown,
            linewidths=0.4,
        )
    )
    axes.set_xlim(-half - radius, half + radius)
    axes.set_ylim(-half - radius, half + radius)
    axes.set_aspect("equal")
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=9, color=INK)


def frame_around(states: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], float]:
    """The centre of all atoms and the half width [Å] that holds them in any direction."""
    every = np.concatenate(states)
    centre = (every.min(axis=0) + every.max(axis=0)) / 2
    return centre, float(np.linalg.norm(every - centre, axis=1).max())


def nanometre_bar(axes: Axes, half: float, radius: float) -> None:
    """A bar of 1 nm in the lower left corner of axes that `draw_atoms` drew."""
    left, low = -half - 0.5 * radius, -half - 1.3 * radius
    # below the picture, where no atom is
    axes.plot([left, left + 10.0], [low, low], color=INK, linewidth=2.5, solid_capstyle="butt", clip_on=False)
    axes.text(left + 10.4, low, "1 nm", ha="left", va="center", fontsize=8, color=INK)
