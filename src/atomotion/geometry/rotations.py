"""Unit quaternions (w, x, y, z) of active rotations: x_lab = R(q) x, with x a column vector (x, y, z)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation


def _rotation(quaternions: ArrayLike) -> Rotation:
    # scipy's own order is x y z w
    return Rotation.from_quat(np.roll(np.asarray(quaternions, dtype=float), -1, axis=-1))


def _quaternions(rotation: Rotation) -> NDArray[np.float64]:
    # q and -q are one rotation; w >= 0 makes equal rotations equal numbers
    return np.roll(np.asarray(rotation.as_quat(canonical=True)), 1, axis=-1)


def matrices_from_quaternions(quaternions: ArrayLike) -> NDArray[np.float64]:
    """The rotation matrices, (3, 3) or (n, 3, 3), of (4,) or (n, 4) quaternions w x y z."""
    return np.asarray(_rotation(quaternions).as_matrix())


def quaternions_from_matrices(matrices: ArrayLike) -> NDArray[np.float64]:
    """Unit quaternions w x y z, w >= 0, (4,) or (n, 4), of (3, 3) or (n, 3, 3) rotation matrices."""
    return _quaternions(Rotation.from_matrix(np.asarray(matrices, dtype=float)))


def quaternions_from_vectors(rotation_vectors_deg: ArrayLike) -> NDArray[np.float64]:
    """Quaternions, (4,) or (n, 4), of rotations about each of (3,) or (n, 3) vectors by its length in degrees."""
    return _quaternions(Rotation.from_rotvec(np.asarray(rotation_vectors_deg, dtype=float), degrees=True))


def compose(second: ArrayLike, first: ArrayLike) -> NDArray[np.float64]:
    """The rotation `first` followed by `second`: R = R(second) R(first).

    Parameters
    ----------
    second, first : (4,) or (n, 4) float, w x y z
        One of them may be a single rotation.

    Returns
    -------
    (4,) or (n, 4) float
    """
    return _quaternions(_rotation(second) * _rotation(first))


def inverse(quaternions: ArrayLike) -> NDArray[np.float64]:
    """The opposite rotations, (4,) or (n, 4)."""
    return _quaternions(_rotation(quaternions).inv())


def rotate(quaternions: ArrayLike, points: ArrayLike) -> NDArray[np.floating]:
    """Points after rotation, R(q) x, in the type of `points`.

    Parameters
    ----------
    quaternions : (4,) or (f, 4) float, w x y z
    points : (n, 3) float, x y z

    Returns
    -------
    (n, 3) or (f, n, 3) float
    """
    given = np.asarray(points)
    dtype = given.dtype if np.issubdtype(given.dtype, np.floating) else np.dtype(float)
    turned = given @ np.swapaxes(matrices_from_quaternions(quaternions), -1, -2)
    return np.asarray(turned, dtype=dtype)


def angle_between(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Angle [deg], 0 to 180, of the rotation that leads from each `first` to each `second`; (4,) or (n, 4)."""
    return np.rad2deg(np.asarray((_rotation(first).inv() * _rotation(second)).magnitude()))


def random_quaternions(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 4) rotations, evenly distributed over all rotations."""
    # normal deviates have no preferred direction, so their directions are even on the sphere of unit quaternions
    return _quaternions(_rotation(rng.normal(size=(n, 4))))


def small_random_quaternions(n: int, rms_deg: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 4) rotations about random axes, whose angles are `rms_deg` degrees in the root mean square.

    The three components of the rotation vector are independent and normal, each of standard deviation
    ``rms_deg / sqrt(3)``; this is one step of an isotropic rotational random walk.
    """
    return quaternions_from_vectors(rng.normal(scale=rms_deg / np.sqrt(3.0), size=(n, 3)))


def rotation_onto(direction: ArrayLike, target: ArrayLike) -> NDArray[np.float64]:
    """(4,) quaternion of the smallest rotation that turns `direction` (3,) into that of `target` (3,).

    For opposite directions, where it is a half-turn about any perpendicular axis, one of these axes is taken.
    """
    a = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    b = np.asarray(target, dtype=float) / np.linalg.norm(target)
    axis = np.cross(a, b)
    sine, cosine = float(np.linalg.norm(axis)), float(a @ b)
    if sine < 1e-12:
        axis, sine = np.cross(a, np.eye(3)[np.argmin(np.abs(a))]), 0.0
    axis = axis / np.linalg.norm(axis)
    return quaternions_from_vectors(axis * np.rad2deg(np.arctan2(sine, cosine)))
