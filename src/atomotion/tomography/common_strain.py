"""A strain of the whole particle, which orientations can hide: found together with all poses."""

import itertools
import math
from dataclasses import replace

import torch
from torch import Tensor

from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import AtomModel, batch_size, projected, turned_by, weighted_sums
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.response import Response

_LARGEST, _UNCERTAIN = 0.02, 0.005  # of a length
_LARGEST_TURN = 0.05  # rad
_DAMPING = 1e-3


def without_strain(
    coefficients: Coefficients, model: AtomModel, response: Response, placed: Placed, weights: Tensor
) -> tuple[AtomModel, Placed]:
    """One step of a homogeneous strain of the atoms, with the pose and the scale of every image.

    Views from one side leave open how deep a particle is: deeper, and turned by less between the images, it looks
    nearly the same. Steps of atoms at given poses, and of poses at given atoms, go along such a valley only slowly. So
    the six components ε of a common strain, ``r -> (1 + ε) r``, are found with all poses free: with the derivatives J
    of an image after the strain and P after its own rotation, shift and scale,

    ``ε = (sum_images J^T (1 - P (P^T P)^-1 P^T) J)^-1 sum_images J^T (1 - P (P^T P)^-1 P^T) (d - F)``,

    one step of Gauss and Newton, after which every image gets the pose that belongs to it. Strains that the images
    leave uncertain by more than 0.5 % stay as they are.

    Parameters
    ----------
    coefficients : Coefficients
    model : AtomModel
    response : Response
        On the plane of the coefficients.
    placed : Placed
    weights : (n,) float
        Of the images.

    References
    ----------
    Belhumeur, Kriegman and Yuille, *Int. J. Comput. Vis.* 35, 33 (1999), on what views from one side leave open.
    """
    device = model.positions.device
    modes = _modes(device)
    size = batch_size(response.plane, len(model), tables=4)
    own, shared = [], []
    normal, slope = torch.zeros((6, 6), device=device), torch.zeros(6, device=device)
    for start in range(0, len(placed), size):
        part = slice(start, start + size)
        products, with_residual = _products(
            coefficients.values[part], model, response, placed.rotations[part], placed.shifts[part], modes
        )
        after_pose = products[:, :6, :6] + torch.diag_embed(_DAMPING * products.diagonal(dim1=1, dim2=2)[:, :6] + 1e-9)
        solved = torch.linalg.solve(after_pose, torch.cat([products[:, :6, 6:], with_residual[:, :6, None]], dim=2))
        across = products[:, 6:, :6]
        left = products[:, 6:, 6:] - across @ solved[:, :, :6]
        rest = with_residual[:, 6:] - (across @ solved[:, :, 6:])[..., 0]
        normal += torch.einsum("b,bij->ij", weights[part], left)
        slope += torch.einsum("b,bi->i", weights[part], rest)
        own.append(solved[:, :, 6])
        shared.append(solved[:, :, :6])
    stiffness, axes = torch.linalg.eigh(normal)
    known = stiffness > 1.0 / _UNCERTAIN**2
    strain = axes @ torch.where(known, (axes.T @ slope) / stiffness.clamp(min=1.0), 0.0)
    strain = strain * min(1.0, _LARGEST / max(float(strain.abs().max()), 1e-12))
    change = torch.cat(own) - torch.cat(shared) @ strain
    turn = change[:, :3]
    turn = turn * (_LARGEST_TURN / turn.norm(dim=1, keepdim=True).clamp(min=_LARGEST_TURN))
    tensor = torch.einsum("j,jab->ab", strain, modes)
    return (
        replace(model, positions=model.positions + model.positions @ tensor),
        replace(placed, rotations=turned_by(turn, placed.rotations), shifts=placed.shifts + change[:, 3:5]),
    )


def _modes(device: torch.device) -> Tensor:
    """(6, 3, 3) symmetric tensors: xx, yy, zz, and xy, xz, yz."""
    modes = torch.zeros((6, 3, 3), device=device)
    pairs = [(a, a) for a in range(3)] + list(itertools.combinations(range(3), 2))
    for mode, (a, b) in zip(modes, pairs):
        mode[a, b] = mode[b, a] = 1.0
    return modes


def _products(
    images: Tensor, model: AtomModel, response: Response, rotations: Tensor, shifts: Tensor, modes: Tensor
) -> tuple[Tensor, Tensor]:
    """Products (b, 12, 12) of the derivatives after rotation, shift, scale and strain, and (b, 12) with the residual.

    With ``S_w = sum_i w_i o_i exp(...)`` for the weights 1, x, y, z of the turned atoms, a change ``A r`` of what is
    turned changes the image by ``-2πi sum_ab k_a A_ab S_b``; a rotation is an antisymmetric A, a strain is R ε R^T.
    """
    plane = response.plane
    x, y, z = projected(model.positions, rotations, torch.zeros_like(shifts))
    weights = torch.stack([torch.ones_like(x), x, y, z], dim=1) * model.occupancies
    sums = weighted_sums(plane, model.positions, weights, rotations, shifts) * response.atom(model.b_factor)
    one = sums[:, 0]
    scale = (images * one.conj()).real.sum(1) / torch.view_as_real(one).square().sum((1, 2)).clamp(min=1e-20)
    along = torch.stack([plane.kx, plane.ky])
    first = -2j * math.pi * along[None, :, None] * sums[:, None, 1:]
    turned = torch.einsum("bca,jad,bed->bjce", rotations, modes, rotations)[:, :, :2]
    kx, ky = along
    rows = torch.cat(
        [
            torch.stack([-first[:, 1, 2], first[:, 0, 2], first[:, 1, 0] - first[:, 0, 1]], dim=1),
            -2j * math.pi * torch.stack([kx * one, ky * one], dim=1),
            one[:, None] / scale[:, None, None].clamp(min=1e-6),
            torch.einsum("bjce,bcem->bjm", turned.to(first.dtype), first),
        ],
        dim=1,
    )
    rows = torch.view_as_real(rows * scale[:, None, None]).flatten(2)
    residual = torch.view_as_real(images - scale[:, None] * one).flatten(1)
    return rows @ rows.transpose(1, 2), (rows @ residual[..., None])[..., 0]
