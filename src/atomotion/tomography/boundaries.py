"""Where windows begin and end: where atoms come or go, by the images themselves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from atomotion.tomography.boundaries_config import BoundariesConfig
from atomotion.tomography.occupancy_evidence import OccupancyEvidence, dispersion, fitted, log_ratio

_RARE = 0.05  # of the sites change at a boundary, before the images have been asked
_FEWEST = 3  # atoms
_GRID = 10  # images between the places at which a split is tried
_GUARD = 0.25  # of a segment: what may lie on the wrong side of a boundary that has not been moved yet
_ROUNDS = 8
_SURE = 3.0  # nats: a boundary stays where it is unless it gains more
_COUNTS = 0.5  # of an atom


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What changes between two neighbouring segments.

    Parameters
    ----------
    at : int
        First image of the second.
    left, right : (s,) float
        Occupancies of all sites in both; the same where nothing changes.
    changed : (s,) bool
    gain : float [nats]
        What occupancies of their own on both sides gain, over the dispersion.
    price : float [nats]
        What they have to gain.
    """

    at: int
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    changed: NDArray[np.bool_]
    gain: float
    price: float

    @property
    def net(self) -> float:
        """Gain less price [nats]."""
        return self.gain - self.price

    @property
    def lost(self) -> int:
        """Sites that are weaker afterwards."""
        return int((self.changed & (self.right < self.left)).sum())

    @property
    def gained(self) -> int:
        """Sites that are stronger afterwards."""
        return int((self.changed & (self.right > self.left)).sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class Segmentation:
    """Segments in which the atoms stay the same.

    Parameters
    ----------
    edges : tuple of int
        Where segments begin, and where the last ends.
    changes : tuple of Change
        One for each inner edge.
    dispersion : float
        See `occupancy_evidence.dispersion`.
    """

    edges: tuple[int, ...]
    changes: tuple[Change, ...]
    dispersion: float


def change_at(
    evidence: OccupancyEvidence,
    start: int,
    at: int,
    stop: int,
    config: BoundariesConfig,
    *,
    spread: float = 1.0,
    guard: float = 0.0,
) -> Change:
    r"""What changes at image `at`, from the images on both sides of it.

    With the occupancies of each side by themselves and their covariances, ``δ = o_R - o_L`` has the covariance
    ``C = C_L + C_R``. A site has changed where |δ| exceeds ``config.strength_change`` and ``½ δ² / (φ C_ii)`` its price
    ``½ ln n - ln 0.05`` for n images. All changed sites S together gain ``½ δ_S^T (C_SS)^{-1} δ_S / φ``, and pay their
    prices and ``ln n`` for the boundary.

    Parameters
    ----------
    evidence : OccupancyEvidence
    start, at, stop : int
    config : BoundariesConfig
    spread : float
        φ, the dispersion.
    guard : float
        Part of each side, next to the boundary, that is left out.
    """
    before = fitted(evidence, start, at - int(guard * (at - start)))
    after = fitted(evidence, at + int(guard * (stop - at)), stop)
    delta, covariance = after.values - before.values, spread * (before.covariance + after.covariance)
    each = 0.5 * np.log(stop - start) - np.log(_RARE)
    alone = 0.5 * delta**2 / np.diag(covariance)
    changed = (np.abs(delta) > config.strength_change) & (alone > each)
    chosen = np.flatnonzero(changed)
    gain = 0.0
    if len(chosen):
        gain = 0.5 * float(delta[chosen] @ np.linalg.solve(covariance[np.ix_(chosen, chosen)], delta[chosen]))
    precision = 1.0 / np.diag(before.covariance), 1.0 / np.diag(after.covariance)
    common = (precision[0] * before.values + precision[1] * after.values) / (precision[0] + precision[1])
    return Change(
        at=at,
        left=np.where(changed, before.values, common),
        right=np.where(changed, after.values, common),
        changed=changed,
        gain=gain,
        price=each * len(chosen) + np.log(stop - start),
    )


def matters(change: Change, config: BoundariesConfig) -> bool:
    """Whether a change is worth its price and touches enough atoms."""
    atoms = max(float((change.left > _COUNTS).sum()), float((change.right > _COUNTS).sum()))
    touched = max(change.lost, change.gained)
    return change.net > 0.0 and touched >= max(_FEWEST, config.smallest_change * atoms)


def segmented(
    evidence: OccupancyEvidence,
    edges: Sequence[int],
    config: BoundariesConfig,
    *,
    is_real: Callable[[Change, int, int], bool] | None = None,
) -> Segmentation:
    """The segments of a series, from a first guess of them.

    In turns, every inner edge goes to where the sum of the log-likelihood ratios of both sides is largest; the worst
    one that does not matter (`matters`) is taken away; and the segment that gains most is cut in two. A change that was
    taken back by the next turn is not made again.

    Parameters
    ----------
    evidence : OccupancyEvidence
        At the strength of the core.
    edges : sequence of int
        First guess: where segments begin, and where the last ends.
    config : BoundariesConfig
    is_real : callable, optional
        Asked of every change that is worth its price, with the ends of the segments beside it, whether it is one.
    """
    search = _Search(evidence, config, is_real)
    found = list(edges)
    seen: set[tuple[int, ...]] = set()
    for turn in range(_ROUNDS):
        search.spread = dispersion(evidence, list(pairwise(found)))
        found = search.moved(found, guard=_GUARD if turn == 0 else 0.0)
        found = search.split(search.merged(found))
        if tuple(found) in seen:
            break
        seen.add(tuple(found))
    return Segmentation(
        edges=tuple(found),
        changes=tuple(search.change(a, at, b) for a, at, b in _triples(found)),
        dispersion=search.spread,
    )


def _triples(edges: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    return zip(edges[:-2], edges[1:-1], edges[2:], strict=True)


class _Search:
    def __init__(
        self,
        evidence: OccupancyEvidence,
        config: BoundariesConfig,
        is_real: Callable[[Change, int, int], bool] | None,
    ) -> None:
        self.evidence, self.config, self.spread = evidence, config, 1.0
        self._is_real = is_real
        self._judged: dict[tuple[int, int, int], bool] = {}

    def change(self, start: int, at: int, stop: int, *, guard: float = 0.0) -> Change:
        return change_at(self.evidence, start, at, stop, self.config, spread=self.spread, guard=guard)

    def moved(self, edges: list[int], *, guard: float) -> list[int]:
        """The edges with every inner one where the images want it."""
        found = list(edges)
        if not self.config.move:
            return found
        for inner in range(1, len(found) - 1):
            start, at, stop = found[inner - 1 : inner + 2]
            found[inner] = self._best(start, at, stop, guard)
        return found

    def _best(self, start: int, at: int, stop: int, guard: float) -> int:
        first, last = start + self.config.min_frames, stop - self.config.min_frames
        if first >= last:
            return at
        tried = {at}
        for _ in range(_ROUNDS):
            change = self.change(start, at, stop, guard=guard)
            if not matters(change, self.config):
                return at
            ratio = np.concatenate([[0.0], np.cumsum(log_ratio(self.evidence, start, stop, change.left, change.right))])
            best = first + int(np.argmax(ratio[first - start : last - start + 1]))
            if ratio[best - start] < ratio[at - start] + _SURE * self.spread:
                return at
            at, guard = best, 0.0
            if at in tried:
                return at
            tried.add(at)
        return at

    def merged(self, edges: list[int]) -> list[int]:
        """The edges without those at which nothing changes that matters, the least first."""
        found = list(edges)
        longest = self.config.max_frames
        while self.config.merge:
            idle = [
                (change.net, at)
                for start, at, stop in _triples(found)
                if (longest is None or stop - start <= longest)
                and not (matters(change := self.change(start, at, stop), self.config) and self._real(start, at, stop))
            ]
            if not idle:
                break
            found.remove(min(idle)[1])
        return found

    def split(self, edges: list[int]) -> list[int]:
        """The edges with a new one in every segment in which something changes that matters."""
        if not self.config.split:
            return edges
        found = list(edges)
        for start, stop in pairwise(edges):
            least = self.config.min_frames
            places = range(start + least, stop - least + 1, _GRID)
            tried = [change for at in places if matters(change := self.change(start, at, stop), self.config)]
            if tried:
                at = self._best(start, max(tried, key=lambda change: change.net).at, stop, 0.0)
                if self._real(start, at, stop):
                    found.append(at)
        return sorted(found)

    def _real(self, start: int, at: int, stop: int) -> bool:
        where = (start, at, stop)
        if where not in self._judged:
            self._judged[where] = self._is_real is None or self._is_real(self.change(*where), start, stop)
        return self._judged[where]


def renamed(segmentation: Segmentation, offset: int) -> Segmentation:
    """The same in the numbers of a series of which it began at image `offset`."""
    return replace(
        segmentation,
        edges=tuple(each + offset for each in segmentation.edges),
        changes=tuple(replace(each, at=each.at + offset) for each in segmentation.changes),
    )
