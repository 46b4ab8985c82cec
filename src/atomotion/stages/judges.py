"""Denoisers that judge another: the same method on thinned counts and on halves of the movie, and the best Gaussian."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames
from atomotion.denoise.blocks import denoise
from atomotion.denoise.config import NETWORK_METHODS, SERIES_METHODS, DenoiseConfig
from atomotion.denoise.stabilise import NoiseScale
from atomotion.project.leaf import read_json
from atomotion.project.stage import Task
from atomotion.stages.judged import Judged

Denoiser = Callable[[Frames], NDArray[np.float32]]

_SIGMAS_PX = (0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
_SIGMAS_FRAMES = (0.0, 1.0, 2.0, 3.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class Halves:
    """What two networks that have learned from one half of the frames each make of all frames.

    `first` and `second` (t, y, x); `learned_first` (t,) bool tells which frames the first has learned from. `unseen`
    (t, y, x) takes every frame from the network that has not seen it.
    """

    first: NDArray[np.float32]
    second: NDArray[np.float32]
    learned_first: NDArray[np.bool_]

    @property
    def unseen(self) -> NDArray[np.float32]:
        """Every frame from the network that has not learned from it."""
        return np.where(self.learned_first[:, None, None], self.second, self.first)


def is_network(piece: Judged) -> bool:
    """Whether the movie was denoised by a network that can be trained again."""
    return piece.settings is not None and piece.settings.method in NETWORK_METHODS


def can_run_again(piece: Judged) -> bool:
    """Whether the way in which the movie was denoised is known."""
    return piece.settings is not None and piece.settings.method not in SERIES_METHODS


def same_filter(piece: Judged, frames: Frames, *, along_drift: bool = True) -> NDArray[np.float32]:
    """`frames` through the classical filter that the movie went through; vacuum has no drift to follow."""
    assert piece.settings is not None
    return denoise(frames, piece.settings, drift=piece.drift if along_drift else None, noise=piece.scale)


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

    from atomotion.denoise.hole import hole_radius
    from atomotion.denoise.learned import train_model

    assert piece.settings is not None
    torch.set_num_threads(max(1, task.threads))
    findings = read_json(task.inputs["noise"], {}) if task.inputs.get("noise") else {}
    settings = replace(piece.settings, budget=budget)
    began = time.perf_counter()
    model, _ = train_model(
        frames,
        settings,
        piece.scale,
        hole=hole_radius(findings.get("pixel_correlation"), is_white=findings.get("is_white_pixels")),
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


def gaussians(piece: Judged) -> list[DenoiseConfig]:
    """The Gaussian filters that the best one is chosen from."""
    return [
        DenoiseConfig(method="gaussian", sigma_px=px, sigma_frames=frames)
        for px in _SIGMAS_PX
        for frames in _SIGMAS_FRAMES
        if frames == 0 or len(piece.raw) > 2
    ]


def gaussian_filtered(piece: Judged, config: DenoiseConfig, frames: Frames) -> NDArray[np.float32]:
    """`frames` through a Gaussian filter, along the drift."""
    return denoise(frames, config, drift=piece.drift, bad_frames=piece.bad, noise=piece.scale)


def weight_of_own_pixel(config: DenoiseConfig, frames: int) -> NDArray[np.floating]:
    """(t, 1, 1) the weight that a Gaussian filter gives the pixel itself, at every frame; for a sample that stands."""
    reach = int(np.ceil(4 * config.sigma_px)) + 1
    point = np.zeros((1, 2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    point[0, reach, reach] = 1.0
    alone = denoise(point, replace(config, sigma_frames=0.0), noise=_unit_noise())[0, reach, reach]
    places = np.arange(frames)
    if config.sigma_frames == 0:
        return np.full((frames, 1, 1), float(alone))
    away = np.abs(places[:, None] - places[None, :])
    weights = np.where(away <= np.ceil(3 * config.sigma_frames), np.exp(-0.5 * (away / config.sigma_frames) ** 2), 0.0)
    return np.asarray(float(alone) / weights.sum(axis=1))[:, None, None]


def _unit_noise() -> NoiseScale:
    return NoiseScale(sd=1.0, mean=0.0, units_per_electron=None)
