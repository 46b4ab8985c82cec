"""What training minimises, and what a network's outputs mean."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from atomotion.denoise.stabilise import NoiseScale
from atomotion.denoise.training.scale import Scale

_LOWEST_LOG, _HIGHEST_LOG = -12.0, 6.0  # of the variance of normalised values


@dataclass(frozen=True, kw_only=True, slots=True)
class NormalisedNoise:
    """The noise of normalised values: variance ``slope * max(x - dark, 0) + constant`` where the clean value is x.

    Parameters
    ----------
    slope : float
        Units per electron over the movie's standard deviation; 0 for noise that is equally strong everywhere.
    dark : float
        The normalised value of no electron.
    constant : float
        Variance that is there without electrons.
    """

    slope: float
    dark: float
    constant: float

    def variance(self, clean: Tensor) -> Tensor:
        """The variance of the noise where the clean value is `clean`."""
        # counts near 0 would make the weight of a pixel endless
        least = 0.05 * self.slope * max(-self.dark, 1e-6) + 1e-6
        return (self.slope * (clean - self.dark)).clamp(min=least) + self.constant


def normalised_noise(noise: NoiseScale, scale: Scale) -> NormalisedNoise:
    """The noise of normalised values: Poisson where the units per electron are known, else equal everywhere."""
    dark = (noise.offset - scale.mean) / scale.sd
    if noise.units_per_electron is None:
        return NormalisedNoise(slope=0.0, dark=dark, constant=(noise.sd / scale.sd) ** 2)
    return NormalisedNoise(slope=noise.units_per_electron / scale.sd, dark=dark, constant=0.0)


def squared_error(output: Tensor, target: Tensor, counts: Tensor) -> Tensor:
    """Mean squared error over the pixels that count.

    Parameters
    ----------
    output : (n, outputs, y, x)
    target : (n, y, x)
    counts : (n, y, x) bool
    """
    return (functional.mse_loss(output[:, 0], target, reduction="none") * counts).sum() / counts.sum().clamp(min=1)


def poisson_gaussian(output: Tensor, target: Tensor, counts: Tensor, noise: NormalisedNoise) -> Tensor:
    r"""Negative log-likelihood of a Gaussian prior for the clean value, seen through Poisson and read noise.

    With the network's mean μ and variance s² and the noise variance n(μ),

    .. math:: \tfrac12 \frac{(y - \mu)^2}{s^2 + n(\mu)} + \tfrac12 \log(s^2 + n(\mu))

    averaged over the pixels that count; n takes no gradient, so the mean is drawn to the data and not to strong noise.
    """
    mean = output[:, 0]
    spread = prior_variance(output) + noise.variance(mean.detach())
    loss = 0.5 * (target - mean) ** 2 / spread + 0.5 * spread.log()
    return (loss * counts).sum() / counts.sum().clamp(min=1)


def prior_variance(output: Tensor) -> Tensor:
    """The variance that a network with two outputs states for the clean value, (n, y, x)."""
    return output[:, 1].clamp(_LOWEST_LOG, _HIGHEST_LOG).exp()


def unstated_variance(output: Tensor, target: Tensor, counts: Tensor, noise: NormalisedNoise) -> Tensor:
    """What the squared error has beyond the noise and the stated variance, for every pixel that counts, (k,).

    On pixels that a network has not learned from, its mean is what the stated variance is too small by.
    """
    beyond = (target - output[:, 0]) ** 2 - noise.variance(output[:, 0]) - prior_variance(output)
    return beyond[counts]


def posterior(
    output: Tensor, seen: Tensor, noise: NormalisedNoise, more_variance: float = 0.0
) -> tuple[Tensor, Tensor]:
    r"""Mean and standard deviation of the clean value, given its surroundings and the pixel itself.

    .. math:: \hat x = \frac{s^2 y + n \mu}{s^2 + n}, \qquad \sigma^2 = \frac{s^2 n}{s^2 + n}

    Parameters
    ----------
    output : (n, 2, y, x)
    seen : (n, y, x)
        The noisy values.
    noise : NormalisedNoise
    more_variance : float
        Added to the stated variance (`unstated_variance`).

    References
    ----------
    Laine et al., NeurIPS (2019), arXiv 1901.10277.
    """
    mean, own = output[:, 0], prior_variance(output) + more_variance
    n = noise.variance(mean)
    return (own * seen + n * mean) / (own + n), torch.sqrt(own * n / (own + n))
