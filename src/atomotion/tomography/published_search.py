"""The published search: the best of a fixed set of directions, by its neighbourhood, with rotations and shifts."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from atomotion.tomography.half_plane import HalfPlane
from atomotion.tomography.polar import PolarGrid
from atomotion.tomography.published_directions import Directions
from atomotion.tomography.shifts import best_shifts

_PEAKS = 3
_FINALISTS = 10
_NEWTON_STEPS = 4
_FLOATS = 24_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Where every image was put.

    Parameters
    ----------
    directions : (n,) int
    steps : (n,) int
        Rotation in the plane, in steps of the grid's angle.
    shifts : (n, 2) float, dx dy [Å]
    scores : (n,) float
        Correlation coefficient with the reference.
    """

    directions: Tensor
    steps: Tensor
    shifts: Tensor
    scores: Tensor

    def rotations(self, directions: Directions, grid: PolarGrid) -> Tensor:
        """(n, 3, 3) rotations: the direction onto the beam, then the rotation in the plane."""
        angle = self.steps * grid.turn
        cosine, sine = torch.cos(angle), torch.sin(angle)
        turn = torch.zeros((len(angle), 3, 3), device=angle.device)
        turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = cosine, -sine, sine, cosine
        turn[:, 2, 2] = 1.0
        return turn @ directions.rotations[self.directions]


def normalised(values: Tensor) -> Tensor:
    """(b, m) values with rows of the norm 1."""
    return values / values.norm(dim=1, keepdim=True).clamp(min=1e-20)


def search(
    images: Tensor,
    references: Tensor,
    grid: PolarGrid,
    directions: Directions,
    *,
    before: Choice | None,
    shifts: Tensor,
    first: Tensor | None = None,
) -> Choice:
    """The best direction, rotation in the plane and shift of every image, found step by step.

    1. The shift at the orientation of before; `first` where there is none.
    2. At this shift the coarse directions, in all rotations; the three best and the one of before are kept.
    3. All directions in the neighbourhoods of these, in all rotations; the ten best are kept.
    4. The shift of each of the ten, its rotation again, and the shift once more; the best one wins.

    The score is the correlation coefficient over circles that all count alike.

    Parameters
    ----------
    images : (n, m) complex
        On the grid, of the norm 1.
    references : (d, m) complex
        Projections along the directions, of the norm 1.
    grid : PolarGrid
    directions : Directions
    before : Choice or None
    shifts : (s, 2) float [Å]
        Displacements that are tried; the best one is refined.
    first : (n, 2) float [Å] or None
        Zero if not given.

    References
    ----------
    Reboul et al., Protein Sci. 27, 51 (2018); the order of steps is that of the published program, which refines
    shifts by quasi-Newton steps only and keeps no table of them.
    """
    spectra = grid.spectra(references)
    limit = shifts.abs().amax()
    size = max(1, _FLOATS // (len(directions.coarse) * grid.angles))
    found: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for part in torch.split(torch.arange(len(images), device=images.device), size):
        block = images[part]
        if before is None:
            moved, kept = torch.zeros((len(block), 2), device=images.device) if first is None else first[part], None
        else:
            kept = before.directions[part]
            models = grid.turned(references[kept], before.steps[part])
            moved = refined_shifts(grid.plane, block, models, before.shifts[part], float(limit))
        centred = block * grid.plane.phases(-moved)
        best = _finalists(grid.spectra(centred), spectra, grid, directions, kept)
        found.append(_settled(block, references, spectra, grid, best, shifts, float(limit)))
    chosen, steps, moved, scores = (torch.cat(each) for each in zip(*found))
    return Choice(directions=chosen, steps=steps, shifts=moved, scores=scores)


def searched_shifts(
    images: Tensor, references: Tensor, grid: PolarGrid, directions: Directions, shifts: Tensor
) -> Tensor:
    """(n, 2) the shift [Å] of each image at which any coarse direction fits best; parameters as in `search`."""
    coarse = _by_order(grid.spectra(references[directions.coarse]))
    size = max(1, _FLOATS // (len(directions.coarse) * grid.angles))
    parts = []
    for block in torch.split(images, size):
        scores = [
            _with_all(grid.spectra(block * grid.plane.phases(-shift[None])), coarse, grid).amax(dim=(1, 2))
            for shift in shifts
        ]
        parts.append(shifts[torch.stack(scores).argmax(dim=0)])
    return torch.cat(parts)


def _by_order(spectra: Tensor) -> Tensor:
    """(orders, circles, d) conjugate spectra of references, as `_with_all` takes them."""
    return spectra.permute(2, 1, 0).conj().resolve_conj().contiguous()


def _with_all(images: Tensor, by_order: Tensor, grid: PolarGrid) -> Tensor:
    """(b, d, angles) correlations of the spectra of images with all references in all rotations."""
    return grid.correlations(torch.matmul(images.permute(2, 0, 1), by_order).permute(1, 2, 0))


def _finalists(
    images: Tensor, references: Tensor, grid: PolarGrid, directions: Directions, kept: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The ten best directions (b, 10) and their rotations (b, 10) for the spectra of images at their shifts."""
    scores = _with_all(images, _by_order(references[directions.coarse]), grid).amax(dim=2)
    peaks = scores.topk(min(_PEAKS, scores.shape[1]), dim=1).indices
    centres = directions.coarse[peaks]
    if kept is not None:
        centres = torch.cat([centres, kept[:, None]], dim=1)
    score = torch.full((len(images), len(directions)), -torch.inf, device=images.device)
    steps = torch.zeros((len(images), len(directions)), dtype=torch.long, device=images.device)
    tried = directions.near[centres].flatten(1)
    size = max(1, _FLOATS // (tried.shape[1] * grid.angles * grid.circles))
    for start in range(0, len(images), size):
        rows = slice(start, start + size)
        given = torch.einsum("nkm,nckm->ncm", images[rows], references[tried[rows]].conj())
        value, at = grid.correlations(given).max(dim=2)
        score[rows].scatter_(1, tried[rows], value)
        steps[rows].scatter_(1, tried[rows], at)
    best = score.topk(min(_FINALISTS, len(directions)), dim=1).indices
    return best, steps.gather(1, best)


def _settled(
    images: Tensor,
    references: Tensor,
    spectra: Tensor,
    grid: PolarGrid,
    best: tuple[Tensor, Tensor],
    shifts: Tensor,
    limit: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Direction, rotation, shift and score of the best of the finalists after their shifts were found."""
    n, count = best[0].shape
    chosen, steps = (each.flatten() for each in best)
    repeated = images.repeat_interleave(count, 0)
    _, moved = best_shifts(grid.plane, repeated, grid.turned(references[chosen], steps), shifts)
    centred = grid.spectra(repeated * grid.plane.phases(-moved))
    steps = grid.correlations((centred * spectra[chosen].conj()).sum(dim=1)).argmax(dim=1)
    models = grid.turned(references[chosen], steps)
    moved = refined_shifts(grid.plane, repeated, models, moved, limit)
    score = (repeated * grid.plane.phases(-moved) * models.conj()).real.sum(dim=1).reshape(n, count)
    winner = score.argmax(dim=1) + count * torch.arange(n, device=images.device)
    return chosen[winner], steps[winner], moved[winner], score.flatten()[winner]


def refined_shifts(plane: HalfPlane, images: Tensor, models: Tensor, shifts: Tensor, limit: float) -> Tensor:
    """(b, 2) shifts [Å] of the highest correlation near the given ones, none larger than `limit` along an axis.

    Newton's method on ``c(s) = Re sum d conj(f) exp(2πi k·s)``, each step at most a tenth of the shortest period; of
    all places on the way the best is taken.
    """
    k = torch.stack([plane.kx, plane.ky], dim=1) * (2.0 * math.pi)
    squares = (k[:, :, None] * k[:, None, :]).flatten(1)
    mean_square = float(k.square().mean())
    longest = 0.1 / float(plane.k.max())
    product = images * models.conj()
    now, best = shifts, torch.full((len(images),), -torch.inf, device=images.device)
    result = shifts
    for step in range(_NEWTON_STEPS + 1):
        terms = product * plane.phases(-now)
        value = terms.real.sum(dim=1)
        better = value > best
        best, result = torch.where(better, value, best), torch.where(better[:, None], now, result)
        if step == _NEWTON_STEPS:
            break
        slope = -(terms.imag @ k)
        damping = (1e-3 * value.abs() + 1e-12) * mean_square
        bend = (terms.real @ squares).reshape(-1, 2, 2) + damping[:, None, None] * torch.eye(2, device=k.device)
        move = torch.linalg.solve(bend, slope[..., None])[..., 0]
        move = move * (longest / move.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1.0)
        now = (now + move).clamp(-limit, limit)
    return result
