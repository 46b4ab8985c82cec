"""How well the images fix every atom, by direction: from the curvature of the misfit, neighbours included."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from atomotion.tomography.forward import AtomModel
from atomotion.tomography.response import Response

_REACH = 1.5  # of the spacing: farther than the second neighbours of an FCC crystal
_SAMPLES = 4000
_BATCH_BYTES = 64 * 2**20
_RIDGE = 1e-4  # of the mean curvature: a direction that no image has seen gets a large error, and no infinite one


def position_covariances(
    model: AtomModel,
    response: Response,
    rotations: Tensor,
    weights: Tensor,
    *,
    noise: Tensor,
    spacing: float,
    generator: torch.Generator,
) -> NDArray[np.float64]:
    """(n, 3, 3) covariance [Å²] that noise leaves of every atom's place, its neighbours' places being free too.

    The misfit ``½ sum w |d - F|²`` has the second derivatives

    ``H_ia,jb = o_i o_j (2π)² sum_q w |h(q)|² q_a q_b cos(2π q·(x_i - x_j))``

    over all frequencies ``q = R^T k`` of all images, of which a sample is taken with probability ``w |h|² q²``. The
    covariance of an atom is its block of the inverse for it and all atoms within 1.5 spacings, times the mean of the
    noise's power with that probability: 1 unless the coefficients were tempered. Where frequencies are
    missing, peaks are long, and those of atoms behind each other overlap: such atoms have larger errors than the
    curvature of each alone would say.

    Parameters
    ----------
    model : AtomModel
    response : Response
    rotations : (m, 3, 3) float
    weights : (m,) float
    noise : (k,) float
        Power of the noise at each frequency of the plane, in the units of the coefficients.
    spacing : float [Å]
        Nearest-neighbour distance of the element.
    generator : torch.Generator
    """
    plane = response.plane
    strength = response.atom(model.b_factor).square() * plane.k.square()
    power = float((strength * noise).sum() / strength.sum())
    image = torch.multinomial(weights.cpu(), _SAMPLES, replacement=True, generator=generator).to(plane.device)
    wave = torch.multinomial(strength.cpu(), _SAMPLES, replacement=True, generator=generator).to(plane.device)
    flat = torch.stack([plane.kx[wave], plane.ky[wave], torch.zeros_like(plane.kx[wave])], dim=1)
    waves = torch.einsum("qji,qj->qi", rotations[image], flat)
    scale = (2.0 * math.pi) ** 2 * float(weights.sum() * strength.sum()) / _SAMPLES
    places = model.positions.double().cpu().numpy()
    around = cKDTree(places).query_ball_point(places, _REACH * spacing)
    covariances = np.empty((len(model), 3, 3))
    by_count: dict[int, list[int]] = {}
    for atom, others in enumerate(around):
        by_count.setdefault(len(others), []).append(atom)
    for count, atoms in by_count.items():
        size = max(1, _BATCH_BYTES // (24 * count * _SAMPLES))
        for start in range(0, len(atoms), size):
            part = atoms[start : start + size]
            # the atom itself comes first
            groups = np.array([[each, *(other for other in around[each] if other != each)] for each in part])
            covariances[part] = _covariances(model, waves, torch.from_numpy(groups).to(plane.device), scale)
    return power * covariances


def _covariances(model: AtomModel, waves: Tensor, groups: Tensor, scale: float) -> NDArray[np.float64]:
    """(b, 3, 3) the covariance of the first atom of each group (b, c), for sampled frequencies (q, 3)."""
    b, count = groups.shape
    phases = (
        2.0 * math.pi * torch.einsum("qa,bca->bqc", waves, model.positions[groups] - model.positions[groups[:, :1]])
    )
    strength = model.occupancies[groups][:, None]
    direction = waves / waves.norm(dim=1, keepdim=True)
    normal = torch.zeros((b, 3 * count, 3 * count), device=waves.device)
    for part in (torch.cos(phases), torch.sin(phases)):
        slopes = ((part * strength)[..., None] * direction[:, None]).reshape(b, len(waves), 3 * count)
        normal += slopes.transpose(1, 2) @ slopes
    normal = normal.double() * scale
    diagonal = normal.diagonal(dim1=1, dim2=2)
    normal = normal + torch.diag_embed((_RIDGE * diagonal.mean(dim=1, keepdim=True)).expand_as(diagonal))
    return torch.linalg.inv(normal)[:, :3, :3].cpu().numpy()
