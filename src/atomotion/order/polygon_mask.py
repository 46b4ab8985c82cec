"""Which pixels lie strictly inside a polygon."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data import InputError


def polygon_mask(polygon: ArrayLike, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Boolean (y, x) mask of the pixels whose centres lie strictly inside a polygon.

    A centre on the boundary is outside; for vertices on whole or half pixels this is exact.

    Parameters
    ----------
    polygon : (n, 2) float, x y [px]
        Corners in order, in either sense of rotation; the first may be repeated at the end. May be concave.
    shape : (y, x)
        Of the frame; what lies outside the frame is cut off.

    Raises
    ------
    InputError
        As `checked_polygon`; and where no pixel of the frame is inside.
    """
    corners = checked_polygon(polygon)
    mask = np.zeros(shape, dtype=bool)
    low = np.maximum(np.ceil(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.floor(corners.max(axis=0)).astype(int) + 1, (shape[1], shape[0]))
    if (high > low).all():
        x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        inside = strictly_inside(np.column_stack((x.ravel(), y.ravel())), corners)
        mask[low[1] : high[1], low[0] : high[0]] = inside.reshape(x.shape)
    if not mask.any():
        box = f"x {corners[:, 0].min():g} to {corners[:, 0].max():g}, y {corners[:, 1].min():g} to "
        box += f"{corners[:, 1].max():g} px"
        raise InputError(
            f"no pixel lies inside the polygon ({box}; the frame is {shape[1]} x {shape[0]} px); "
            "draw it on this movie, in pixels (x = column, y = row)"
        )
    return mask


def strictly_inside(points: NDArray, corners: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(m,) bool, which points lie inside a polygon and not on its boundary.

    A ray from the point towards +x crosses the boundary an odd number of times.

    Parameters
    ----------
    points : (m, 2) float, x y
    corners : (n, 2) float, x y
        As `checked_polygon` gives them.
    """
    x, y = points[:, 0].astype(float), points[:, 1].astype(float)
    inside = np.zeros(len(points), dtype=bool)
    boundary = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)  # exact in float64 for half-integer corners
        within = (np.minimum(x1, x2) <= x) & (x <= np.maximum(x1, x2))
        within &= (np.minimum(y1, y2) <= y) & (y <= np.maximum(y1, y2))
        boundary |= (side == 0) & within
        # half-open in y, so that a ray through a corner counts once
        inside ^= ((y1 <= y) != (y2 <= y)) & ((side > 0) == (y2 > y1))
    return inside & ~boundary


def checked_polygon(polygon: ArrayLike) -> NDArray[np.float64]:
    """(n, 2) corners of a simple polygon: open, without repeated neighbours.

    Raises
    ------
    InputError
        For fewer than three different corners, no area, values that are not finite, and edges that cross or touch.
    """
    corners = np.asarray(polygon, dtype=float)
    if corners.ndim != 2 or corners.shape[1] != 2:
        raise InputError(f"a polygon is a list of [x, y] corners, but this one has shape {corners.shape}")
    if not np.isfinite(corners).all():
        raise InputError("the polygon has corners that are not finite numbers")
    corners = corners[np.any(corners != np.roll(corners, 1, axis=0), axis=1)] if len(corners) > 1 else corners
    if len(np.unique(corners, axis=0)) < 3:
        raise InputError(f"a polygon needs at least 3 different corners, but this one has {len(corners)}")
    crossing = _first_crossing(corners)
    if polygon_area(corners) == 0 and crossing is None:
        raise InputError("the polygon has no area: its corners lie on one line")
    if crossing is not None:
        first, second = (_edge_name(corners, number) for number in crossing)
        raise InputError(f"the polygon crosses or touches itself: {first} and {second}; draw it without crossings")
    return corners


def polygon_area(corners: NDArray[Any]) -> float:
    """Area enclosed by a simple polygon, in squared units of its corners."""
    x, y = (corners - corners[0]).T  # near the origin, where products are exact
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _edge_name(corners: NDArray[np.float64], number: int) -> str:
    (x1, y1), (x2, y2) = corners[number], corners[(number + 1) % len(corners)]
    return f"edge {number + 1} from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g})"


def _first_crossing(corners: NDArray[np.float64]) -> tuple[int, int] | None:
    """Numbers of the first two edges that meet anywhere but in their common corner."""
    n = len(corners)
    starts, stops = corners, np.roll(corners, -1, axis=0)
    for i in range(n - 1):
        a, b = starts[i], stops[i]
        c, d = starts[i + 1 :], stops[i + 1 :]
        meets = _segments_meet(a, b, c, d)
        # neighbours share a corner by construction: they may meet nowhere else, i.e. must not fold back
        meets[0] = _folds_back(a, b, d[0])
        if i == 0 and n > 2:
            meets[-1] = _folds_back(b, a, c[-1])
        if meets.any():
            return i, i + 1 + int(np.argmax(meets))
    return None


def _folds_back(a: NDArray, b: NDArray, c: NDArray) -> np.bool_:
    """Whether the edge from b to c runs back over the edge from a to b."""
    return np.bool_(_cross(a, b, c) == 0 and np.dot(a - b, c - b) > 0)


def _cross(a: NDArray, b: NDArray, p: NDArray) -> Any:
    return (b[..., 0] - a[..., 0]) * (p[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (p[..., 0] - a[..., 0])


def _segments_meet(a: NDArray, b: NDArray, c: NDArray, d: NDArray) -> NDArray[np.bool_]:
    """(m,) whether the segment a-b shares a point with each segment c-d."""
    boxes = (np.minimum(c, d) <= np.maximum(a, b)).all(axis=1) & (np.maximum(c, d) >= np.minimum(a, b)).all(axis=1)
    of_cd = np.sign(_cross(a, b, c)) * np.sign(_cross(a, b, d))
    of_ab = np.sign(_cross(c, d, a)) * np.sign(_cross(c, d, b))
    return np.asarray(boxes & (of_cd <= 0) & (of_ab <= 0))
