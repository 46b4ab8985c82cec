"""What every image says of which atoms were there when it was taken."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.tomography.atom_overlaps import TABLE_STEP, overlap_table, products_with_atoms, summed_overlaps
from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.pose_refinement import Placed
from atomotion.tomography.response import Response

_BATCH_BYTES = 96 * 2**20
_TABLES_BYTES = 512 * 2**20
_SMOOTH = 5  # blocks over which the strength of the core is averaged, to each side
_ATOM = 0.3  # less than this of an atom does not count in the fit of an image
_WEAKEST, _STRONGEST = 0.3, 1.5


@dataclass(frozen=True, kw_only=True, slots=True)
class OccupancyEvidence:
    r"""The log-likelihood of the images as a function of how much of an atom there is at every site.

    Given the poses it is exactly ``log L_t(o) = b_t·o - ½ o^T G_t o`` in the occupancies o, with
    ``b_t,i = Re <d_t, f_t,i>`` and ``G_t,ij = Re <f_t,i, f_t,j>`` for the coefficients d of image t and the prediction
    f of one atom at site i. Images that are not used have zeros.

    Parameters
    ----------
    places : (s, 3) float, x y z [Å]
        The sites.
    rotations, shifts : (n, 3, 3), (n, 2) float [Å]
        The pose of every image.
    b_factor : float [Å²]
    table : (r,) float
        See `overlap_table`.
    products : (n, s) float
        b of every image.
    totals : (blocks + 1, s, s) float
        Sums of G over all images before each edge.
    edges : (blocks + 1,) int
        The first image of each block, and the number of images.
    weights : (n,) float
        0 for images that are not used.
    strength : (n,) float
        By which one atom was multiplied in every image, in units of the response.
    """

    places: NDArray[np.float64]
    rotations: NDArray[np.float64]
    shifts: NDArray[np.float64]
    b_factor: float
    table: NDArray[np.float64]
    products: NDArray[np.float32]
    totals: NDArray[np.float32]
    edges: NDArray[np.intp]
    weights: NDArray[np.float64]
    strength: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.products)

    @property
    def sites(self) -> int:
        """Number of sites."""
        return int(self.products.shape[1])

    def between(self, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of b (s,) and G (s, s) over images start to stop - 1; G evenly within a block."""
        total = self.products[start:stop].sum(axis=0, dtype=float)
        return total, self._until(stop) - self._until(start)

    def energies(
        self, start: int, stop: int, left: NDArray[np.float64], right: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(stop - start,) ``l^T G_t r`` of every image, exactly, for two vectors over the sites."""
        rows, columns = np.flatnonzero(left), np.flatnonzero(right)
        result = np.zeros(stop - start)
        size = max(1, _BATCH_BYTES // (48 * max(1, len(rows) * len(columns))))
        for first in range(start, stop, size):
            part = slice(first, min(first + size, stop))
            x, y = np.moveaxis(np.einsum("bij,nj->bin", self.rotations[part, :2], self.places), 1, 0)
            apart = np.hypot(x[:, rows, None] - x[:, None, columns], y[:, rows, None] - y[:, None, columns])
            overlaps = np.interp(apart / TABLE_STEP, np.arange(len(self.table)), self.table)
            products = np.einsum("i,bij,j->b", left[rows], overlaps, right[columns], optimize=True)
            result[part.start - start : part.stop - start] = products
        return result * self.weights[start:stop] * self.strength[start:stop] ** 2

    def fit(self, start: int, stop: int, occupancies: NDArray[np.float64]) -> NDArray[np.float64]:
        """(stop - start,) ``b·o / √(o^T G o)`` of images start to stop - 1: their fit to these atoms in sigmas."""
        chosen = np.where(occupancies > _ATOM, occupancies, 0.0)
        energy = self.energies(start, stop, chosen, chosen)
        return np.asarray(self.products[start:stop] @ chosen / np.sqrt(np.maximum(energy, 1e-9)))

    def _until(self, image: int) -> NDArray[np.float64]:
        block = int(np.clip(np.searchsorted(self.edges, image, side="right") - 1, 0, len(self.edges) - 2))
        part = (image - self.edges[block]) / (self.edges[block + 1] - self.edges[block])
        first, last = self.totals[block].astype(float), self.totals[block + 1].astype(float)
        return np.asarray(first + part * (last - first))


@dataclass(frozen=True, kw_only=True, slots=True)
class Occupancies:
    """How much of an atom there is at every site in a stretch of images.

    Parameters
    ----------
    values : (s,) float
    covariance : (s, s) float
        From noise alone.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]


def occupancy_evidence(
    coefficients: Coefficients,
    response: Response,
    sites: NDArray[np.float64],
    placed: Placed,
    *,
    b_factor: float,
    weights: Tensor,
    block: int = 5,
    on_step: Callable[[int, int], None] | None = None,
) -> OccupancyEvidence:
    """The evidence of images at known poses, for atoms of strength 1.

    Parameters
    ----------
    coefficients, response, placed
        Of the same images.
    sites : (s, 3) float, x y z [Å]
    b_factor : float [Å²]
    weights : (n,) float
        0 for images that are not to be used.
    block : int
        Images whose G is kept together; longer where memory asks for it.
    on_step : callable, optional
        Called with (images done, all).
    """
    device = response.plane.device
    points = torch.from_numpy(np.array(sites, dtype=np.float32)).to(device)
    count, n = len(points), len(placed)
    block = max(block, int(np.ceil(n * 4 * count**2 / _TABLES_BYTES)))
    edges = np.unique(np.concatenate([np.arange(0, n, block), [n]])).astype(np.intp)
    table = overlap_table(response, b_factor, points)
    atom = response.atom(b_factor)
    products = torch.zeros((n, count), device=device)
    totals = np.zeros((len(edges), count, count), dtype=np.float32)
    size = max(1, _BATCH_BYTES // (24 * max(count**2, count * (3 * response.plane.reach + 2))))
    for number, (start, stop) in enumerate(pairwise(edges)):
        energy = torch.zeros((count, count), device=device)
        for first in range(int(start), int(stop), size):
            part = slice(first, min(first + size, int(stop)))
            turns, moves, weight = placed.rotations[part], placed.shifts[part], weights[part]
            values = coefficients.values[part] * atom
            products[part] = weight[:, None] * products_with_atoms(values, response, points, turns, moves)
            energy += summed_overlaps(table[None], points, turns, weight)[0]
        totals[number + 1] = totals[number] + energy.cpu().numpy()
        if on_step is not None:
            on_step(int(stop), n)
    return OccupancyEvidence(
        places=np.asarray(sites, dtype=float),
        rotations=placed.rotations.double().cpu().numpy(),
        shifts=placed.shifts.double().cpu().numpy(),
        b_factor=b_factor,
        table=table.double().cpu().numpy(),
        products=products.cpu().numpy(),
        totals=totals,
        edges=edges,
        weights=weights.double().cpu().numpy(),
        strength=np.ones(n),
    )


def at_strength_of(
    evidence: OccupancyEvidence, core: NDArray[np.bool_], *, occupancies: NDArray[np.float64] | None = None
) -> OccupancyEvidence:
    """The evidence in units of what the core of the particle shows in the images around.

    Poses that are less right in some images, blur and focus weaken all atoms together; atoms that leave do not weaken
    the core. In each block, averaged with five to each side, the strength is the one at which the core fits best next
    to all sites at their mean occupancies.

    Parameters
    ----------
    evidence : OccupancyEvidence
        Of strength 1.
    core : (s,) bool
    occupancies : (s,) float or None
        Of all sites, in units of the core's; None fits them to all images.
    """
    products, energies = _by_block(evidence)
    if occupancies is None:
        mean = fitted(evidence, 0, len(evidence)).values
        occupancies = mean / max(float(np.median(mean[core])), 1e-6)
    inside = np.where(core, occupancies, 0.0)
    gained, power = products @ inside, (energies @ occupancies.astype(np.float32)) @ inside
    kernel = np.ones(2 * _SMOOTH + 1)
    strength = np.convolve(gained, kernel, "same") / np.maximum(np.convolve(power, kernel, "same"), 1e-9)
    typical = float(np.median(strength))
    strength = strength.clip(_WEAKEST * typical, _STRONGEST * typical)
    lengths = np.diff(evidence.edges)
    per_image = np.repeat(strength, lengths)
    energies *= (strength**2).astype(np.float32)[:, None, None]
    return replace(
        evidence,
        products=(evidence.products * per_image[:, None]).astype(np.float32),
        totals=np.concatenate([np.zeros_like(energies[:1]), np.cumsum(energies, axis=0)]),
        strength=per_image,
    )


def _by_block(evidence: OccupancyEvidence) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The b (blocks, s) and G (blocks, s, s) of each block."""
    total = np.add.reduceat(evidence.products.astype(float), evidence.edges[:-1], axis=0)
    return total, np.diff(evidence.totals, axis=0)


def fitted(evidence: OccupancyEvidence, start: int, stop: int, *, loose: float = 2.0) -> Occupancies:
    """The occupancies that images start to stop - 1 say.

    Parameters
    ----------
    evidence : OccupancyEvidence
    start, stop : int
    loose : float
        Standard deviation of an occupancy without any image; the mean is then ½.
    """
    total, energy = evidence.between(start, stop)
    prior = 1.0 / loose**2
    covariance = np.asarray(np.linalg.inv(energy + prior * np.eye(len(total))), dtype=np.float64)
    return Occupancies(values=covariance @ (total + 0.5 * prior), covariance=covariance)


def log_ratio(
    evidence: OccupancyEvidence, start: int, stop: int, left: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(stop - start,) log-likelihood of each image with the occupancies `left` (s,), less that with `right`."""
    change, mean = left - right, 0.5 * (left + right)
    changed = np.flatnonzero(change)
    gained = evidence.products[start:stop][:, changed] @ change[changed]
    paid = evidence.energies(start, stop, change, mean)
    return np.asarray(gained - paid, dtype=float)


def dispersion(evidence: OccupancyEvidence, segments: list[tuple[int, int]], *, length: int = 25) -> float:
    """By how much the scores of the sites vary more than noise makes them, as a ratio of variances; at least 1.

    Poses that are not quite right are wrong alike in neighbouring images, so that the scores ``b - G o`` are summed
    over `length` images. The median over all sites keeps out those that change.
    """
    seen, expected = np.zeros(evidence.sites), np.zeros(evidence.sites)
    for start, stop in segments:
        values = fitted(evidence, start, stop).values
        cuts = np.arange(start, stop + 1, length)
        for a, b in pairwise(cuts):
            total, energy = evidence.between(int(a), int(b))
            seen += (total - energy @ values) ** 2
            expected += np.diag(energy)
    ratio = seen / np.maximum(expected, 1e-9)
    return max(1.0, float(np.median(ratio[expected > 0]))) if (expected > 0).any() else 1.0
