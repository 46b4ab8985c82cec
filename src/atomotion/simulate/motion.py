"""How a simulated particle turns and drifts."""

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import UsageError
from atomotion.geometry.rotations import (
    compose,
    quaternions_from_vectors,
    random_quaternions,
    rotation_onto,
)
from atomotion.simulate.config import MovieConfig

_BEAM = (0.0, 0.0, 1.0)


def tumbling(
    n: int,
    *,
    start: NDArray[np.float64],
    rms_deg: float,
    memory: float,
    cone_deg: float | None,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(n, 4) quaternions of a continuous random rotation.

    The rotation vector from one frame to the next is an autoregressive process, ``v_t = m v_{t-1} + sqrt(1 - m²) w_t``,
    with w isotropic, so that the angle of each step has the root mean square `rms_deg` whatever the memory m. With a
    cone, a step that would tilt the start's beam direction out of it is not made, and the rotation turns back.

    Parameters
    ----------
    n : int
    start : (4,) float, w x y z
    rms_deg : float
    memory : float
        0 is a random walk.
    cone_deg : float or None
        Largest angle between the beam and the direction of the particle that lay along it at the start. Rotation about
        the beam stays free.
    rng : numpy.random.Generator
    """
    velocity = rng.normal(scale=rms_deg / np.sqrt(3.0), size=(n, 3))
    for t in range(1, n):
        velocity[t] = memory * velocity[t - 1] + np.sqrt(1.0 - memory**2) * velocity[t]
    steps = quaternions_from_vectors(velocity)
    lowest = -2.0 if cone_deg is None else np.cos(np.deg2rad(cone_deg))
    turned = np.empty((n, 4))
    turned[0] = now = (1.0, 0.0, 0.0, 0.0)
    # The noise is symmetric, so going on with the opposite of all later steps is the same process as a turned velocity.
    sign = 1.0
    for t, (w, x, y, z) in enumerate(steps[1:].tolist(), start=1):
        trial = _product((w, sign * x, sign * y, sign * z), now)
        if 1.0 - 2.0 * (trial[1] ** 2 + trial[2] ** 2) >= lowest:
            now = trial
        else:
            sign = -sign
        turned[t] = now
    return compose(turned, start)


def _product(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float, float, float]:
    """Quaternion product: the rotation `b` followed by `a`. Of plain floats, since a walk is made step by step."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def drift(n: int, *, walk: float, steady: tuple[float, float], rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 2) positions of the stage, dx dy [Å], that start at 0.

    Parameters
    ----------
    n : int
    walk : float [Å]
        Root-mean-square length of a random step from frame to frame.
    steady : (dx, dy) float [Å]
        Added at every frame.
    rng : numpy.random.Generator
    """
    steps = rng.normal(scale=walk / np.sqrt(2.0), size=(n, 2)) + np.asarray(steady)
    steps[0] = 0.0
    return np.cumsum(steps, axis=0)


def diffusion(
    n: int, *, rms: float, axial_rms: float, half_depth: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(n, 3) random walk of a particle in the liquid, dx dy dz [Å]; dx and dy start at 0.

    Parameters
    ----------
    n : int
    rms : float [Å]
        Root-mean-square length of a step in the image plane.
    axial_rms : float [Å]
        The same along the beam; with 0 the particle stays at height 0.
    half_depth : float [Å]
        Walls at plus and minus this height turn the particle back; it starts anywhere between them.
    rng : numpy.random.Generator
    """
    steps = rng.normal(size=(n, 3)) * np.array([rms / np.sqrt(2.0), rms / np.sqrt(2.0), axial_rms])
    steps[0] = 0.0
    walked = np.cumsum(steps, axis=0)
    if axial_rms > 0.0:
        free = walked[:, 2] + rng.uniform(-half_depth, half_depth)
        # folding a free walk at the walls is a walk between mirrors
        period = 4.0 * half_depth
        walked[:, 2] = np.abs((free - half_depth) % period - 2.0 * half_depth) - half_depth if period else 0.0
    return walked


def places(
    radii: NDArray[np.float64], size: tuple[float, float], *, gap: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(p, 2) places x y [Å] of particles in a frame, relative to its centre; a single one lies at the centre.

    Parameters
    ----------
    radii : (p,) float [Å]
    size : (along x, along y) float [Å]
    gap : float [Å]
        Least distance between particles, and from the edge of the frame.
    rng : numpy.random.Generator

    Raises
    ------
    UsageError
        Where they do not fit.
    """
    if len(radii) == 1:
        return np.zeros((1, 2))
    room = np.asarray(size) / 2.0 - radii[:, None] - gap
    if (room >= 0.0).all():
        for _ in range(200):
            found = np.empty((0, 2))
            for index, half in enumerate(room):
                trials = rng.uniform(-half, half, size=(50, 2))
                distances = np.linalg.norm(trials[:, None] - found, axis=-1)
                free = (distances > radii[index] + radii[:index] + gap).all(axis=1)
                if not free.any():
                    break
                found = np.concatenate([found, trials[free][:1]])
            if len(found) == len(radii):
                return found
    raise UsageError(
        f"{len(radii)} particles find no room in a frame of {size[0]:.0f} x {size[1]:.0f} Å; make the frame larger"
    )


def orientations(config: MovieConfig, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 4) the true orientation of a particle in every one of `n` frames.

    Raises
    ------
    UsageError
        For a cone without a zone axis to start from.
    """
    if config.start == "random":
        if config.cone_deg is not None:
            raise UsageError("a cone needs a zone axis to be centred on; set start to 100, 110 or 111")
        start = random_quaternions(1, rng)[0]
    else:
        start = rotation_onto([float(index) for index in config.start], _BEAM)
    return tumbling(
        n,
        start=start,
        rms_deg=config.rotation_deg,
        memory=config.rotation_memory,
        cone_deg=config.cone_deg,
        rng=rng,
    )
