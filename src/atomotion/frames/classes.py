"""Averages of frames that are neighbours in time, turned onto each other, and the frames that fit into none."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from atomotion.data import Frames
from atomotion.frames.config import ClassesConfig

_ANGLES = 120  # directions of the polar transform over the full turn
_LATTICE_END = 1.0  # shortest period that is compared [Å]
_CANDIDATES = 2  # rotations whose shift is searched


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameClasses:
    """Which class every frame belongs to.

    Parameters
    ----------
    label : (n,) int
        Number of the class; -1 for frames that were not used.
    likeness : (n,) float
        Correlation of a frame with its class's average without itself, in the compared band.
    rejected : (n,) bool
        Frames that fit their class much worse than frames do.
    averages : (c, y, x) float32
        One per class.
    """

    label: NDArray[np.intp]
    likeness: NDArray[np.float64]
    rejected: NDArray[np.bool_]
    averages: NDArray[np.float32]


def classify_frames(
    boxes: Frames,
    config: ClassesConfig,
    *,
    pixel_size: float,
    centres: NDArray[np.float64],
    radius: float,
    use: NDArray[np.bool_],
    on_step: Callable[[int, int], None] | None = None,
) -> FrameClasses:
    """Classes that are restrained in time.

    Classes begin as equal stretches of time. In every round each frame is compared with its own class and the nearest
    ones before and after that hold frames, in all rotations in the image plane and small shifts; it goes where it
    correlates best, and averages are made again. A frame's own part is taken out of the average it is compared with.

    Parameters
    ----------
    boxes : (n, y, x)
    config : ClassesConfig
    pixel_size : float [Å]
    centres : (n, 2) float, x y [px]
        Where the particle lies.
    radius : float [Å]
        Of the particle.
    use : (n,) bool

    References
    ----------
    The restraint in time is that of SIMPLE/SINGLE (``cluster2D_nano``); there frames are rejected by hand.
    """
    images = _prepared(boxes, config, pixel_size=pixel_size, centres=centres, radius=radius, use=use)
    good = np.flatnonzero(use)
    label = np.full(len(use), -1, dtype=np.intp)
    parts = max(1, round(len(good) / max(config.frames, 1)))
    label[good] = np.arange(len(good)) * parts // max(len(good), 1)
    poses, likeness = np.zeros((len(use), 3)), np.full(len(use), np.nan)
    reach = int(np.ceil(config.reach / pixel_size))
    comparison = _Comparison(images.shape[1:], pixel_size, config, reach)
    averages = _averages(images, label, poses, parts)
    steps = config.iterations * len(good)
    for turn in range(config.iterations):
        before = label.copy()
        members = np.bincount(before[good], minlength=parts)
        polar = [comparison.polar(average) for average in averages]
        for number, frame in enumerate(good):
            tried = []
            for each in _nearest(int(before[frame]), members):
                own = each == before[frame]
                if own and members[each] < 2:
                    continue
                reference, transform = averages[each], polar[each]
                if own:
                    share = 1.0 / members[each]
                    reference = (reference - share * _placed(images[frame], poses[frame])) / (1.0 - share)
                    transform = comparison.polar(reference)
                tried.append((*comparison.best(images[frame], reference, transform), each))
            if tried:
                score, angle, dx, dy, each = max(tried)
                label[frame], likeness[frame], poses[frame] = each, score, (angle, dx, dy)
            if on_step is not None:
                on_step(turn * len(good) + number + 1, steps)
        averages = _averages(images, label, poses, parts)
    return FrameClasses(
        label=label, likeness=likeness, rejected=_rejected(likeness, config.reject_below), averages=averages
    )


def _rejected(likeness: NDArray[np.float64], below: float) -> NDArray[np.bool_]:
    known = np.isfinite(likeness)
    if known.sum() < 10:
        return np.zeros(len(likeness), dtype=bool)
    middle = np.median(likeness[known])
    spread = 1.4826 * np.median(np.abs(likeness[known] - middle))
    return known & (np.nan_to_num(likeness, nan=0.0) < middle - below * spread) & (spread > 0)


def _nearest(own: int, members: NDArray[np.intp]) -> list[int]:
    filled = np.flatnonzero(members)
    before, after = filled[filled < own], filled[filled > own]
    return [own, *([int(before[-1])] if len(before) else []), *([int(after[0])] if len(after) else [])]


def _prepared(
    boxes: Frames,
    config: ClassesConfig,
    *,
    pixel_size: float,
    centres: NDArray[np.float64],
    radius: float,
    use: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """(n, s, s) particles: centred to a pixel, band-passed, inside a soft disc, of unit norm; zeros where not used."""
    ny, nx = int(boxes.shape[1]), int(boxes.shape[2])
    half = min(int(np.ceil((radius + 3.0) / pixel_size)), min(ny, nx) // 2 - 1)
    k = np.hypot(fft.fftfreq(ny, pixel_size)[:, None], fft.rfftfreq(nx, pixel_size)[None, :])
    band = 1.0 / (1.0 + np.exp(-(k - 1.0 / config.longest) / 0.01))
    band *= 1.0 / (1.0 + np.exp(np.minimum((k - min(1.0 / _LATTICE_END, 0.45 / pixel_size)) / 0.01, 80.0)))
    y, x = np.indices((2 * half + 1, 2 * half + 1)) - half
    disc = 1.0 / (1.0 + np.exp((np.hypot(x, y) * pixel_size - radius - 1.5) * 2.0))
    images = np.zeros((len(use), 2 * half + 1, 2 * half + 1), dtype=np.float32)
    for index in np.flatnonzero(use):
        filtered = fft.irfft2(fft.rfft2(np.asarray(boxes[int(index)], dtype=np.float32)) * band, s=(ny, nx))
        cx, cy = (int(np.clip(np.rint(c), half, n - half - 1)) for c, n in zip(centres[index], (nx, ny), strict=True))
        particle = filtered[cy - half : cy + half + 1, cx - half : cx + half + 1] * disc
        images[index] = particle / max(float(np.linalg.norm(particle)), 1e-12)
    return images


class _Comparison:
    """Best rotation and shift of one small image onto another, by their spectra."""

    def __init__(self, shape: tuple[int, ...], pixel_size: float, config: ClassesConfig, reach: int) -> None:
        self.reach, self.half = reach, shape[0] // 2
        size = fft.next_fast_len(2 * shape[0], real=True)
        self.size = size
        first, last = size * pixel_size / config.longest, size * pixel_size * min(1.0, 0.45 / pixel_size)
        radii = np.arange(first, last, 1.5)
        angle = np.arange(_ANGLES // 2) * (2.0 * np.pi / _ANGLES)
        self.rows = radii[:, None] * np.sin(angle)[None, :] % size
        self.columns = radii[:, None] * np.cos(angle)[None, :] % size
        self.weight = np.sqrt(radii)[:, None]

    def polar(self, image: NDArray[np.float32]) -> NDArray[np.complex128]:
        """Spectrum on rays, transformed over the angle; magnitudes, so that a shift does not matter."""
        power = np.abs(fft.fft2(image, s=(self.size, self.size)))
        rays = ndimage.map_coordinates(power, [self.rows, self.columns], order=1, mode="grid-wrap") * self.weight
        return np.asarray(fft.rfft(rays - rays.mean(axis=1, keepdims=True), axis=1))

    def best(
        self, image: NDArray[np.float32], reference: NDArray[np.float32], transform: NDArray[np.complex128]
    ) -> tuple[float, float, float, float]:
        """(correlation, angle [deg], dx, dy [px]) that lay `image` onto `reference`."""
        product = (transform * np.conj(self.polar(image))).sum(axis=0)
        turns = fft.irfft(product, n=_ANGLES // 2)
        best = (-2.0, 0.0, 0.0, 0.0)
        norm = max(float(np.linalg.norm(reference)), 1e-12)
        spectrum = fft.rfft2(reference, s=(self.size, self.size))
        for turn in np.argsort(-turns)[:_CANDIDATES]:
            # magnitudes do not tell a rotation from the same one and a half-turn
            for angle in (360.0 * turn / _ANGLES, 360.0 * turn / _ANGLES + 180.0):
                turned = _placed(image, np.array([angle, 0.0, 0.0]))
                moved = fft.irfft2(
                    spectrum * np.conj(fft.rfft2(turned, s=(self.size, self.size))), s=(self.size, self.size)
                )
                near = np.arange(-self.reach, self.reach + 1)
                part = moved[np.ix_(near, near)]
                row, column = np.unravel_index(int(part.argmax()), part.shape)
                length = max(float(np.linalg.norm(turned)), 1e-12)
                found = float(part[row, column]) / norm / length
                if found > best[0]:
                    best = (found, float(angle), float(near[column]), float(near[row]))
        return best


def _placed(image: NDArray[np.float32], pose: NDArray[np.float64]) -> NDArray[np.float32]:
    """The image turned by pose[0] degrees about its middle, from +x towards +y, then moved by pose[1:] pixels."""
    angle, dx, dy = pose
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    back = np.array([[c, -s], [s, c]])  # rows and columns: the inverse rotation
    middle = (np.array(image.shape) - 1) / 2.0
    offset = middle - back @ (middle + np.array([dy, dx]))
    return np.asarray(ndimage.affine_transform(image, back, offset=offset, order=1, output=np.float32))


def _averages(
    images: NDArray[np.float32], label: NDArray[np.intp], poses: NDArray[np.float64], parts: int
) -> NDArray[np.float32]:
    averages = np.zeros((parts, *images.shape[1:]), dtype=np.float32)
    members = np.zeros(parts)
    for index in np.flatnonzero(label >= 0):
        averages[label[index]] += _placed(images[index], poses[index])
        members[label[index]] += 1
    return np.asarray(averages / np.maximum(members, 1)[:, None, None], dtype=np.float32)
