"""What the microscope and the detector make of an atom: form factor, contrast transfer, modulation transfer."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import Tensor

from atomotion.scattering import contrast_transfer, electron_form_factor
from atomotion.tomography.half_plane import HalfPlane, restricted


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What the microscope, the detector and the whitening make of one atom at rest at the origin.

    Parameters
    ----------
    plane : HalfPlane
    form_factor : (m,) float [Å]
    lens : (m,) float
        Contrast transfer times modulation transfer times whitening gain, with its sign.
    """

    plane: HalfPlane
    form_factor: Tensor
    lens: Tensor

    def atom(self, b_factor: float | Tensor) -> Tensor:
        """(m,) coefficients of an atom at the origin with this B [Å²]."""
        return self.form_factor * self.lens * torch.exp(-0.25 * b_factor * self.plane.k.square())

    def up_to(self, highest: float) -> "Response":
        """The response at ``k <= highest`` [1/Å] only."""
        used = self.plane.k <= highest
        return Response(plane=restricted(self.plane, used), form_factor=self.form_factor[used], lens=self.lens[used])


@dataclass(frozen=True, kw_only=True, slots=True)
class Optics:
    """What is known of the images.

    Parameters
    ----------
    voltage : float [V] or None
        None: no transfer is applied, and a band that ends before its first zero has to be chosen.
    cs, defocus, focal_spread : float [Å]
        As in `atomotion.scattering.contrast_transfer`.
    bright : bool
        Without a transfer: whether atoms are bright.
    modulation : (j, 2) float or None
        Frequency [cycles per pixel] and modulation transfer of the detector; None is a perfect one.
    """

    voltage: float | None = None
    cs: float = 0.0
    defocus: float = 0.0
    focal_spread: float = 0.0
    bright: bool = True
    modulation: np.ndarray | None = None

    def transfer(self, k: Tensor, pixel_size: float) -> Tensor:
        """(m,) factor of each frequency k (m,) [1/Å]."""
        frequencies = k.double().cpu().numpy()
        if self.voltage is None:
            factor = np.full(len(frequencies), 1.0 if self.bright else -1.0)
        else:
            factor = self._contrast(frequencies)
        if self.modulation is not None:
            factor = factor * np.interp(frequencies * pixel_size, self.modulation[:, 0], self.modulation[:, 1])
        return torch.from_numpy(factor).float().to(k.device)

    def first_zero(self, lowest: float) -> float:
        """The first frequency [1/Å] above `lowest` at which the transfer changes its sign; infinite without a lens."""
        if self.voltage is None:
            return float("inf")
        k = np.linspace(lowest, 3.0, 2000)
        sign = np.sign(self._contrast(k))
        change = np.flatnonzero(sign[1:] != sign[:-1])
        if len(change) == 0:
            return float("inf")
        return float(brentq(lambda at: float(self._contrast(np.array(at))), k[change[0]], k[change[0] + 1]))

    def _contrast(self, k: np.ndarray) -> np.ndarray:
        assert self.voltage is not None
        return contrast_transfer(
            k, voltage=self.voltage, cs=self.cs, defocus=self.defocus, focal_spread=self.focal_spread
        )


def atomic_response(plane: HalfPlane, element: str, optics: Optics, gain: Tensor) -> Response:
    """The response for atoms of `element` in coefficients that were multiplied with `gain` (m,)."""
    factor = torch.from_numpy(electron_form_factor(element, plane.k.double().cpu().numpy())).float().to(plane.device)
    return Response(plane=plane, form_factor=factor, lens=optics.transfer(plane.k, plane.pixel_size) * gain)


def form_factor_table(response: Response) -> tuple[NDArray, NDArray]:
    """Frequencies [1/Å], ascending, and form factor [Å] of a response, as numpy arrays."""
    order = torch.argsort(response.plane.k)
    return response.plane.k[order].cpu().numpy(), response.form_factor[order].cpu().numpy()
