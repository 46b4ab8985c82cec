"""Where the particle may be in its boxes: near their centres, or on a smooth path through the movie."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from torch import Tensor

from atomotion.tomography.observations import Observations

_ROUNDS = 8
_FREEDOM = 3.0  # of Student's distribution: outliers hop by whole lattice rows
_FITTED = 0.25  # Å: error of a shift that was fitted on the right lattice row


def smooth_path(
    measured: NDArray[np.floating], *, error: float, step: float, gaps: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The most probable path of a particle that diffuses, given where it was seen, outliers disregarded.

    Minimises ``sum w_t |x_t - m_t|² / error² + sum |x_{t+1} - x_t|² / (gap step²)``; the weights w come from Student's
    distribution with three degrees of freedom, so that an image that was fitted one lattice row beside its place does
    not pull.

    Parameters
    ----------
    measured : (n, 2) float [Å]
    error : float [Å]
        Standard deviation of a measured place along each axis.
    step : float [Å]
        Standard deviation of a step along each axis per unit of time.
    gaps : (n - 1,) float
        Time from each place to the next.

    Returns
    -------
    (n, 2) float [Å]
    """
    places = np.asarray(measured, dtype=float)
    stiff = 1.0 / (np.maximum(np.asarray(gaps, dtype=float), 1e-9) * step**2)
    coupling = np.concatenate([[0.0], stiff]) + np.concatenate([stiff, [0.0]])
    path = np.tile(np.median(places, axis=0), (len(places), 1))
    for _ in range(_ROUNDS):
        distance2 = np.sum((places - path) ** 2, axis=1) / error**2
        weight = (_FREEDOM + 2.0) / (_FREEDOM + distance2) / error**2
        bands = np.stack([np.concatenate([[0.0], -stiff]), coupling + weight])
        path = solveh_banded(bands, weight[:, None] * places)
    return path


def expected_shifts(observations: Observations, shifts: Tensor) -> tuple[Tensor, float]:
    """Where each image's shift is expected, (n, 2) [Å], and the standard deviation [Å] about it along each axis.

    Without the boxes' places in the movie that is their centre, to the error of the boxes; with them it is the smooth
    path of the particle through the movie, which knows more, and which no image leaves by a row of the lattice.

    Parameters
    ----------
    observations : Observations
    shifts : (n, 2) float [Å]
        As fitted so far, with the origin at the particle's centre.
    """
    boxes = observations.box_centres
    if boxes is None or not observations.time.ordered:
        return torch.zeros_like(shifts), observations.centre_error
    seen = boxes + shifts.double().cpu().numpy()
    path = smooth_path(seen, error=_FITTED, step=observations.centre_step, gaps=observations.time.gaps)
    return torch.from_numpy(path - boxes).to(shifts), 2.0 * _FITTED
