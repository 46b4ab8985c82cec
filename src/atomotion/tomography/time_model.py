"""How the orientations of neighbouring images are tied together, and how sure one image by itself is."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.tomography.candidates import candidate_path, candidate_posterior


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeModel:
    """How orientations follow each other, or that they do not.

    Parameters
    ----------
    step_deg : float [deg] or None
        Standard deviation of a rotation step about each axis per unit of time; None: images have no order.
    leak : float
        Probability of a jump to anywhere.
    gaps : (n - 1,) float
        Time from each image to the next.
    """

    step_deg: float | None
    leak: float
    gaps: NDArray[np.floating]

    @property
    def ordered(self) -> bool:
        """Whether images follow each other in time."""
        return self.step_deg is not None

    def posterior(self, log_likelihood: Tensor, rotations: Tensor) -> Tensor:
        """(n, c) probabilities of candidates."""
        if self.step_deg is None:
            return torch.softmax(log_likelihood, dim=1)
        return candidate_posterior(log_likelihood, rotations, step_deg=self.step_deg, leak=self.leak, gaps=self.gaps)

    def path(self, log_likelihood: Tensor, rotations: Tensor) -> Tensor:
        """(n,) candidates of the most probable path; the best of each image without order."""
        if self.step_deg is None:
            return log_likelihood.argmax(dim=1)
        return candidate_path(log_likelihood, rotations, step_deg=self.step_deg, leak=self.leak, gaps=self.gaps)
