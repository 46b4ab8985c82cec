"""All that is known of one particle before its structure is: images, optics, time, where the boxes were cut."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import AtomModel
from atomotion.tomography.lattice_symmetry import LatticeSymmetry, symmetry_of
from atomotion.tomography.response import Optics, Response, atomic_response
from atomotion.tomography.time_model import TimeModel


@dataclass(frozen=True, kw_only=True, slots=True)
class Observations:
    """The images of one particle as every step of the reconstruction takes them.

    Parameters
    ----------
    coefficients : Coefficients
        In units of the noise alone.
    element : str
    optics : Optics
    time : TimeModel
    folds : (n,) int
        Part of the images that each belongs to.
    spacing : float [Å]
        Nearest-neighbour distance of the element.
    radius : float [Å]
        Of the sphere that holds the particle, wherever its origin is.
    centre_error : float [Å]
        Of the boxes, along each axis.
    box_centres : (n, 2) float, x y [Å] or None
        Where the boxes were cut in the movie.
    centre_step : float [Å]
        Standard deviation of the particle's displacement from image to image along each axis.
    symmetry : LatticeSymmetry
        Of the start: in which orientations images cannot tell it apart.
    """

    coefficients: Coefficients
    element: str
    optics: Optics
    time: TimeModel
    folds: Tensor
    spacing: float
    radius: float
    centre_error: float
    box_centres: NDArray[np.float64] | None = None
    centre_step: float = 0.15
    symmetry: LatticeSymmetry = field(default_factory=lambda: symmetry_of("fcc"))

    def __len__(self) -> int:
        return len(self.coefficients)

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.coefficients.plane.device

    def at(self, *, mismatch: float, resolution: float = 0.0) -> tuple[Coefficients, Response]:
        """Coefficients and the response for a model that misses the part `mismatch` of the signal; see `tempered`."""
        used = self.coefficients.tempered(mismatch)
        if resolution > 0.0:
            used = used.up_to(1.0 / resolution)
        return used, atomic_response(used.plane, self.element, self.optics, used.gain)

    def of(self, images: Tensor) -> "Observations":
        """Some of the images, (k,) indices, without their order in time."""
        time = replace(self.time, step_deg=None, gaps=self.time.gaps[:0])
        coefficients = self.coefficients.of(images)
        return replace(self, coefficients=coefficients, folds=self.folds[images], time=time, box_centres=None)


def moved_to_centre(model: AtomModel, rotations: Tensor, shifts: Tensor) -> tuple[AtomModel, Tensor]:
    """The model about its own centre, and the shifts that put it where it was."""
    offset = model.positions.mean(dim=0)
    along = torch.einsum("nij,j->ni", rotations, offset)[:, :2]
    return replace(model, positions=model.positions - offset), shifts + along
