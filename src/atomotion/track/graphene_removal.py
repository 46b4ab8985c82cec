"""Graphene taken out of frames: by notches in the spectrum, or as waves that are continued beneath the particles."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft2, fftfreq, ifft2, irfft2, rfft2, rfftfreq
from scipy.ndimage import gaussian_filter1d

from atomotion.track.config import GrapheneConfig
from atomotion.track.graphene import ORDERS, Sheet, spot_positions

_CELL = 0.125  # of the smoothing length: the grid on which a wave's amplitude is known
_NOTCH_RADII = (1.0, np.sqrt(2.0 / 3.0), 1.0 / np.sqrt(3.0))  # of the three periods, relative to the longest
_LEAST_WEIGHT = 1e-3
_SOFT_EDGE = 3.0  # Å, beyond which a particle hides nothing
_Hidden = tuple[slice, slice, NDArray[np.float32]]


class GrapheneRemoval:
    """Takes the waves of graphene out of frames of one size.

    Parameters
    ----------
    shape : (y, x) [px]
    pixel_size : float [Å]
        The one with which the sheets were found.
    sheets : sequence of Sheet
    config : GrapheneConfig
    workers : int
        Threads of the Fourier transforms.

    Notes
    -----
    *Notch*: the spectrum is multiplied with ``1 - (1 - (d / h)²)²`` at a distance d < h from a spot, h being 3, √6 and
    √3 pixels of the spectrum of a 160 px box for the periods of 2.13, 1.23 and 1.065 Å, as in the program of the
    tomography papers.

    *Inpaint*: the amplitude ``a(r)`` of each wave is the frame times ``exp(-2πi k·r)``, smoothed by a Gaussian over the
    places without a particle and divided by the smoothed weight of those places; beneath a particle it is what is
    around. ``2 Re sum a(r) exp(2πi k·r)`` is subtracted. What the particle itself shows near the spots stays.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        pixel_size: float,
        sheets: Sequence[Sheet],
        config: GrapheneConfig,
        *,
        workers: int = 1,
    ) -> None:
        self.shape, self.pixel_size, self.config, self.workers = shape, pixel_size, config, workers
        highest = 0.5 / pixel_size
        spots = [spot for each in sheets for spot in each.spots() if np.abs(spot).max() < highest]
        self.spots = np.array(spots, dtype=float).reshape(-1, 2)
        self.keep = _notches(shape, pixel_size, sheets, config.notch) if config.method == "notch" else None
        self.patch = tuple(max(4, 2 * round(0.5 * size * pixel_size / (_CELL * config.smooth))) for size in shape)
        # of the patch along y and along x; edges of the frame count as places about which nothing is known
        self._smoothing = tuple(
            gaussian_filter1d(
                np.eye(cells), config.smooth * cells / (size * pixel_size), axis=0, mode="constant"
            ).astype(np.float32)
            for cells, size in zip(self.patch, shape, strict=True)
        )

    def clean(
        self, frame: NDArray[np.number], centres: NDArray[np.floating] | None = None, *, radius: float = 0.0
    ) -> NDArray[np.float32]:
        """(y, x) float32 the frame without graphene.

        Parameters
        ----------
        frame : (y, x)
        centres : (p, 2) float, x y [Å], optional
            Particles, whose surroundings give the waves beneath them; only for inpaint.
        radius : float [Å]
            Of the particles.
        """
        image = np.asarray(frame, dtype=np.float32)
        mean = np.float32(image.mean())
        if self.keep is not None:
            spectrum = rfft2(image - mean, workers=self.workers) * self.keep
            return np.asarray(irfft2(spectrum, s=self.shape, workers=self.workers) + mean, dtype=np.float32)
        level = image - mean
        hole, known = self._hole(centres, radius), level.copy()
        for rows, columns, hidden in hole:
            known[rows, columns] -= level[rows, columns] * hidden
        spectrum = rfft2(known, workers=self.workers)
        waves = irfft2(self._waves(spectrum, self._share(hole)), s=self.shape, workers=self.workers)
        return np.asarray(image - waves, dtype=np.float32)

    def _hole(self, centres: NDArray[np.floating] | None, radius: float) -> list[_Hidden]:
        """The parts of the frame that particles hide: rows, columns, and how much of each pixel, with soft edges.

        What an earlier particle hides is not counted again.
        """
        hole: list[_Hidden] = []
        y, x = (np.arange(size) * self.pixel_size for size in self.shape)
        reach = radius + _SOFT_EDGE
        places = [] if centres is None else list(np.asarray(centres, dtype=float))
        for number, centre in enumerate(places):
            rows = slice(*np.searchsorted(y, [centre[1] - reach, centre[1] + reach]))
            columns = slice(*np.searchsorted(x, [centre[0] - reach, centre[0] + reach]))
            hidden = _soft_disc(centre, x[columns], y[rows], radius)
            for other in places[:number]:
                if np.hypot(*(other - centre)) < 2.0 * reach:
                    hidden *= 1.0 - _soft_disc(other, x[columns], y[rows], radius)
            hole.append((rows, columns, hidden))
        return hole

    def _share(self, hole: Sequence[_Hidden]) -> NDArray[np.floating]:
        """(cy, cx) how much of what lies around each cell of the patch is seen, smoothed as the waves are."""
        seen = np.ones(self.patch)
        for rows, columns, hidden in hole:
            seen -= self._coarse(rows, columns, hidden)
        along_y, along_x = self._smoothing
        return np.asarray(along_y @ np.clip(seen, 0.0, 1.0) @ along_x.T)

    def _coarse(self, rows: slice, columns: slice, hidden: NDArray[np.float32]) -> NDArray[np.floating]:
        """(cy, cx) a part of the frame on the patch: the frequencies that the patch has."""
        sides = []
        for part, cells, size in zip((rows, columns), self.patch, self.shape, strict=True):
            at = np.arange(size)[part]
            sides.append(np.exp(-2j * np.pi * np.outer(np.round(fftfreq(cells) * cells), at) / size))
        transform = sides[0] @ hidden @ sides[1].T
        return np.asarray(ifft2(transform).real * np.prod(self.patch) / np.prod(self.shape))

    def _waves(self, spectrum: NDArray, share: NDArray[np.floating]) -> NDArray:
        """(ky, kx) the spectrum of all waves."""
        tall, wide = self.shape
        rows, columns = self.patch
        cell = np.array([tall / rows, wide / columns]) * self.pixel_size
        result = np.zeros_like(spectrum)
        dy, dx = (np.round(fftfreq(size) * size).astype(int) for size in self.patch)
        at_y, at_x = np.arange(rows) * cell[0], np.arange(columns) * cell[1]
        along_y, along_x = self._smoothing
        known = np.maximum(share, _LEAST_WEIGHT).astype(np.float32)
        for spot in self.spots:
            bins = np.rint(spot * np.array([wide, tall]) * self.pixel_size).astype(int)
            away = spot - bins / (np.array([wide, tall]) * self.pixel_size)
            turn = np.outer(np.exp(2j * np.pi * at_y * away[1]), np.exp(2j * np.pi * at_x * away[0]))
            ky, kx = bins[1] + dy, bins[0] + dx
            amplitude = (ifft2(_taken(spectrum, ky, kx)) * np.conj(turn)).astype(np.complex64)
            smooth = along_y @ amplitude.real @ along_x.T + 1j * (along_y @ amplitude.imag @ along_x.T)
            _added(result, fft2(smooth / known * turn).astype(np.complex64), ky, kx)
        return result


def _soft_disc(
    centre: NDArray[np.floating], x: NDArray[np.floating], y: NDArray[np.floating], radius: float
) -> NDArray[np.float32]:
    """(y, x) 1 within the radius, 0 beyond, with an edge of half an Å."""
    r = np.hypot(x[None, :] - centre[0], y[:, None] - centre[1])
    return np.asarray(1.0 / (1.0 + np.exp(np.clip((r - radius) / 0.5, -50, 50))), dtype=np.float32)


def _taken(spectrum: NDArray, ky: NDArray[np.integer], kx: NDArray[np.integer]) -> NDArray:
    """The coefficients at (ky, kx) of a real image's half spectrum; those at negative kx are conjugates of others."""
    negative = kx < 0
    here = spectrum[np.ix_(ky % spectrum.shape[0], np.abs(kx) % spectrum.shape[1])]
    mirrored = np.conj(spectrum[np.ix_(-ky % spectrum.shape[0], np.abs(kx) % spectrum.shape[1])])
    return np.where(negative[None, :], mirrored, here)


def _added(spectrum: NDArray, values: NDArray, ky: NDArray[np.integer], kx: NDArray[np.integer]) -> None:
    """Add coefficients and their conjugates to a half spectrum, in place."""
    inside = np.abs(kx) < spectrum.shape[1]
    right, left = inside & (kx >= 0), inside & (kx <= 0)
    spectrum[np.ix_(ky % spectrum.shape[0], kx[right])] += values[:, right]
    spectrum[np.ix_(-ky % spectrum.shape[0], -kx[left])] += np.conj(values[:, left])


def _notches(shape: tuple[int, int], pixel_size: float, sheets: Sequence[Sheet], radius: float) -> NDArray[np.float32]:
    """(ky, kx) what the spectrum is multiplied with."""
    ky, kx = fftfreq(shape[0], pixel_size), rfftfreq(shape[1], pixel_size)
    keep = np.ones((len(ky), len(kx)), dtype=np.float32)
    for each in sheets:
        for orders, part in zip(ORDERS, _NOTCH_RADII, strict=True):
            for spot in spot_positions(each.angle_deg, orders) * each.scale:
                for sign in (1.0, -1.0):
                    d2 = (ky[:, None] - sign * spot[1]) ** 2 + (kx[None, :] - sign * spot[0]) ** 2
                    inside = d2 < (radius * part) ** 2
                    keep[inside] *= (1.0 - (1.0 - d2[inside] / (radius * part) ** 2) ** 2).astype(np.float32)
    return keep
