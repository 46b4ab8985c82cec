"""A number with its interval, or the reason why there is none."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number that was estimated, with its 95 % interval.

    Parameters
    ----------
    value : float or None
        None where the estimate was refused.
    low, high : float or None
        Ends of the 95 % interval. None where the estimate was refused; an end is None by itself where it does not
        exist or could not be found, and `warning` says why.
    method : str
        What was computed, in a few words.
    refused : str or None
        Why there is no number: what the estimate needs and did not get.
    warning : str or None
        What the number does not say, or by what it is biased.
    """

    value: float | None
    low: float | None
    high: float | None
    method: str
    refused: str | None = None
    warning: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "method": self.method,
            "refused": self.refused,
            "warning": self.warning,
        }

    def warned(self, *sentences: str | None) -> "Estimate":
        """The same with further warnings; None is left out."""
        found = [each for each in (self.warning, *sentences) if each]
        return replace(self, warning="; ".join(found) or None)


def refused(method: str, reason: str) -> Estimate:
    """An `Estimate` without numbers."""
    return Estimate(value=None, low=None, high=None, method=method, refused=reason)


def psnr_of_mse(mse: Estimate, data_range: float) -> Estimate:
    """The peak signal-to-noise ratio that belongs to a mean squared error, ``10 log10(M² / MSE)`` in dB.

    An unbiased estimate of a small error is often negative, and then there is no PSNR; that of the mean over frames is
    the logarithm of their mean error, not the mean of logarithms, of which one negative frame leaves nothing.

    Parameters
    ----------
    mse : Estimate
    data_range : float
        Peak range M in the units of the error: that of the *clean* image. The range of noisy values, which published
        programs take, grows with the noise and adds as many dB.

    Returns
    -------
    Estimate [dB]
        Refused where the error is; where its value is not above 0; where M is not above 0. Where only the low end of
        the error's interval is not above 0, `high` is None.

    References
    ----------
    Marcos-Morales et al., ICML (2023), arXiv:2210.05553: uPSNR.
    """
    method = f"PSNR of {mse.method}"
    if mse.refused is not None or mse.value is None:
        return refused(method, mse.refused or "there is no mean squared error")
    if not data_range > 0:
        return refused(method, f"the peak range is {data_range:g}; give that of the clean image, above 0")
    if mse.value <= 0:
        return refused(
            method,
            f"the estimated error is {mse.value:.3g}, not above 0: it is smaller than its own uncertainty; take more "
            "frames, or compare denoisers in pairs",
        )

    def decibel(error: float | None) -> float | None:
        return float(10.0 * np.log10(data_range**2 / error)) if error is not None and error > 0 else None

    result = Estimate(
        value=decibel(mse.value), low=decibel(mse.high), high=decibel(mse.low), method=method, warning=mse.warning
    )
    if mse.low is not None and mse.low <= 0:
        return result.warned("no upper limit: the interval of the error reaches 0")
    return result
