"""Which frames show the lattice: a threshold between two kinds of Fourier peaks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from sklearn.mixture import GaussianMixture

_CLEAR = 6.0  # by how much two kinds must be likelier than one (Bayesian information criterion)
_APART = 2.0  # distance of the two means in units of their mean width (Ashman's D)


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """From where on a peak means a crystalline frame.

    Parameters
    ----------
    value : float
        In the units of the peaks.
    bimodal : bool
        Whether the peaks fall into two kinds; if not, `value` is where noise ends.
    reason : str
    """

    value: float
    bimodal: bool
    reason: str


def bimodal_threshold(peaks: NDArray[np.float64], *, noise: float) -> Threshold:
    """The threshold between low and high peaks (n,), of their logarithms.

    Two Gaussians against one by the Bayesian information criterion, with means at least two widths apart (Ashman's D):
    then Otsu's threshold. Else the peaks form one heap, as those of raw frames often do, and `noise` decides.

    Parameters
    ----------
    peaks : (n,) float
        Largest Fourier peak of every frame; NaN is left out.
    noise : float
        Peak that noise does not exceed.

    References
    ----------
    Kang et al., Nat. Commun. 16 (2025), "2D image analysis", put the threshold by eye.
    """
    known = np.log(peaks[np.isfinite(peaks) & (peaks > 0)])
    at_noise = Threshold(
        value=noise, bimodal=False, reason="the peaks form one heap; the threshold is where noise ends"
    )
    if len(known) < 20 or np.ptp(known) < 1e-6:
        return at_noise
    one, two = (
        GaussianMixture(kinds, covariance_type="full", n_init=3, random_state=0).fit(known[:, None]) for kinds in (1, 2)
    )
    widths = np.sqrt(two.covariances_.ravel())
    apart = abs(np.diff(two.means_.ravel())[0]) / np.sqrt((widths**2).mean())
    gain = one.bic(known[:, None]) - two.bic(known[:, None])
    if gain < _CLEAR or apart < _APART or two.weights_.min() < 0.02:
        return at_noise
    value = float(np.exp(threshold_otsu(known)))
    return Threshold(
        value=value, bimodal=True, reason=f"two kinds of peaks, {apart:.1f} widths apart; Otsu's threshold between them"
    )
