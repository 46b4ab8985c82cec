"""What images at known orientations say of an image at any other: its coefficients, and how well each is known."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from atomotion.tomography.half_plane import HalfPlane
from atomotion.tomography.shifts import shift_table
from atomotion.tomography.volume import accumulate, grid_of

# how much of the signal at a frequency is not known from one at a grid point beside it, however clean it is: a
# coefficient says as much of its surroundings as the size of the particle allows. Measured: without it, or with a
# quarter, paths of images without a lattice drift and part (0.48 of 200 images within 8°, from 0.6 on all)
_APART = 0.6
_BATCH = 500


class FrequencyMap:
    """Sums of images over three-dimensional frequency, from which images and their uncertainty are predicted.

    In units in which a coefficient of the particle has the variance 1, image i holds ``a_k G(R_i^T k)`` and noise of
    variance 1 for the real and the imaginary part. Where images gave the sums D of ``w a d`` and W of ``w a²``, with
    ``w = 1 / (1 + η a²)``, spread over the grid by trilinear interpolation, G is normal about ``D / (1 + W)`` with the
    variance ``u = 1 / (1 + W)``: 1 where no image was, so that nothing is claimed there. η keeps clean images from
    being believed beside the frequencies that they hold.

    Parameters
    ----------
    plane : HalfPlane
    amplitude : (m,) float
        a: the root of the power of the signal over that of the noise, with the sign of the transfer.

    References
    ----------
    The prediction is that of a normal process (kriging) whose covariance falls to zero over the inverse of the
    particle's size, Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006), with the covariance among
    the images left out, which makes it a sum.
    """

    def __init__(self, plane: HalfPlane, amplitude: Tensor) -> None:
        self._plane, self._amplitude = plane, amplitude
        self._share = (1.0 + _APART * amplitude.square()).rsqrt()
        self._size = grid_of(plane).size
        self._sums = torch.zeros((3, self._size**3), device=plane.device)

    def copy(self) -> "FrequencyMap":
        """One that goes on by itself."""
        other = FrequencyMap(self._plane, self._amplitude)
        other._sums = self._sums.clone()
        return other

    def add(self, values: Tensor, rotations: Tensor, shifts: Tensor, weight: float = 1.0) -> None:
        """Put images (n, m) at their poses into the map, or take them out of it with the weight -1."""
        weights = torch.full((len(values),), weight, device=values.device)
        sums = accumulate(
            self._plane, values * self._share, self._amplitude * self._share, rotations, shifts, weights=weights
        )
        self._sums += torch.stack([sums.data[0].real, sums.data[0].imag, sums.weight[0]])

    def predicted(self, rotations: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (b, m) complex and variance u (b, m) of the particle's coefficients in images at (b, 3, 3)."""
        size = self._size
        at = torch.stack([self._plane.kx, self._plane.ky]) * (2.0 / (self._plane.step * (size - 1)))
        middle = 2.0 * (size // 2) / (size - 1) - 1.0
        places = torch.einsum("bai,am->bmi", rotations[:, :2], at) + middle
        cube = self._sums.reshape(1, 3, size, size, size)
        real, imaginary, weight = grid_sample(cube, places[None, None], mode="bilinear", align_corners=True)[0, :, 0]
        known = 1.0 + weight.clamp(min=0.0)
        return torch.complex(real, imaginary) / known, 1.0 / known

    def log_likelihood(self, image: Tensor, rotations: Tensor, shifts: Tensor) -> Tensor:
        """(b, s) of an image (m,) at rotations (b, 3, 3) and shifts (s, 2) [Å].

        ``-sum_k |d - a t|² / (2 v) + ln v`` with the variance ``v = 1 + a² u`` of noise and what is not known together.
        """
        table = shift_table(self._plane, shifts)
        parts = []
        for some in torch.split(rotations, _BATCH):
            mean, unknown = self.predicted(some)
            expected = self._amplitude * mean
            variance = 1.0 + self._amplitude.square() * unknown
            product = image * expected.conj() / variance
            power = 0.5 * (image.abs().square() + expected.abs().square()) / variance + variance.log()
            parts.append(torch.view_as_real(product).flatten(1) @ table - power.sum(1)[:, None])
        return torch.cat(parts)
