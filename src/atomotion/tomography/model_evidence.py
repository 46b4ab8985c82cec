"""How much of what the images hold beyond noise the atoms explain."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.data import Frames
from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.tomography.coefficients import Coefficients, rim_power
from atomotion.tomography.copy_agreement import copy_agreement
from atomotion.tomography.forward import AtomModel, predicted
from atomotion.tomography.joint import fit_scale, good_weights
from atomotion.tomography.observations import Observations
from atomotion.tomography.pose_refinement import Placed, correlation
from atomotion.tomography.pose_search import MODEL_MISMATCH
from atomotion.tomography.response import Response

if TYPE_CHECKING:
    from atomotion.tomography.reconstruction import Reconstruction

# of the score of a perfect model: right atoms in right poses reach more, with few exceptions
WELL_EXPLAINED = 0.9
_BATCH = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelEvidence:
    """The images against the atoms at their poses.

    Parameters
    ----------
    z : (n,) float
        Correlation of each image with the projection of the atoms, in noise sigmas.
    possible_z : float
        What a perfect model would score on average, from the power of the images above that of the noise.
    residual : float
        Power of what the atoms leave of the images, in units of the noise's. Above 1 the images hold something else;
        well below 1 the noise was taken too high, as by a second particle where it was measured.
    beside : float
        Power in the rim of the boxes, outside of the particle's disc, in units of that of the background boxes: above 1
        where something else lies there. NaN without background boxes.
    copy_margin : float
        By how many sigmas per image the images of all times fit better on the lattice copies that they are on than on
        the next best division of them among copies; see `copy_agreement`. NaN where that cannot be told.
    """

    z: NDArray[np.float64]
    possible_z: float
    residual: float
    beside: float
    copy_margin: float

    @property
    def explained(self) -> float:
        """Part of the possible score that the atoms reach: about 1 for the right atoms in the right poses."""
        return float(self.z.mean()) / self.possible_z


def model_evidence(
    observations: Observations,
    result: "Reconstruction",
    *,
    images: Frames | None = None,
    background: Frames | None = None,
) -> ModelEvidence:
    """How much of the images a reconstruction explains, and how much it leaves.

    With coefficients d of unit noise and the prediction F of the atoms, ``z = Re <d, F> / |F|``; a perfect model has
    ``<z²> = sum_k (<|d|²> - noise)``, which the images tell by themselves.

    Parameters
    ----------
    observations : Observations
        Of the images that `result` was made from; see `chain.prepare`.
    result : Reconstruction
    images, background : (n, y, x), (b, y, x) or None
        The boxes of both kinds, to compare what lies beside the particle.
    """
    with torch.no_grad():
        used, response = observations.at(mismatch=MODEL_MISMATCH)
        signal = observations.coefficients.signal_power()
        tempered = 1.0 / (1.0 + MODEL_MISMATCH * signal)
        noise = 2.0 * used.filled * float(tempered.sum())
        model, placed = _of(result, used, response)
        z, left = [], []
        for part in torch.split(torch.arange(len(used), device=observations.device), _BATCH):
            fitted = predicted(model, response, placed.rotations[part], placed.shifts[part])
            values = used.values[part]
            z.append((values * fitted.conj()).real.sum(dim=1) / fitted.norm(dim=1))
            left.append((values - fitted).abs().square().sum(dim=1))
        return ModelEvidence(
            z=_array(torch.cat(z)),
            possible_z=_possible_z(observations, used),
            residual=float(torch.cat(left).mean()) / noise,
            beside=_beside(images, background, used),
            copy_margin=_copy_margin(observations, placed),
        )


def explained_part(observations: Observations, model: AtomModel, placed: Placed) -> float:
    """What the atoms reach of the score that a perfect model would have; see `ModelEvidence.explained`."""
    used, response = observations.at(mismatch=MODEL_MISMATCH)
    z = correlation(used.values, predicted(model, response, placed.rotations, placed.shifts))
    return float(z.mean()) / _possible_z(observations, used)


def _possible_z(observations: Observations, used: Coefficients) -> float:
    signal = observations.coefficients.signal_power()
    possible = 2.0 * used.filled * float((signal / (1.0 + MODEL_MISMATCH * signal)).sum())
    return max(possible, 1.0) ** 0.5


def _beside(images: Frames | None, background: Frames | None, used: Coefficients) -> float:
    if images is None or background is None or background.shape[0] == 0:
        return float("nan")
    seen, usual = (rim_power(boxes, used.plane, used.radius) for boxes in (images, background))
    return float((seen / usual).mean())


def _copy_margin(observations: Observations, placed: Placed) -> float:
    agreement = copy_agreement(observations, placed.rotations, placed.shifts)
    return float("nan") if agreement is None else agreement.worst.margin


def _of(result: "Reconstruction", used: Coefficients, response: Response) -> tuple[AtomModel, Placed]:
    """The model of a result on the scale of the images, and its poses."""
    device = used.plane.device

    def tensor(values: NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(np.array(values, dtype=np.float32)).to(device)

    score = np.zeros(len(result.poses)) if result.poses.score is None else result.poses.score
    placed = Placed(
        rotations=tensor(matrices_from_quaternions(result.poses.quaternions)),
        shifts=tensor(result.poses.shifts),
        z=tensor(score),
    )
    model = AtomModel(
        positions=tensor(result.positions), occupancies=tensor(result.occupancies), b_factor=result.b_factor
    )
    for _ in range(2):
        model = fit_scale(used, model, response, placed, good_weights(placed, 0.1))
    return model, placed


def _array(values: Tensor) -> NDArray[np.float64]:
    return values.double().cpu().numpy()
