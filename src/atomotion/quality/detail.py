"""Detail: how much of the lattice a denoiser kept, against the truth or against independent noisy frames."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fftfreq as fft_frequencies
from scipy.fft import rfft2, rfftfreq

from atomotion.data import Frames, InputError
from atomotion.quality.blocks import good_frames, same_shape
from atomotion.quality.bootstrap import interval_over_frames
from atomotion.quality.estimate import Estimate

LATTICE_BAND = (1.7, 3.0)
"""Å: the lattice planes of the noble metals and most oxides that a microscope resolves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BandFidelity:
    """A movie in a band of wavelengths, against the truth.

    Parameters
    ----------
    correlation : Estimate
        ``Re Σ F X* / sqrt(Σ|F|² Σ|X|²)`` with the truth: 1 for the truth itself, whatever its scale.
    amplitude : Estimate
        ``Re Σ F X* / Σ|X|²``: the part of the true amplitude that is there in the right phase. A filter has its
        transfer there; an erased lattice 0.
    energy : Estimate
        ``Σ|F|² / Σ|X|²``: the band's energy against the true one, right or wrong. Energy beyond amplitude² is noise or
        invention.
    """

    correlation: Estimate
    amplitude: Estimate
    energy: Estimate


def band_correlation(
    first: Frames,
    second: Frames,
    *,
    band: tuple[float, float] = LATTICE_BAND,
    pixel_size: float | None = None,
    bad_frames: Collection[int] = (),
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Fourier correlation of two images or movies in a band of wavelengths.

    ``Re Σ A B* / sqrt(Σ|A|² Σ|B|²)`` over the ring of the band and all frames, of frames without their mean and under a
    Hann window, so that the frame's border makes no signal.

    Parameters
    ----------
    first, second : (y, x) or (t, y, x)
    band : (shortest, longest) wavelength [Å, or px without `pixel_size`]
    pixel_size : float [Å], optional
    bad_frames : collection of int
    rng : numpy.random.Generator, optional

    Returns
    -------
    Estimate
        `low` and `high` are None for an image or a few frames.

    Raises
    ------
    InputError
        Where the shapes differ, or the frame has no frequency in the band.
    """
    one, two = _movie(first), _movie(second)
    shape = same_shape(one, two)
    ring = Ring(shape[1:], band, pixel_size)
    rows = []
    for index in good_frames(one, bad_frames):
        a, b = (ring.spectrum(np.asarray(each[index], dtype=float)) for each in (one, two))
        rows.append((ring.product(a, b), ring.product(a, a), ring.product(b, b)))

    def statistic(totals: NDArray[np.floating], _: np.random.Generator | None) -> NDArray[np.floating]:
        return np.asarray(totals[:, 0] / np.sqrt(totals[:, 1] * totals[:, 2]))

    return interval_over_frames(np.array(rows).T, statistic, method=f"Fourier correlation in {ring.name}", rng=rng)


def band_fidelity(
    denoised: Frames,
    reference: Frames,
    *,
    band: tuple[float, float] = LATTICE_BAND,
    pixel_size: float | None = None,
    reference_units: float = 0.0,
    offset: float = 0.0,
    bad_frames: Collection[int] = (),
    rng: np.random.Generator | None = None,
) -> BandFidelity:
    """How much of the true movie a band of a denoised one holds.

    The reference is the clean movie, or **independent** noisy frames of the same instants in the same scale
    (``SplitCounts.removed``, with the output brought to the whole dose). The noise of those adds nothing to the sum of
    products, and to the reference's energy a known amount, which is taken off: every coefficient of white noise of
    variance ``g_r (a - offset)`` under a window w has the energy ``Σ w² g_r (a - offset)``. The raw frames that the
    denoiser saw are no such reference, not even for a blind one.

    Parameters
    ----------
    denoised, reference : (y, x) or (t, y, x)
    band, pixel_size
        As in `band_correlation`.
    reference_units : float
        Noise variance of the reference per intensity, ``SplitCounts.removed_units``; 0 for the clean movie.
    offset : float
    bad_frames, rng
        As in `band_correlation`.

    Returns
    -------
    BandFidelity
        Refused where the reference shows no energy in the band beyond its noise.
    """
    one, two = _movie(denoised), _movie(reference)
    shape = same_shape(one, two)
    ring = Ring(shape[1:], band, pixel_size)
    rows = []
    for index in good_frames(one, bad_frames):
        found, true = (np.asarray(each[index], dtype=float) for each in (one, two))
        a, b = ring.spectrum(found), ring.spectrum(true)
        noise = ring.coefficients * reference_units * float(np.sum(ring.window**2 * (true - offset)))
        rows.append((ring.product(a, b), ring.product(a, a), ring.product(b, b) - noise))

    def ratio(above: int) -> Estimate:
        def statistic(totals: NDArray[np.floating], _: np.random.Generator | None) -> NDArray[np.floating]:
            return np.asarray(totals[:, above] / np.where(totals[:, 2] > 0, totals[:, 2], np.nan))

        what = ("amplitude kept", "energy kept")[above]
        return interval_over_frames(np.array(rows).T, statistic, method=f"{what} in {ring.name}", rng=rng)

    def correlation(totals: NDArray[np.floating], _: np.random.Generator | None) -> NDArray[np.floating]:
        true = np.where(totals[:, 2] > 0, totals[:, 2], np.nan)
        return np.asarray(totals[:, 0] / np.sqrt(totals[:, 1] * true))

    return BandFidelity(
        correlation=interval_over_frames(
            np.array(rows).T, correlation, method=f"correlation with the truth in {ring.name}", rng=rng
        ),
        amplitude=ratio(0),
        energy=ratio(1),
    )


class Ring:
    """The Fourier coefficients of a frame in a band of wavelengths."""

    def __init__(self, shape: tuple[int, ...], band: tuple[float, float], pixel_size: float | None) -> None:
        short, long = sorted(band)
        unit = 1.0 if pixel_size is None else pixel_size
        frequency = np.hypot(fft_frequencies(shape[0])[:, None], rfftfreq(shape[1])[None]) / unit
        inside = (frequency > 0) & (frequency >= 1.0 / long) & (frequency <= 1.0 / short if short > 0 else True)
        twice = np.full(frequency.shape[1], 2.0)
        twice[0] = 1.0
        if shape[1] % 2 == 0:
            twice[-1] = 1.0
        self.weight = inside * twice
        self.coefficients = float(self.weight.sum())
        self.name = f"{short:g} to {long:g} {'px' if pixel_size is None else 'Å'}"
        if self.coefficients == 0:
            raise InputError(
                f"a frame of {shape[0]} x {shape[1]} px of {unit:g} {'px' if pixel_size is None else 'Å'} has no "
                f"frequency at wavelengths of {self.name}; its own range is {2 * unit:g} to {max(shape) * unit:g}"
            )
        self.window = np.outer(np.hanning(shape[0] + 2)[1:-1], np.hanning(shape[1] + 2)[1:-1])

    def spectrum(self, frame: NDArray[np.floating]) -> NDArray[np.complexfloating]:
        """Of one frame (y, x), without its mean and under the window."""
        return np.asarray(rfft2((frame - frame.mean()) * self.window))

    def product(self, first: NDArray[np.complexfloating], second: NDArray[np.complexfloating]) -> float:
        """``Re Σ A B*`` over the band."""
        return float(np.sum(self.weight * (first.real * second.real + first.imag * second.imag)))


def psnr(truth: NDArray[np.floating], image: NDArray[np.floating], data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio against the clean image or movie [dB]; the range is its maximum minus its minimum."""
    clean = np.asarray(truth, dtype=float)
    peak = float(np.ptp(clean)) if data_range is None else data_range
    error = float(np.mean((clean - image) ** 2))
    return float("inf") if error == 0 else float(10.0 * np.log10(peak**2 / error))


def ssim(truth: NDArray[np.floating], image: NDArray[np.floating], data_range: float | None = None) -> float:
    """Structural similarity with the clean image or movie, the mean over frames.

    As scikit-image's ``structural_similarity`` computes it unless told otherwise: means, variances and covariances over
    squares of 7 x 7 px, all weights equal; the settings of the paper, a Gaussian of 1.5 px, give other numbers.

    Parameters
    ----------
    truth, image : (y, x) or (t, y, x)
    data_range : float, optional
        The maximum minus the minimum of the truth, of all its frames together, by default.

    References
    ----------
    Wang et al., IEEE Trans. Image Process. 13, 600 (2004).
    """
    from skimage.metrics import structural_similarity

    clean = np.asarray(truth, dtype=float)
    peak = float(np.ptp(clean)) if data_range is None else data_range
    one, two = _movie(clean), _movie(np.asarray(image, dtype=float))
    frames = range(same_shape(one, two)[0])
    return float(np.mean([structural_similarity(one[i], two[i], data_range=peak) for i in frames]))


def _movie(frames: Frames) -> Frames:
    return np.asarray(frames)[None] if len(frames.shape) == 2 else frames
