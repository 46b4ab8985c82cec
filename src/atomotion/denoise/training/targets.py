"""How a noisy frame becomes its own target: hidden behind a hole, masked, or split into two half frames."""

from collections.abc import Callable

import torch
from torch import Tensor

from atomotion.denoise.networks.network import Network

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

_MASKED = 0.015  # part of the pixels that Noise2Void replaces
_NEAR = 2  # px: how far away it takes the replacement from
_CONSISTENCY = 1.0  # weight of Neighbor2Neighbor's second term


def blind(network: Network, frames: Tensor, target: Tensor, counts: Tensor, loss: Loss) -> Tensor:
    """The loss of a network that cannot see the pixel it predicts: the noisy frame itself is the target."""
    return loss(network(frames), target, counts)


def noise2void(network: Network, frames: Tensor, target: Tensor, counts: Tensor, loss: Loss) -> Tensor:
    """The loss on a few pixels of the middle frame, each replaced by one from nearby before the network sees it.

    References
    ----------
    Krull et al., CVPR (2019), arXiv 1811.10980.
    """
    n, window, height, width = frames.shape
    masked = torch.rand((n, height, width), device=frames.device) < _MASKED
    rows = torch.arange(height, device=frames.device)[None, :, None]
    columns = torch.arange(width, device=frames.device)[None, None, :]
    # any of the 24 neighbours, never the pixel itself
    step = torch.randint(0, (2 * _NEAR + 1) ** 2 - 1, (n, height, width), device=frames.device)
    step = step + (step >= (2 * _NEAR + 1) ** 2 // 2)
    near_y = (rows + step // (2 * _NEAR + 1) - _NEAR).abs()
    near_x = (columns + step % (2 * _NEAR + 1) - _NEAR).abs()
    near_y = torch.where(near_y >= height, 2 * (height - 1) - near_y, near_y)
    near_x = torch.where(near_x >= width, 2 * (width - 1) - near_x, near_x)
    middle = frames[:, window // 2]
    replacement = middle[torch.arange(n, device=frames.device)[:, None, None], near_y, near_x]
    shown = frames.clone()
    shown[:, window // 2] = torch.where(masked, replacement, middle)
    return loss(network(shown), target, counts & masked)


def neighbour2neighbour(network: Network, frames: Tensor, target: Tensor, counts: Tensor, loss: Loss) -> Tensor:
    """The loss between two half-size frames, each made of one random pixel of every 2 x 2.

    The second term asks that denoising and splitting may be exchanged, which keeps the difference of neighbouring
    pixels from being smoothed away.

    References
    ----------
    Huang et al., CVPR (2021), arXiv 2101.02824.
    """
    n = len(frames)
    cells = _cells(frames)
    height, width = cells.shape[-2:]
    first = torch.randint(0, 4, (n, height, width), device=frames.device)
    # the second lies beside the first, never across the diagonal
    beside = torch.randint(0, 2, (n, height, width), device=frames.device)
    second = torch.where(beside.bool(), first ^ 1, first ^ 2)
    one, other = _taken(cells, first), _taken(cells, second)
    middle = frames.shape[1] // 2
    both = _taken(_cells(counts[:, None].float()), first)[:, 0] * _taken(_cells(counts[:, None].float()), second)[:, 0]
    counted = both > 0
    denoised = network(one)
    with torch.no_grad():
        whole = _cells(network(frames)[:, :1])
        gap = _taken(whole, first)[:, 0] - _taken(whole, second)[:, 0]
    fit = loss(denoised, other[:, middle], counted)
    consistent = loss(denoised - gap[:, None], other[:, middle], counted)
    return fit + _CONSISTENCY * consistent


def _cells(frames: Tensor) -> Tensor:
    """(n, t, y, x) as (n, t, 4, y // 2, x // 2): the four pixels of every 2 x 2."""
    n, t, height, width = frames.shape
    height, width = height // 2 * 2, width // 2 * 2
    split = frames[..., :height, :width].reshape(n, t, height // 2, 2, width // 2, 2)
    return split.permute(0, 1, 3, 5, 2, 4).reshape(n, t, 4, height // 2, width // 2)


def _taken(cells: Tensor, which: Tensor) -> Tensor:
    """(n, t, y, x) the pixel `which` (n, y, x) of every cell, the same in all frames of a window."""
    index = which[:, None, None].expand(-1, cells.shape[1], 1, -1, -1)
    return cells.gather(2, index)[:, :, 0]
