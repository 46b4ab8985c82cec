"""Rotation groups of crystals, as unit quaternions (w, x, y, z)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from atomotion.data.errors import UsageError
from atomotion.geometry.rotations import compose, inverse

# the turn of an image by 180°: what inverting a structure about its origin does to its projection
HALF_TURN_ABOUT_BEAM = (0.0, 0.0, 0.0, 1.0)
_IDENTITY = (1.0, 0.0, 0.0, 0.0)


def rotation_group(name: str) -> NDArray[np.float64]:
    """(g, 4) quaternions of a rotation group, the identity first.

    Parameters
    ----------
    name : str
        Schoenflies symbol: "I", "O", "T", "C1", "C2", ..., "D2", "D3", ... The four-fold axes of O and the two-fold
        ones of T lie along x, y, z; the main axis of C and D lies along z.

    Raises
    ------
    UsageError
        For an unknown name.
    """
    try:
        group = Rotation.create_group(name)  # type: ignore[arg-type]
    except ValueError as error:
        raise UsageError(f"unknown rotation group {name!r}; known are I, O, T, C1, C2, ... and D2, D3, ...") from error
    quaternions = np.roll(np.asarray(group.as_quat(canonical=True)), 1, axis=-1)
    order = np.argsort(-quaternions[:, 0], kind="stable")
    return quaternions[order]


def lattice_copies(
    quaternions: ArrayLike, group: ArrayLike, *, half_turn: bool = True, mirror: ArrayLike = _IDENTITY
) -> NDArray[np.float64]:
    """(n, c, 4) orientations in which a crystal of this rotation group looks the same as in each of `quaternions`.

    Copies R g of all g of the group; with `half_turn` also H R C g, where H turns the image by 180°. The projection
    along the beam of a structure with the improper operation -C is the same in all of them; with C = 1, an inversion
    centre, there are 48 for FCC. Copy 0 is the orientation itself.

    Parameters
    ----------
    quaternions : (n, 4) float, w x y z
    group : (g, 4) float, w x y z
    half_turn : bool
    mirror : (4,) float, w x y z
        C: the identity for a crystal with an inversion centre, a half-turn about the normal of a mirror plane.
    """
    given, members = np.asarray(quaternions, dtype=float), np.asarray(group, dtype=float)
    n, g = len(given), len(members)
    copies = compose(np.repeat(given, g, axis=0), np.tile(members, (n, 1))).reshape(n, g, 4)
    if not half_turn:
        return copies
    after = compose(np.asarray(mirror, dtype=float), members)
    copies_of_mirror = compose(np.repeat(given, g, axis=0), np.tile(after, (n, 1)))
    turned = compose(HALF_TURN_ABOUT_BEAM, copies_of_mirror).reshape(n, g, 4)
    return np.concatenate([copies, turned], axis=1)


def angle_to_nearest_copy(
    first: ArrayLike, second: ArrayLike, group: ArrayLike, *, half_turn: bool = True
) -> NDArray[np.float64]:
    """(n,) smallest angle [deg] between each `first` and the copies of each `second`; see `lattice_copies`."""
    copies = lattice_copies(second, group, half_turn=half_turn)
    cosine = np.abs(np.einsum("ni,nci->nc", np.asarray(first, dtype=float), copies)).max(axis=1)
    return np.rad2deg(2.0 * np.arccos(np.clip(cosine, 0.0, 1.0)))


def consistent_part(estimated: ArrayLike, true: ArrayLike, *, within_deg: float = 8.0) -> float:
    """Part of the orientations that one rotation of the structure brings within `within_deg` of the true ones.

    Both hands are tried: the estimate, and all of it turned by 180° about the beam (the structure inverted). Frames
    that sit on different lattice copies have a small part in common, however well each fits a perfect lattice. The
    common rotation is taken from one of sixty frames, so that the part is a lower bound.

    Parameters
    ----------
    estimated, true : (n, 4) float, w x y z
    within_deg : float [deg]
    """
    best = 0.0
    for turn in (_IDENTITY, HALF_TURN_ABOUT_BEAM):
        relative = compose(inverse(true), compose(turn, estimated))
        for guess in relative[:: max(1, len(relative) // 60)]:
            near = np.abs(relative @ guess) > np.cos(np.deg2rad(within_deg) / 2.0)
            best = max(best, float(near.mean()))
    return best
