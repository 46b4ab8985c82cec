"""How a network is trained: optimiser, learning rate, pieces."""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from atomotion.denoise.config import NetworkConfig
from atomotion.denoise.networks.network import Network

_CROP = 128  # px: a piece in which most pixels see as far as in a whole frame
_CROPS, _CROPS_ON_GPU = 2, 32  # a step's pixels, in pieces of that side


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Optimiser, learning rate and batches.

    Parameters
    ----------
    batch : int
        Pieces per step.
    crop_px : int
        Their side.
    rate : float
        Highest learning rate.
    schedule : "cosine" or "published"
        Cosine with a short rise before; or halved after 30, 60 and 80 % of the training, as published for UDVD on
        electron-microscopy movies (epochs 15, 30 and 40 of 50).
    average : float
        How much of the running average of the weights is kept at every step; 0 counts the last state alone.
    dropped : float
        In every piece up to this part of the input's pixels is replaced by the mean, another part each time. A network
        that never sees the same picture twice learns the noise by heart much later.
    passes : int or None
        Times that training goes through the movie at most, however much time there is; None is without bound.
    seed : int
    """

    batch: int
    crop_px: int
    rate: float = 2e-3
    schedule: Literal["cosine", "published"] = "cosine"
    average: float = 0.998
    dropped: float = 0.5
    passes: int | None = 60
    seed: int = 0

    def steps_per_pass(self, *, frames: int, pixels: int) -> int:
        """Steps in which training goes once through a movie of so many frames and pixels to learn from.

        The published recipe takes one piece of every frame and calls that an epoch.
        """
        if self.schedule == "published":
            return max(1, frames // self.batch)
        return max(1, pixels // (self.batch * self.crop_px**2))

    def optimiser(self, network: Network) -> torch.optim.Optimizer:
        """AdamW; plain Adam in the published recipe."""
        if self.schedule == "published":
            return torch.optim.Adam(network.parameters(), lr=self.rate)
        return torch.optim.AdamW(network.parameters(), lr=self.rate, weight_decay=1e-4)

    def set_rate(self, optimiser: torch.optim.Optimizer, progress: float, warm_up: float) -> None:
        """Set the learning rate for a training of which the part `progress` is done."""
        if self.schedule == "published":
            factor = 0.5 ** sum(progress >= at for at in (0.3, 0.6, 0.8))
        elif progress < warm_up:
            factor = max(progress / warm_up, 0.02)
        else:
            factor = 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))
        for group in optimiser.param_groups:
            group["lr"] = self.rate * factor


def recipe_for(settings: NetworkConfig, method: str, *, on_gpu: bool, longest_px: int) -> Recipe:
    """The recipe that the parameters ask for; what they leave open follows from the method and the machine.

    Parameters
    ----------
    settings : NetworkConfig
    method : str
    on_gpu : bool
    longest_px : int
        Longer side of the frames.
    """
    if settings.recipe == "published":
        return Recipe(
            batch=settings.batch or 1,
            crop_px=settings.crop_px or 256,
            rate=settings.rate or 1e-4,
            schedule="published",
            average=0.0,
            dropped=0.0,
            passes=None,
            seed=settings.seed,
        )
    crop = min(settings.crop_px or _CROP, longest_px)
    pixels = (_CROPS_ON_GPU if on_gpu else _CROPS) * _CROP**2
    batch = settings.batch or max(1, pixels // crop**2)
    rate = settings.rate or (1e-3 if method in ("udvd", "blindspot") else 2e-3)
    return Recipe(batch=batch, crop_px=crop, rate=rate, seed=settings.seed)
