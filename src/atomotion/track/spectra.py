"""Band-limited spectra of a movie's frames, and what in them belongs to the camera: hot pixels and fixed pattern."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fftfreq, rfft2, rfftfreq
from scipy.ndimage import gaussian_filter, median_filter, uniform_filter

from atomotion.data import Frames, InputError
from atomotion.track.config import DriftConfig

_SURVEYED = 100  # frames whose mean shows the hot pixels and the illumination
_HOT = 10.0  # robust standard deviations between a hot pixel and the median of its neighbourhood
_EDGE = 0.125  # of the frame that fades out on every side
_APART = 0.3  # of their power: how different the moving and the static part must be to be told apart
_NOISE_MARGIN = 1.5
_PATTERN = 0.25  # fixed pattern below this part of the noise of the mean frame is let be


@dataclass(frozen=True, kw_only=True, slots=True)
class Spectra:
    """The frames of a movie as spectra of their windowed, binned images, and the noise in them.

    Parameters
    ----------
    values : (n, ky, kx) complex64
        Each the spectrum of a frame, or the mean of several.
    counts : (n,) float
        How many good frames each is the mean of; 0 for a bad frame.
    static : (ky, kx) complex64
        What stands still while the sample moves: the camera's fixed pattern and the illumination.
    ky, kx : (ky,), (kx,) float [cycles per pixel of the movie]
        kx is the half that a real image needs.
    noise : (ky, kx) float
        Noise power ``E|n(k)|²`` of one frame.
    weight : (ky, kx) float
        What the product of two spectra counts in a log-likelihood: band, both halves of the plane, over the noise.
    """

    values: NDArray[np.complex64]
    counts: NDArray[np.floating]
    static: NDArray[np.complex64]
    ky: NDArray[np.floating]
    kx: NDArray[np.floating]
    noise: NDArray[np.floating]
    weight: NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.values)

    def moving(self, i: int) -> NDArray[np.complex64]:
        """(ky, kx) frame i without what stands still."""
        return self.values[i] - self.static if self.counts[i] else self.values[i]

    def means(self, size: int) -> "Spectra":
        """Means of `size` neighbouring good frames."""
        starts = range(0, len(self), size)
        counts = np.array([self.counts[i : i + size].sum() for i in starts])
        sums = np.stack([self.values[i : i + size].sum(axis=0) for i in starts])
        means = (sums / np.maximum(counts, 1.0)[:, None, None]).astype(np.complex64)
        return replace(self, values=means, counts=counts)

    def phase(self, displacement: NDArray[np.floating]) -> NDArray[np.complex64]:
        """(ky, kx) what brings content displaced by (dx, dy) back: ``exp(2 pi i k . d)``."""
        down = np.exp(2j * np.pi * self.ky * displacement[1]).astype(np.complex64)
        along = np.exp(2j * np.pi * self.kx * displacement[0]).astype(np.complex64)
        return down[:, None] * along[None, :]


def movie_spectra(
    frames: Frames,
    config: DriftConfig,
    *,
    bad_frames: Collection[int],
    max_bytes: int,
    on_step: Callable[[int, int], None] | None,
) -> Spectra:
    """The spectra of all frames, one frame in memory at a time; the band shrinks until they fit into `max_bytes`."""
    n, tall, wide = (int(s) for s in frames.shape)
    bin_by = int(np.ceil(max(tall, wide) / config.max_size_px))
    binned = tall // bin_by, wide // bin_by
    finest = max(config.finest_px, 4.0 * bin_by if bin_by > 1 else 0.0)
    # 2 kmax H x kmax W complex64 values a frame
    affordable = np.sqrt(max_bytes / (16.0 * n * binned[0] * binned[1])) / bin_by
    highest = min(1.0 / finest, float(affordable))
    ky, kx = fftfreq(binned[0]) / bin_by, rfftfreq(binned[1]) / bin_by
    rows, columns = np.abs(ky) <= highest, kx <= highest
    if rows.sum() < 5 or columns.sum() < 3:
        raise InputError(f"frames of {tall} x {wide} px are too small to find their drift")
    good = np.ones(n, dtype=bool)
    good[list(bad_frames)] = False
    mean = _mean_frame(frames, np.flatnonzero(good))
    hot = _hot_pixels(mean)
    light = _illumination(_binned(_without(mean, hot), bin_by))
    window = np.outer(_fading(binned[0]), _fading(binned[1])).astype(np.float32)
    values = np.zeros((n, int(rows.sum()), int(columns.sum())), dtype=np.complex64)
    for i in range(n):
        if good[i]:
            image = _binned(_without(np.asarray(frames[i]), hot), bin_by)
            good[i] = bool(np.isfinite(image).all() and np.ptp(image) > 0)
            if good[i]:
                image -= light
                flat = (image - np.float32((image * window).sum() / window.sum())) * window
                values[i] = rfft2(flat)[rows][:, columns]
        if on_step is not None:
            on_step(i + 1, n)
    if good.sum() < 2:
        raise InputError(f"{good.sum()} of {n} frames are good; drift needs at least two")
    k = np.hypot(ky[rows][:, None], kx[columns][None, :])
    noise = _noise_power(values, good, k * max(tall, wide))
    static = _white_pattern(values, good, noise, k > 0.7 * highest)
    band = (1.0 - np.exp(-((k * max(tall, wide) / config.coarsest) ** 2))) * (k <= highest)
    halves = np.where(kx[columns] == 0, 1.0, 2.0)[None, :]
    weight = (halves * band / noise).astype(np.float32)
    return Spectra(
        values=values,
        counts=good.astype(float),
        static=static,
        ky=ky[rows],
        kx=kx[columns],
        noise=noise,
        weight=weight,
    )


def static_part(spectra: Spectra, path: NDArray[np.floating]) -> NDArray[np.complex64]:
    """(ky, kx) what stands still, separated from what moves along `path` (n, 2).

    With ``Y_i = F + S exp(-2 pi i k . d_i)`` the mean frame is M = F + S φ* and the aligned mean B = F φ + S, where φ
    is the mean of ``exp(2 pi i k . d_i)``; so ``F = (M - B φ*) / (1 - |φ|²)``, where the path is long enough for the
    two to differ, and else not known and left in.
    """
    total = float(spectra.counts.sum())
    mean = np.zeros(spectra.values.shape[1:], dtype=np.complex128)
    aligned, turned = mean.copy(), mean.copy()
    for i in np.flatnonzero(spectra.counts):
        phase = spectra.phase(path[i])
        mean += spectra.values[i]
        aligned += spectra.values[i] * phase
        turned += phase
    mean, aligned, turned = mean / total, aligned / total, turned / total
    apart = 1.0 - np.abs(turned) ** 2
    known = apart > _APART
    apart = np.maximum(apart, _APART)
    fixed = (mean - aligned * np.conj(turned)) / apart
    return np.where(known, wiener(fixed, spectra.noise / (total * apart)), 0).astype(np.complex64)


def wiener(mean: NDArray[np.complexfloating], noise: NDArray[np.floating]) -> NDArray[np.complex64]:
    """An average spectrum, each coefficient reduced by the part of its surroundings' power that is noise.

    The power of 5 x 5 coefficients of pure noise scatters by a fifth; somewhat more than the noise is taken off, so
    that the many coefficients without signal do not let frames align with each other's noise.
    """
    power = uniform_filter(mean.real**2 + mean.imag**2, 5, mode="nearest")
    return (mean * np.maximum(0.0, 1.0 - _NOISE_MARGIN * noise / np.maximum(power, 1e-30))).astype(np.complex64)


def _mean_frame(frames: Frames, index: NDArray[np.intp]) -> NDArray[np.float32]:
    """(y, x) mean of some frames, spread over the movie."""
    picked = index[np.linspace(0, len(index) - 1, min(_SURVEYED, len(index))).round().astype(int)]
    total = np.zeros(frames.shape[1:], dtype=np.float32)
    count = 0
    for i in picked:
        frame = np.asarray(frames[int(i)], dtype=np.float32)
        if np.isfinite(frame).all():
            total += frame
            count += 1
    return total / np.float32(max(count, 1))


def _illumination(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """(y, x) a parabola through the background of the mean frame; what is far from it is taken to be the sample."""
    y, x = np.meshgrid(np.linspace(-1, 1, mean.shape[0]), np.linspace(-1, 1, mean.shape[1]), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    values = gaussian_filter(mean, 2).ravel()
    background = np.ones(len(values), dtype=bool)
    for _ in range(10):
        solution, *_ = np.linalg.lstsq(terms[background], values[background], rcond=None)
        away = values - terms @ solution
        spread = 1.4826 * np.median(np.abs(away))
        background = np.abs(away) <= 2 * spread
        if background.sum() < 100:
            break
    return (terms @ solution).reshape(mean.shape).astype(np.float32)


def _hot_pixels(mean: NDArray[np.float32]) -> NDArray[np.intp]:
    """(h, 2) y x of the pixels that stand out of their neighbourhood in the mean frame."""
    away = np.abs(mean - median_filter(mean, size=3))
    # pixels at the median of their own neighbourhood would make a median of `away` too small
    limit = _HOT * 1.4826 * float(np.median(away[away > 0])) if np.any(away > 0) else np.inf
    return np.argwhere(away > limit)


def _without(frame: NDArray[Any], hot: NDArray[np.intp]) -> NDArray[np.float32]:
    """The frame as float32, its hot pixels replaced by the mean of their neighbours that are not hot."""
    image = frame.astype(np.float32)
    if len(hot):
        image[hot[:, 0], hot[:, 1]] = np.nan
        around = hot[:, None, :] + _NEIGHBOURS
        around = np.clip(around, 0, np.array(image.shape) - 1)
        values = image[around[..., 0], around[..., 1]]
        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=1), 1)
        image[hot[:, 0], hot[:, 1]] = np.where(known, values, 0).sum(axis=1) / count
    return image


_NEIGHBOURS = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)])


def _binned(image: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    if by == 1:
        return image
    tall, wide = image.shape[0] // by, image.shape[1] // by
    return image[: tall * by, : wide * by].reshape(tall, by, wide, by).mean(axis=(1, 3))


def _fading(size: int) -> NDArray[np.floating]:
    """(size,) 1 inside, sin² to 0 at both ends."""
    x = (np.arange(size) + 0.5) / size
    return np.sin(0.5 * np.pi * np.minimum(1.0, np.minimum(x, 1.0 - x) / _EDGE)) ** 2


def _shell_median(values: NDArray[np.floating], shell: NDArray[np.integer]) -> NDArray[np.floating]:
    result = np.empty_like(values)
    for each in range(int(shell.max()) + 1):
        inside = shell == each
        if inside.any():
            result[inside] = np.median(values[inside])
    return result


def _noise_power(
    values: NDArray[np.complex64], good: NDArray[np.bool_], periods: NDArray[np.floating]
) -> NDArray[np.floating]:
    """(ky, kx) half the mean square difference of neighbouring frames; medians of shells pass over Bragg spots."""
    total = np.zeros(values.shape[1:], dtype=float)
    pairs = np.flatnonzero(good[1:] & good[:-1])
    if not len(pairs):
        raise InputError("no two neighbouring frames are good, so the noise is not known; drift needs it")
    for i in pairs:
        total += np.abs(values[i + 1] - values[i]) ** 2
    return np.maximum(_shell_median(total / (2 * len(pairs)), (periods / 4).astype(int)), 1e-30)


def _white_pattern(
    values: NDArray[np.complex64], good: NDArray[np.bool_], noise: NDArray[np.floating], finest: NDArray[np.bool_]
) -> NDArray[np.complex64]:
    """(ky, kx) the part of the mean frame that is gain noise of the pixels, before any path is known.

    Its power is white and shows at the highest frequencies, between the sample's spots. Where the mean frame is as weak
    as that it is taken out; where it is far stronger it is the sample.
    """
    mean = values[good].mean(axis=0)
    power = np.abs(mean) ** 2
    shot = noise / good.sum()
    # the median of an exponential distribution is ln 2 of its mean
    pattern = float(np.median(power[finest])) / np.log(2) - float(np.median(shot[finest]))
    if pattern < _PATTERN * float(np.median(shot[finest])):
        return np.zeros_like(mean)
    return (mean * np.minimum(1.0, (pattern + shot) / np.maximum(power, 1e-30))).astype(np.complex64)
