"""Orientations of images in order of time with nothing known of the particle: each from those before it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from atomotion.tomography.coefficients import Coefficients
from atomotion.tomography.forward import turned_by
from atomotion.tomography.frequency_map import FrequencyMap
from atomotion.tomography.shifts import shift_grid
from atomotion.tomography.time_model import TimeModel

# part of the log-likelihood that counts: neighbouring coefficients err together where the map is wrong
_TEMPER = 0.3
_BRANCHES, _MOST_BRANCHES = 3, 9  # ways that are tried of each part of the path, and where none goes well
_PART = 16  # images
_LOOK_BACK = 24  # images that are placed again after each part
_SWEEPS = 2
_ROUNDS = 3
_RUN, _SMOOTH = 40, 20  # images: the least that is kept, and over how many the gain is averaged
_EXPECTED = 0.5  # of the mean gain of the images before: below, more ways are tried
_CONTRADICTED = -5.0  # gain below which an image is left out of the map
_REACH, _NEAR = 4.5, 2.5  # standard deviations of a step; spacings of orientations
_FARTHEST = 30.0  # deg
_JUMP = 14.0  # at most so much is a step's surprise
_STEP, _FINE = 0.35, 0.15  # Å, of displacements


@dataclass(frozen=True, kw_only=True, slots=True)
class GrownPath:
    """Poses of all images from themselves alone.

    Parameters
    ----------
    rotations : (n, 3, 3) float
    shifts : (n, 2) float [Å]
    evidence : float
        Mean log-likelihood of an image given all others, tempered; higher is better, for the same images.
    """

    rotations: Tensor
    shifts: Tensor
    evidence: float


def grown_path(
    coefficients: Coefficients,
    amplitude: Tensor,
    time: TimeModel,
    *,
    centre_error: float,
    first: int,
    generator: torch.Generator,
) -> GrownPath:
    """Poses of images that follow each other in time, from image `first` on, to the end and then to the beginning.

    Two images that differ by a small rotation hold the same coefficients near the line in which their planes meet.
    Image after image is placed where the map of those before predicts it best, near its neighbour in time, at random
    among what the likelihood leaves. Of every part of the path several ways are tried, and the most likely one goes on.
    Images are placed again, against the map of all others, as the path grows. An image that the map contradicts, so
    that it would be likelier without any map, is left out of it. Where the path lost its way, the longest run of images
    that it does not contradict is kept alone, and the path grown again from there.

    Parameters
    ----------
    coefficients : Coefficients
    amplitude : (m,) float
        See `FrequencyMap`.
    time : TimeModel
        Of images in order.
    centre_error : float [Å]
    first : int
    generator : torch.Generator

    References
    ----------
    Placing an observer on a map that is made at the same time: Montemerlo et al., *Proc. AAAI*, 593 (2002).
    """
    path = _Path(coefficients, amplitude, time, centre_error, generator)
    everything = range(len(coefficients))
    best = _grown(path, range(first, first + 1))
    for _ in range(_ROUNDS):
        run = best.best_run()
        if len(run) == len(everything):
            break
        path = _grown(best, run)
        if path.evidence(everything) > best.evidence(everything):
            best = path
    return GrownPath(rotations=best.rotations, shifts=best.shifts, evidence=best.evidence(everything))


def _grown(path: "_Path", begin: range) -> "_Path":
    """Grown to all images from what a path has of some neighbours only."""
    path = path.copy()
    n = path.keep(begin)
    for order in (range(begin[-1] + 1, n), range(begin[0] - 1, -1, -1)):
        for start in range(0, len(order), _PART):
            part = order[start : start + _PART]
            expected = _EXPECTED * path.gain(path.placed())
            branches: list[_Path] = []
            while len(branches) < _BRANCHES or (
                len(branches) < _MOST_BRANCHES and max(each.gain(part) for each in branches) < expected
            ):
                branches.append(path.copy())
                branches[-1].extend(part)
            path = max(branches, key=lambda each: each.evidence(each.recent(part)))
    for _ in range(_SWEEPS):
        path.again(range(n))
    return path


class _Path:
    """The images that were placed so far, and their map."""

    def __init__(
        self,
        coefficients: Coefficients,
        amplitude: Tensor,
        time: TimeModel,
        centre_error: float,
        generator: torch.Generator,
    ) -> None:
        assert time.step_deg is not None
        n, device = len(coefficients), coefficients.plane.device
        self._values = coefficients.values / math.sqrt(coefficients.filled)
        self._weight = _TEMPER * coefficients.filled
        self._time, self._step, self._generator = time, time.step_deg, generator
        self._spread = math.sqrt(2.0) * centre_error
        # the rim of the particle moves by half of the shortest period
        spacing = math.degrees(0.5 / (float(coefficients.plane.k.max()) * coefficients.radius))
        reach = min(max(_REACH * self._step, 2.0 * spacing), _FARTHEST)
        self._wide = rotation_grid(reach, spacing, device=device)
        self._near = rotation_grid(_NEAR * spacing, spacing, device=device)
        self._fine = [rotation_grid(1.2 * spacing, 0.5 * spacing, device=device)]
        self._fine.append(rotation_grid(0.6 * spacing, 0.25 * spacing, device=device))
        self._shifts = shift_grid(2.3 * centre_error, _STEP, device=device)
        self._fine_shifts = shift_grid(2.0 * _FINE, _FINE, device=device)
        self._plane, self._amplitude = coefficients.plane, amplitude
        self._map = FrequencyMap(coefficients.plane, amplitude)
        self.rotations = torch.eye(3, device=device).repeat(n, 1, 1)
        self.shifts = torch.zeros((n, 2), device=device)
        self._placed, self._in_map = torch.zeros((2, n), dtype=torch.bool)
        # the likelihood with the map of all others, and without any
        power = 0.5 * self._values.abs().square() / (1.0 + amplitude.square()) + torch.log1p(amplitude.square())
        self._alone = -self._weight * power.sum(dim=1).cpu()
        self._fit = self._alone.clone()

    def copy(self) -> "_Path":
        other = object.__new__(_Path)
        other.__dict__.update(self.__dict__)
        other._map = self._map.copy()
        for name in ("rotations", "shifts", "_placed", "_in_map", "_fit"):
            setattr(other, name, getattr(self, name).clone())
        return other

    def evidence(self, images: range) -> float:
        return float(self._fit[list(images)].mean())

    def placed(self) -> list[int]:
        return torch.nonzero(self._placed).flatten().tolist()

    def gain(self, images: Sequence[int]) -> float:
        """Mean log-likelihood with the map above that without any."""
        chosen = list(images)
        return float((self._fit - self._alone)[chosen].mean())

    def recent(self, part: range) -> range:
        """The images of a part and those placed shortly before."""
        low, high = min(part[0], part[-1]), max(part[0], part[-1])
        low, high = (low - _LOOK_BACK, high) if part.step > 0 else (low, high + _LOOK_BACK)
        low, high = max(low, 0), min(high, len(self._values) - 1)
        while not self._placed[low]:
            low += 1
        while not self._placed[high]:
            high -= 1
        return range(low, high + 1)

    def keep(self, images: range) -> int:
        """Leave out all others; how many there are with them."""
        chosen = list(images)
        self._map = FrequencyMap(self._plane, self._amplitude)
        self._map.add(self._values[chosen], self.rotations[chosen], self.shifts[chosen])
        for state in (self._placed, self._in_map):
            state[:] = False
            state[chosen] = True
        for _ in range(_SWEEPS):
            self.again(images)
        return len(self._values)

    def best_run(self) -> range:
        """The longest run of images that the map does not contradict, averaged over neighbours."""
        gain = self._fit - self._alone
        width = min(_SMOOTH, len(gain))
        smooth = gain.unfold(0, width, 1).mean(dim=1)
        well = (smooth > 0.0).tolist()
        best = range(int(smooth.argmax()), int(smooth.argmax()) + width)
        start = None
        for place, each in enumerate([*well, False]):
            if each and start is None:
                start = place
            elif not each and start is not None:
                best = max(best, range(start, place + width - 1), key=len)
                start = None
        missing = max(0, min(_RUN, len(gain)) - len(best))
        first = max(0, min(best[0] - missing // 2, len(gain) - len(best) - missing))
        return range(first, first + len(best) + missing)

    def put(self, image: int) -> None:
        """Into the map, unless that contradicts it."""
        self._placed[image] = True
        if self._fit[image] - self._alone[image] > _CONTRADICTED:
            self._add(image, 1.0)

    def _add(self, image: int, weight: float) -> None:
        only = slice(image, image + 1)
        self._map.add(self._values[only], self.rotations[only], self.shifts[only], weight)
        self._in_map[image] = weight > 0.0

    def extend(self, part: range) -> None:
        """Place a part of the images one by one, then again with those shortly before."""
        for image in part:
            self._search(image, turned_about(self._wide, self.rotations[image - part.step]), sample=True)
            self.put(image)
        self.again(self.recent(part))

    def again(self, images: range) -> None:
        """Place images anew against the map of all others."""
        for image in images if len(images) > 1 else ():
            if self._in_map[image]:
                self._add(image, -1.0)
            near = [image, *self._neighbours(image)]
            self._search(image, torch.cat([turned_about(self._near, self.rotations[each]) for each in near]))
            self.put(image)

    def _neighbours(self, image: int) -> list[int]:
        return [i for i in (image - 1, image + 1) if 0 <= i < len(self._values) and self._placed[i]]

    def _search(self, image: int, candidates: Tensor, *, sample: bool = False) -> None:
        """The best pose about these orientations, or one at random by its probability; then finer about it."""
        fit = self._posterior(image, candidates, self._shifts)
        if sample:
            probability = torch.softmax(fit.flatten(), dim=0).cpu()
            pick = int(torch.multinomial(probability, 1, generator=self._generator))
        else:
            pick = int(fit.argmax())
        rotation, shift = candidates[pick // len(self._shifts)], self._shifts[pick % len(self._shifts)]
        shifts = shift + self._fine_shifts
        for grid in self._fine:
            candidates = turned_about(grid, rotation)
            fit = self._posterior(image, candidates, shifts)
            pick = int(fit.argmax())
            rotation, shift = candidates[pick // len(shifts)], shifts[pick % len(shifts)]
        self.rotations[image], self.shifts[image], self._fit[image] = rotation, shift, fit.max()

    def _posterior(self, image: int, rotations: Tensor, shifts: Tensor) -> Tensor:
        """(c, s) logarithm, but for a constant, with the steps from and to the neighbours in time."""
        fit = self._weight * self._map.log_likelihood(self._values[image], rotations, shifts)
        for other in self._neighbours(image):
            gap = float(self._time.gaps[min(image, other)])
            trace = torch.einsum("cij,ij->c", rotations, self.rotations[other])
            angle = torch.rad2deg(torch.arccos((0.5 * (trace - 1.0)).clamp(-1.0, 1.0)))
            fit = fit - (angle.square() / (2.0 * self._step**2 * gap)).clamp(max=_JUMP)[:, None]
        return fit - shifts.square().sum(1) / (2.0 * self._spread**2)


def rotation_grid(reach_deg: float, spacing_deg: float, *, device: torch.device | str = "cpu") -> Tensor:
    """(g, 3) rotation vectors [rad] up to an angle, on a body-centred lattice of this spacing; the first is zero.

    The lattice has one point per `spacing_deg`³.
    """
    edge = 2.0 ** (1.0 / 3.0) * spacing_deg
    count = int(reach_deg / edge) + 1
    axis = torch.arange(-count, count + 1, device=device, dtype=torch.float32)
    corners = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(-1, 3)
    points = torch.cat([corners, corners + 0.5]) * edge
    length = points.norm(dim=1)
    order = torch.argsort(length, stable=True)
    return torch.deg2rad(points[order][length[order] <= reach_deg])


def turned_about(grid: Tensor, rotation: Tensor) -> Tensor:
    """(g, 3, 3) the rotation (3, 3) turned further by each vector of a grid."""
    return turned_by(grid, rotation.expand(len(grid), 3, 3))
