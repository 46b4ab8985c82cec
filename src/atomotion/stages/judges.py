"""Denoisers that judge another: its own method on thinned counts, and networks that know half of the movie."""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames
from atomotion.denoise.blocks import denoise
from atomotion.denoise.config import NETWORK_METHODS, SERIES_METHODS, DenoiseConfig
from atomotion.project.stage import Task
from atomotion.stages.judged import UNKNOWN, Judged


@dataclass(frozen=True, kw_only=True)
class Halves:
    """What two networks that have learned from one half of the frames each make of all frames.

    `first` and `second` (t, y, x); `learned_first` (t,) bool tells which frames the first has learned from.
    """

    first: NDArray[np.float32]
    second: NDArray[np.float32]
    learned_first: NDArray[np.bool_]

    @property
    def unseen(self) -> NDArray[np.float32]:
        """(t, y, x) every frame from the network that has not learned from it."""
        return np.where(self.learned_first[:, None, None], self.second, self.first)


def is_network(piece: Judged) -> bool:
    """Whether the movie was denoised by a network that can be trained again."""
    return piece.settings is not None and piece.settings.method in NETWORK_METHODS


def not_again(piece: Judged) -> str | None:
    """Why other frames cannot go the way of the denoised movie, or None where they can."""
    if piece.settings is None:
        return UNKNOWN
    if piece.settings.method in SERIES_METHODS:
        return f"{piece.settings.method} works on one series as a whole, so no other frames can go through the same"
    return None


def same_filter(piece: Judged, frames: Frames, *, along_drift: bool = True) -> NDArray[np.float32]:
    """`frames` through the classical filter that the movie went through; vacuum has no drift to follow."""
    assert piece.settings is not None
    return denoise(frames, piece.settings, drift=piece.drift if along_drift else None, noise=piece.scale)


def gaussian_filtered(piece: Judged, config: DenoiseConfig, frames: Frames) -> NDArray[np.float32]:
    """`frames` through a Gaussian filter, along the drift."""
    return denoise(frames, config, drift=piece.drift, bad_frames=piece.bad, noise=piece.scale)


def trained_on(
    task: Task,
    piece: Judged,
    frames: Frames,
    budget: float,
    *,
    learn_from: NDArray[np.bool_] | None = None,
    name: str,
) -> NDArray[np.float32]:
    """`frames`, denoised by a network of the movie's kind that has learned from (a part of) them within `budget` s."""
    import torch

    from atomotion.denoise.learned import train_model

    assert piece.settings is not None
    torch.set_num_threads(max(1, task.threads))
    settings = replace(piece.settings, budget=budget)
    began = time.perf_counter()
    model, _ = train_model(
        frames,
        settings,
        piece.scale,
        hole=piece.needed_hole_px,
        bad_frames=piece.bad,
        learn_from=learn_from,
        device=task.device,
        on_step=task.steps(f"training on {name}"),
    )
    blocks = model.blocks(frames, piece.scale, bad_frames=piece.bad, memory=settings.memory, device=task.device)
    found = np.concatenate([values for _, values, _ in blocks])
    task.log.info("network on %s: %.1f s", name, time.perf_counter() - began)
    return found


def trained_on_halves(task: Task, piece: Judged, budget: float) -> Halves:
    """Two networks that have learned from every other frame each, within `budget` s together.

    Both see all frames as neighbours, as the network that is judged does; a pixel's own noise can reach a network only
    where that pixel was its target.
    """
    first_half = np.arange(len(piece.raw)) % 2 == 0
    first = trained_on(task, piece, piece.raw, budget / 2, learn_from=first_half, name="one half")
    second = trained_on(task, piece, piece.raw, budget / 2, learn_from=~first_half, name="the other half")
    return Halves(first=first, second=second, learned_first=first_half)
