"""How a simulated particle turns and drifts."""

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import UsageError
from atomotion.data.poses import Poses
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


def poses_of(config: MovieConfig, n: int, rng: np.random.Generator) -> Poses:
    """The true pose of every one of `n` frames.

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
    quaternions = tumbling(
        n,
        start=start,
        rms_deg=config.rotation_deg,
        memory=config.rotation_memory,
        cone_deg=config.cone_deg,
        rng=rng,
    )
    return Poses(
        quaternions=quaternions,
        shifts=drift(n, walk=config.drift_walk, steady=(config.drift_x, config.drift_y), rng=rng),
    )
