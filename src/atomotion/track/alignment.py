"""Every frame of a particle against the average of the frames around it, without itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fftfreq, next_fast_len, rfft2, rfftfreq

from atomotion.data import Frames
from atomotion.track.path import slope_and_information
from atomotion.track.references import Around, references
from atomotion.track.spectra import Spectra
from atomotion.track.windows import Lookout, window

_BLOCK = 16  # frames
_MARGIN = 2.5  # Å around the particle
_BAND = 0.2  # of the band's weight: coefficients with less are left out


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """What the averages say of every frame's displacement.

    Parameters
    ----------
    slope : (n, 2) float [1/Å]
        Derivative of the log-likelihood by x and y; 0 for frames that are not used.
    information : (n, 2) float [1/Å²]
        How fast it falls about its maximum.
    shown : (n,) float
        How much of the average of the frames around it a frame shows: about 1 where it shows the same, 0 where nothing
        of it; NaN for frames that are not used.
    """

    slope: NDArray[np.floating]
    information: NDArray[np.floating]
    shown: NDArray[np.floating]


class ChunkAlignment:
    """Compares the frames of one particle with leave-one-out averages, weighted by signal and noise in Fourier space.

    Around every frame a chunk of frames is averaged, each brought back along the path, the frame itself left out; each
    coefficient of the average is reduced by the part of its power that is noise. A particle that turns so fast that
    neighbours show nothing of each other has averages without signal, which then say nothing. The spectra are those of
    the whitened band of the lattice within a soft mask that goes with the particle.

    Parameters
    ----------
    frames : (t, y, x)
    frame_index : (n,) int
    centres : (n, 2) float, x y [Å]
        A first path; the mask lies there.
    used : (n,) bool
    lookout : Lookout
    chunk : int
        Frames in an average.
    """

    def __init__(
        self,
        frames: Frames,
        frame_index: NDArray[np.integer],
        centres: NDArray[np.floating],
        used: NDArray[np.bool_],
        lookout: Lookout,
        *,
        chunk: int,
    ) -> None:
        self.around = Around(half=max(1, chunk // 2), group=1, used=used, alike=False)
        self.places, self.spectra = _spectra(frames, frame_index, centres, used, lookout)

    def __call__(self, path: NDArray[np.floating]) -> Alignment:
        """What is said of displacements from `path` (n, 2) x y [Å], with the averages made along it."""
        n = len(path)
        moved = path - self.places
        slope, information, shown = np.zeros((n, 2)), np.zeros((n, 2)), np.full(n, np.nan)
        for i, value, reference in references(self.spectra, moved, self.around):
            if self.around.used[i]:
                slope[i], matrix, shown[i] = slope_and_information(self.spectra, value, reference, moved[i])
                information[i] = np.diagonal(matrix)
        return Alignment(slope=slope, information=information, shown=shown)


def _spectra(
    frames: Frames,
    frame_index: NDArray[np.integer],
    centres: NDArray[np.floating],
    used: NDArray[np.bool_],
    lookout: Lookout,
) -> tuple[NDArray[np.floating], Spectra]:
    """Where each frame's spectrum has its origin, (n, 2) x y [Å], and the spectra, in 1/Å."""
    grid, evidence = lookout.grid, lookout.evidence
    pixel, side = grid.bin_px * grid.pixel_size, grid.shape[0]
    radius = 0.5 * lookout.diameter + _MARGIN
    small = min(next_fast_len(2 * int(np.ceil((radius + 4.0) / pixel)), real=True), side // grid.bin_px)
    inset = (side // grid.bin_px - small) // 2
    corners = np.rint(centres / grid.pixel_size - 0.5 * (side - 1)).astype(int)
    places = corners * grid.pixel_size + inset * pixel
    ky, kx = fftfreq(small, pixel), rfftfreq(small, pixel)
    band = evidence.band.weight(np.hypot(ky[:, None], kx[None, :]))
    values = np.zeros((len(frame_index), len(ky), len(kx)), dtype=np.complex64)
    steps = np.arange(small) * pixel
    variance, mask2 = [], []
    for start in range(0, len(frame_index), _BLOCK):
        chosen = [i for i in range(start, min(start + _BLOCK, len(frame_index))) if used[i]]
        pictures = []
        for i in chosen:
            frame = int(frame_index[i])
            x, y = (int(value) for value in corners[i])
            pictures.append(window(frames, slice(frame, frame + 1), y, x, side, lookout.fill)[0])
        if not chosen:
            continue
        images = evidence.filtered(np.stack(pictures))
        for i, image in zip(chosen, images[:, inset : inset + small, inset : inset + small], strict=True):
            inside = centres[i] - places[i]
            r = np.hypot(steps[None, :] - inside[0], steps[:, None] - inside[1])
            mask = 1.0 / (1.0 + np.exp(np.clip((r - radius) / 0.7, -40, 40)))
            values[i] = rfft2((image * mask).astype(np.float32))
            variance.append(float(np.mean(image[r > radius + 2.0] ** 2)) if np.any(r > radius + 2.0) else np.nan)
            mask2.append(float(np.sum(mask**2)))
    # filtered noise has the power of the band squared; within the mask, so many pixels of it
    full = np.where(np.arange(len(kx)) == 0, 1.0, 2.0)[None, :]
    mean_band = float(np.sum(full * band**2)) / small**2
    level = float(np.nanmedian(variance)) if variance and np.isfinite(variance).any() else 1.0
    noise = np.maximum(band**2, _BAND**2) * (level / mean_band) * float(np.mean(mask2 or [1.0]))
    weight = (full * (band > _BAND) / noise).astype(np.float32)
    spectra = Spectra(
        values=values,
        counts=used.astype(float),
        static=np.zeros(values.shape[1:], dtype=np.complex64),
        ky=ky,
        kx=kx,
        noise=noise,
        weight=weight,
    )
    return places, spectra


Aligner = Callable[[NDArray[np.floating]], Alignment]
