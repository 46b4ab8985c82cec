"""Graphene in a movie: its sheets, found in the mean power spectrum, and what they say of the pixel size."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fftfreq, next_fast_len, rfft2, rfftfreq
from scipy.ndimage import map_coordinates

from atomotion.data import Frames, InputError
from atomotion.track.config import GrapheneConfig

LATTICE = 2.46  # Å
#: Orders (i, j) of the reciprocal lattice with one of each pair of opposite spots, by period: 2.13, 1.23, 1.065 Å.
ORDERS = (((1, 0), (0, 1), (-1, 1)), ((1, 1), (-1, 2), (-2, 1)), ((2, 0), (0, 2), (-2, 2)))
_TILE = 640  # px
_SMALL = 400  # px: the spectrum of a smaller window is sampled twice as finely
_SCALES = np.linspace(0.96, 1.04, 41)
_ANGLE_STEP = 0.1  # degrees
_SHELL = 4  # coefficients of a tile
_VISIBLE = 1.5  # times the usual power
_STRAY = 1.5  # coefficients of a tile between a spot and where it should be
_HANN = 1.44  # coefficients: width of a spot at half its height
_DOUBTFUL = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One sheet of graphene.

    Parameters
    ----------
    angle_deg : float
        Direction of a lattice vector (2.46 Å), from x towards y, 0 to 60.
    scale : float
        Spatial frequency of its spots over what it should be with the assumed pixel size.
    score : float
        How its directions stand out of all others, in robust standard deviations.
    """

    angle_deg: float
    scale: float
    score: float

    def spots(self) -> NDArray[np.floating]:
        """(9, 2) spatial frequencies x y [1/Å], in the assumed pixel size; three of each period."""
        return np.concatenate([spot_positions(self.angle_deg, orders) for orders in ORDERS]) * self.scale


@dataclass(frozen=True, kw_only=True, slots=True)
class Graphene:
    """The sheets of a movie.

    Parameters
    ----------
    sheets : tuple of Sheet
        The clearest first.
    best_score : float
        Of the clearest direction, sheet or not.
    pixel_size : float or None [Å]
        What the graphene says; None without a sheet.
    assumed : float [Å]
    power : (ky, kx) float
        Mean power over its median at the same spatial frequency, for pictures.
    ky, kx : (ky,), (kx,) float [1/Å]
    """

    sheets: tuple[Sheet, ...]
    best_score: float
    pixel_size: float | None
    assumed: float
    power: NDArray[np.floating]
    ky: NDArray[np.floating]
    kx: NDArray[np.floating]

    @property
    def is_doubtful(self) -> bool:
        """Whether the graphene contradicts the assumed pixel size by more than 1 %."""
        return self.pixel_size is not None and abs(self.pixel_size / self.assumed - 1) > _DOUBTFUL


def spot_positions(angle_deg: float, orders: Collection[tuple[int, int]]) -> NDArray[np.floating]:
    """(n, 2) spatial frequencies x y [1/Å] of graphene whose lattice vector has this direction."""
    length = 2.0 / (np.sqrt(3.0) * LATTICE)
    first, second = np.deg2rad([angle_deg - 30.0, angle_deg + 30.0])
    basis = length * np.array([[np.cos(first), np.sin(first)], [np.cos(second), np.sin(second)]])
    return np.array(list(orders), dtype=float) @ basis


def shows_graphene(pixel_size: float) -> bool:
    """Whether pixels of that size [Å] are small enough for graphene's period of 2.13 Å."""
    return pixel_size < 0.9 * np.sqrt(3.0) / 2.0 * LATTICE / 2


def find_graphene(
    frames: Frames,
    config: GrapheneConfig,
    *,
    pixel_size: float,
    bad_frames: Collection[int] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> Graphene:
    """Sheets of graphene in the mean power spectrum of frames spread over the movie.

    For every direction and a few scales about the assumed pixel size, the logarithm of the power at the three spots of
    a period, relative to its median at that spatial frequency, is averaged: one bright spot does not make a sheet. The
    directions whose average stands out, in one period or several, are the sheets. The spots of all periods that are
    visible, each located to a fraction of a coefficient, then fix direction and scale by weighted least squares.

    Parameters
    ----------
    frames : (t, y, x)
    config : GrapheneConfig
    pixel_size : float [Å]
    bad_frames : collection of int
        Frames that are passed over.
    on_step : callable, optional

    Raises
    ------
    InputError
        Where pixels are too large for 2.13 Å, or no frame is good.
    """
    if not shows_graphene(pixel_size):
        raise InputError(f"pixels of {pixel_size:g} Å are too large to show graphene's period of 2.13 Å")
    power, tile = _mean_power(frames, config, bad_frames, on_step)
    size = len(power)
    ky, kx = fftfreq(size, pixel_size), rfftfreq(size, pixel_size)
    relative = _relative(power, ky, kx, tile * pixel_size)
    sampled = _Spectrum(np.log(np.maximum(relative, 1e-3)), size, pixel_size, tile)
    scores, scales = _scores(sampled)
    standard = _standardised(scores)
    best = float(standard.max())
    apart = np.rad2deg(_HANN / (tile * pixel_size) / (2.0 / (np.sqrt(3.0) * LATTICE)))
    angles = np.arange(len(scores)) * _ANGLE_STEP
    found: list[Sheet] = []
    left = standard.copy()
    while len(found) < config.max_sheets and left.max() > config.min_score:
        top = int(left.argmax())
        angle, scale = _refined(sampled, float(angles[top]), float(scales[top]))
        found.append(Sheet(angle_deg=angle % 60.0, scale=scale, score=float(left[top])))
        away = np.abs((angles - angles[top] + 30.0) % 60.0 - 30.0)
        left[away < 2 * apart] = -np.inf
    weights = np.array([each.score for each in found])
    said = None if not found else float(np.average([each.scale for each in found], weights=weights)) * pixel_size
    return Graphene(
        sheets=tuple(found), best_score=best, pixel_size=said, assumed=pixel_size, power=relative, ky=ky, kx=kx
    )


def _mean_power(
    frames: Frames,
    config: GrapheneConfig,
    bad_frames: Collection[int],
    on_step: Callable[[int, int], None] | None,
) -> tuple[NDArray[np.float64], int]:
    """Mean power of windows all over some frames, finely sampled, and the side of a window [px]."""
    n, tall, wide = (int(size) for size in frames.shape)
    good = np.array([frame for frame in range(n) if frame not in set(bad_frames)], dtype=int)
    if not len(good):
        raise InputError("no frame is good, so graphene cannot be looked for")
    chosen = good[np.unique(np.linspace(0, len(good) - 1, min(config.spectrum_frames, len(good))).round().astype(int))]
    tile = min(tall, wide, _TILE)
    while next_fast_len(tile, real=True) != tile:
        tile -= 1
    fade = np.hanning(tile + 2)[1:-1]
    window = np.outer(fade, fade).astype(np.float32)
    corners = [(y, x) for y in _starts(tall, tile) for x in _starts(wide, tile)]
    size = tile * (2 if tile < _SMALL else 1)
    total = np.zeros((size, size // 2 + 1))
    count = 0
    for number, frame in enumerate(chosen):
        whole = np.asarray(frames[int(frame)], dtype=np.float32)
        if np.isfinite(whole).all():
            for y, x in corners:
                part = whole[y : y + tile, x : x + tile]
                spectrum = rfft2((part - part.mean()) * window, s=(size, size))
                total += spectrum.real**2 + spectrum.imag**2
                count += 1
        if on_step is not None:
            on_step(number + 1, len(chosen))
    if not count:
        raise InputError("all frames have values that are not finite, so graphene cannot be looked for")
    return total / count, tile


def _starts(size: int, tile: int) -> list[int]:
    count = max(1, round(size / tile))
    return np.linspace(0, size - tile, count).round().astype(int).tolist()


def _relative(
    power: NDArray[np.floating], ky: NDArray[np.floating], kx: NDArray[np.floating], side: float
) -> NDArray[np.floating]:
    """Power over the median of its shell."""
    shell = (np.hypot(ky[:, None], kx[None, :]) * side / _SHELL).astype(int)
    order = np.argsort(shell, axis=None, kind="stable")
    edges = np.searchsorted(shell.ravel()[order], np.arange(int(shell.max()) + 2))
    flat = power.ravel()[order]
    medians = np.array([np.median(flat[a:b]) if b > a else 1.0 for a, b in pairwise(edges)])
    return power / np.maximum(medians[shell], 1e-30)


class _Spectrum:
    """The logarithm of the relative power at any spatial frequency, x y in 1/Å."""

    def __init__(self, values: NDArray[np.floating], size: int, pixel_size: float, tile: int) -> None:
        self.values, self.side = values, size * pixel_size
        self.reach = int(np.ceil(_STRAY * size / tile))
        self.highest = (values.shape[1] - 2) / self.side

    def cells(self, k: NDArray[np.floating]) -> NDArray[np.floating]:
        """(2, ...) row and column; the half with negative x is the other's mirror image."""
        k = np.where(k[..., :1] < 0, -k, k)
        rows = k[..., 1] * self.side
        return np.stack([np.where(rows < 0, rows + self.values.shape[0], rows), k[..., 0] * self.side])

    def at(self, k: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(map_coordinates(self.values, self.cells(k), order=1, mode="nearest"))

    def peak_near(self, k: NDArray[np.floating]) -> tuple[NDArray[np.floating], float]:
        """Place x y [1/Å] and height of the highest power near a spatial frequency."""
        sign = -1.0 if k[0] < 0 else 1.0
        row, column = self.cells(k)
        reach = self.reach
        rows = (round(float(row)) + np.arange(-reach - 1, reach + 2)) % self.values.shape[0]
        first = max(0, round(float(column)) - reach - 1)
        columns = np.arange(first, min(self.values.shape[1], round(float(column)) + reach + 2))
        part = self.values[np.ix_(rows, columns)]
        y, x = np.unravel_index(int(part[1:-1, 1:-1].argmax()), (part.shape[0] - 2, part.shape[1] - 2))
        y, x = y + 1, x + 1
        dy = _vertex(*part[y - 1 : y + 2, x])
        dx = _vertex(*part[y, x - 1 : x + 2])
        middle_row = round(float(row)) - reach - 1 + int(y) + dy
        if middle_row > self.values.shape[0] / 2:
            middle_row -= self.values.shape[0]
        place = np.array([columns[x] + dx, middle_row]) / self.side
        return sign * place, float(part[y, x])


def _vertex(before: float, at: float, after: float) -> float:
    bend = before - 2 * at + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _scores(spectrum: _Spectrum) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """For every direction how much its spots stand out, at the scale at which they do most, and that scale.

    A lens may show one period of a sheet and not the other: the periods are standardised one by one, and those that
    together stand out most are taken.
    """
    angles = np.arange(0.0, 60.0, _ANGLE_STEP)
    standard = []
    for orders in ORDERS:
        basis = np.stack([spot_positions(angle, orders) for angle in angles])
        if np.abs(basis).max() * _SCALES[-1] > spectrum.highest:
            continue
        averages = np.stack([spectrum.at(basis * scale).mean(axis=-1) for scale in _SCALES])
        standard.append(_standardised(averages))
    falling = -np.sort(-np.stack(standard), axis=0)
    counts = np.arange(1, len(falling) + 1)[:, None, None]
    together = (np.cumsum(falling, axis=0) / np.sqrt(counts)).max(axis=0)
    best = together.argmax(axis=0)
    return together.max(axis=0), _SCALES[best]


def _standardised(values: NDArray[np.floating]) -> NDArray[np.floating]:
    middle = np.median(values)
    return np.asarray((values - middle) / (1.4826 * float(np.median(np.abs(values - middle))) or 1e-30))


def _refined(spectrum: _Spectrum, angle: float, scale: float) -> tuple[float, float]:
    """Direction [degrees] and scale from the visible spots of all periods."""
    for _ in range(3):
        expected, found, weights = [], [], []
        for spot in np.concatenate([spot_positions(angle, orders) for orders in ORDERS]):
            if np.abs(spot * scale).max() > spectrum.highest:
                continue
            place, height = spectrum.peak_near(spot * scale)
            if height > np.log(_VISIBLE):
                expected.append(complex(*spot))
                found.append(complex(*place))
                weights.append(height)
        if not expected:
            break
        e, f, w = np.array(expected), np.array(found), np.array(weights)
        factor = complex(np.sum(w * np.conj(e) * f) / np.sum(w * np.abs(e) ** 2))
        angle, scale = angle + float(np.rad2deg(np.angle(factor))), abs(factor)
    return angle, scale
