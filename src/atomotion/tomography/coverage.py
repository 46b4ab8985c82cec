"""From which directions the images show the particle, how it turned between them, and what they cannot have seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data import InputError
from atomotion.geometry.rotations import angle_between, matrices_from_quaternions

SEEN_WITHIN_DEG = 10.0
UNCERTAIN = 0.2  # Å: atoms with larger errors are named
SLICE_DEG = 3.0
_DIRECTIONS = 10_000
_BLOCK = 500
_LAGS = 4
_JUMP = 5.0  # times the median: what is more is no diffusion but a wrong pose
_STILL = 0.2  # deg per root of the unit of time: a median step below it counts as this
_LEAST = 1e-3  # of the images: below, an axis counts as never seen from the side


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """What a set of poses has seen of a particle.

    A view is the direction of the beam in the particle's frame. Opposite views, and views that differ by a turn of the
    image, show the same projection.

    Parameters
    ----------
    unseen_directions_fraction : float
        Part of all directions that have no view within 10°. An atom at the rim of a particle of 20 Å moves by 1.7 Å
        against the middle between views 10° apart, which is where columns come apart: what lies further off has not
        been seen by that view.
    missing_frequencies_fraction : float
        Part of all directions of spatial frequency that no image holds. An image of the view d holds the frequencies
        perpendicular to d, in a slice as thick as one over the particle: about 3° to each side for 20 Å at the spacing
        of {200} planes. A tilt about one axis leaves many directions unseen and yet holds all frequencies.
    distinct_views : float
        ``sum_i 1 / n_i`` with n_i the images whose view lies within 10° of that of image i, itself among them: as many
        views, more than 10° apart, would say as much.
    view_spread : (3,) float
        Ascending eigenvalues of the mean of ``R^T diag(1, 1, 0) R``: how much of the images sees each main axis from
        the side. They add up to 2; all 2/3 where views are even, (0, 1, 1) where all are one.
    axes : (3, 3) float
        The main axes as rows, in the particle's frame; the first one is the worst seen.
    step_deg : float [deg]
        Root mean square of the rotation from image to image, jumps left out; NaN without order in time.
    jumps : int
        Rotations of more than five times the median one.
    diffusion : float [rad²/s]
        Rotational diffusion coefficient; per interval between images where no times are given; NaN without order.
    """

    unseen_directions_fraction: float
    missing_frequencies_fraction: float
    distinct_views: float
    view_spread: NDArray[np.float64]
    axes: NDArray[np.float64]
    step_deg: float
    jumps: int
    diffusion: float

    @property
    def stretch(self) -> float:
        """How much larger an atom's error is along the worst seen axis than it would be with even views."""
        return float(np.sqrt((2.0 / 3.0) / max(self.view_spread[0], _LEAST)))


def coverage_of(
    quaternions: ArrayLike,
    *,
    times: ArrayLike | None = None,
    ordered: bool = True,
    used: ArrayLike | None = None,
    within_deg: float = SEEN_WITHIN_DEG,
    slice_deg: float = SLICE_DEG,
) -> Coverage:
    """What images with these poses have seen of a particle.

    Parameters
    ----------
    quaternions : (n, 4) float, w x y z
    times : (n,) float [s] or None
        Ascending; None: at equal intervals of 1.
    ordered : bool
        Whether images follow each other in time.
    used : (n,) bool or None
        Which of the images count as views: those left out for their bad fit have shown nothing, and their poses are
        often wrong. The rotation is that of all.
    within_deg : float [deg]
        How near to a view a direction counts as seen.
    slice_deg : float [deg]
        Half the angle that an image's slice of frequencies is thick.

    Raises
    ------
    InputError
        For no poses, or none that is used, and times that do not fit.
    """
    poses = np.asarray(quaternions, dtype=float)
    if poses.ndim != 2 or len(poses) == 0:
        raise InputError(f"poses are quaternions (n, 4), but the shape is {poses.shape}")
    views = view_directions(poses if used is None else poses[np.asarray(used, dtype=bool)])
    if len(views) == 0:
        raise InputError("none of the images is used; lower what is asked of their fit")
    cosine = _nearest_cosine(even_directions(_DIRECTIONS), views)
    frequencies = _least_cosine(even_directions(_DIRECTIONS), views)
    spread, axes = np.linalg.eigh(np.eye(3) - views.T @ views / len(views))
    step, jumps, diffusion = _rotation(poses, times) if ordered and len(poses) > 1 else (np.nan, 0, np.nan)
    return Coverage(
        unseen_directions_fraction=float(np.mean(cosine < np.cos(np.deg2rad(within_deg)))),
        missing_frequencies_fraction=float(np.mean(frequencies > np.sin(np.deg2rad(slice_deg)))),
        distinct_views=_distinct(views, within_deg),
        view_spread=np.maximum(spread, 0.0),
        axes=axes.T,
        step_deg=step,
        jumps=jumps,
        diffusion=diffusion,
    )


def view_directions(quaternions: ArrayLike) -> NDArray[np.float64]:
    """(n, 3) the direction of the beam in the particle's frame, R^T z, of each pose."""
    return np.ascontiguousarray(matrices_from_quaternions(quaternions)[..., 2, :])


def even_directions(n: int) -> NDArray[np.float64]:
    """(n, 3) unit vectors spread evenly over half a sphere (z >= 0) along a golden spiral.

    References
    ----------
    González, Math. Geosci. 42, 49 (2010).
    """
    index = np.arange(n) + 0.5
    z = 1.0 - index / n
    angle = np.pi * (1.0 + np.sqrt(5.0)) * index
    radius = np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def worst_errors(covariances: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard error (n,) [Å] of each atom along the direction in which it is known worst, and that direction (n, 3).

    Parameters
    ----------
    covariances : (n, 3, 3) float [Å²]
        See `half_sets.atom_covariances`.
    """
    variances, axes = np.linalg.eigh(np.asarray(covariances, dtype=float))
    return np.sqrt(np.maximum(variances[:, 2], 0.0)), axes[:, :, 2]


def _nearest_cosine(directions: NDArray[np.float64], views: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d,) cosine between each direction and the view nearest to it, up to sign."""
    return np.concatenate([np.abs(part @ views.T).max(axis=1) for part in _blocks(directions)])


def _least_cosine(directions: NDArray[np.float64], views: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d,) sine of the angle between each direction and the nearest plane perpendicular to a view."""
    return np.concatenate([np.abs(part @ views.T).min(axis=1) for part in _blocks(directions)])


def _distinct(views: NDArray[np.float64], within_deg: float) -> float:
    near = np.cos(np.deg2rad(within_deg)) - 1e-12
    return float(sum(np.sum(1.0 / np.sum(np.abs(part @ views.T) >= near, axis=1)) for part in _blocks(views)))


def _blocks(points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return [points[start : start + _BLOCK] for start in range(0, len(points), _BLOCK)]


def _rotation(poses: NDArray[np.float64], times: ArrayLike | None) -> tuple[float, int, float]:
    """Root-mean-square step [deg], jumps, and the diffusion coefficient [rad² per unit of time].

    Isotropic diffusion turns by ``<θ²> = 6 D τ`` in the time τ, to which errors of the poses add the same for every τ:
    D is the slope of <θ²> against τ over intervals of one to four images.
    """
    given = np.arange(len(poses), dtype=float) if times is None else np.asarray(times, dtype=float)
    if given.shape != (len(poses),):
        raise InputError(f"{given.size} times for {len(poses)} images; give one for each")
    if not (np.diff(given) > 0).all():
        raise InputError("the times of the images do not ascend; sort the images, or call them unordered")
    steps = angle_between(poses[:-1], poses[1:])
    pace = steps / np.sqrt(np.diff(given))
    calm = pace <= _JUMP * max(float(np.median(pace)), _STILL)
    lags = np.arange(1, min(_LAGS, len(poses) - 1) + 1)
    passed, turned = [], []
    for lag in lags:
        # an interval that holds a jump says nothing of the diffusion
        whole = np.convolve(calm, np.ones(lag), mode="valid") > lag - 0.5
        angle = np.deg2rad(angle_between(poses[:-lag], poses[lag:]))[whole]
        passed.append(float(np.mean((given[lag:] - given[:-lag])[whole])) if whole.any() else np.nan)
        turned.append(float(np.mean(angle**2)) if whole.any() else np.nan)
    fit = np.isfinite(turned)
    if fit.sum() >= 2:
        slope = float(np.polyfit(np.array(passed)[fit], np.array(turned)[fit], 1, w=1.0 / lags[fit])[0])
    else:
        slope = turned[0] / passed[0]
    return float(np.sqrt(np.mean(steps[calm] ** 2))), int(np.sum(~calm)), max(slope, 0.0) / 6.0
