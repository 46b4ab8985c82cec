"""The denoiser that a task asks for: a filter, a network trained or taken from a file, or components of a series."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, UsageError
from atomotion.denoise.blocks import denoise_blocks
from atomotion.denoise.config import NETWORK_METHODS, SERIES_METHODS, DenoiseConfig
from atomotion.denoise.hole import hole_radius
from atomotion.denoise.stabilise import NoiseScale
from atomotion.io.models import read_state, write_state
from atomotion.project.leaf import read_json
from atomotion.project.stage import Task

Blocks = Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32] | None]]
_MODEL, _CHECKPOINT = "model.pt", "training.pt"


@dataclass(frozen=True, kw_only=True)
class Denoiser:
    """What denoises movies.

    Parameters
    ----------
    blocks : callable
        ``blocks(frames, drift, bad_frames, start, on_step)`` gives first frame, values and standard deviations (or
        None), block by block.
    method : str
    reach : int
        Frames on either side that a denoised frame depends on; -1 for all.
    gives_errors : bool
    is_blind : bool
        Whether no denoised pixel depends on its own noisy value.
    hole_px : int
        Pixels around its own that a blind network does not see either.
    is_general : bool
        Whether it can denoise another movie, such as simulated vacuum.
    parameters : int
        Trained values; 0 where nothing is trained.
    curve : DataFrame or None
        How training went.
    """

    blocks: Callable[..., Blocks]
    method: str
    reach: int
    gives_errors: bool = False
    is_blind: bool = False
    hole_px: int = 0
    is_general: bool = True
    parameters: int = 0
    curve: pd.DataFrame | None = None


def prepared(
    task: Task,
    config: DenoiseConfig,
    frames: Frames,
    noise: NoiseScale,
    bad_frames: frozenset[int],
    *,
    predicted_frames: int,
) -> Denoiser:
    """The denoiser for a movie; a network is trained here, or read from the input ``model``.

    Parameters
    ----------
    task : Task
    config : DenoiseConfig
    frames : (t, y, x)
    noise : NoiseScale
    bad_frames : frozenset of int
    predicted_frames : int
        How many frames will be denoised, for the time that training may take.
    """
    if task.inputs.get("model") is not None and config.method not in NETWORK_METHODS:
        raise UsageError(f"--model is for networks; --method {config.method} has none")
    if config.method in NETWORK_METHODS:
        return _network(task, config, frames, noise, bad_frames, predicted_frames)
    if config.method in SERIES_METHODS:
        return _series(config)
    return _filter(config, noise)


def _filter(config: DenoiseConfig, noise: NoiseScale) -> Denoiser:
    from atomotion.denoise.methods import METHODS
    from atomotion.denoise.temporal import time_reach

    def blocks(
        frames: Frames,
        drift: NDArray[np.floating] | None,
        bad_frames: frozenset[int],
        start: int,
        on_step: Callable[[int, int], None] | None,
    ) -> Blocks:
        found = denoise_blocks(
            frames, config, drift=drift, bad_frames=bad_frames, noise=noise, start=start, on_step=on_step
        )
        for first, block in found:
            yield first, block, None

    reach = METHODS[config.method].halo(config) + time_reach(config.sigma_frames)
    return Denoiser(blocks=blocks, method=config.method, reach=reach)


def _series(config: DenoiseConfig) -> Denoiser:
    from atomotion.denoise.series import denoise_series

    def blocks(
        frames: Frames,
        drift: NDArray[np.floating] | None,
        bad_frames: frozenset[int],
        start: int,
        on_step: Callable[[int, int], None] | None,
    ) -> Blocks:
        whole = denoise_series(frames, config, bad_frames=bad_frames, on_step=on_step)
        yield start, whole[start:], None

    return Denoiser(blocks=blocks, method=config.method, reach=-1, is_general=False)


def _network(
    task: Task,
    config: DenoiseConfig,
    frames: Frames,
    noise: NoiseScale,
    bad_frames: frozenset[int],
    predicted_frames: int,
) -> Denoiser:
    import torch

    from atomotion.denoise.learned import Model

    torch.set_num_threads(max(1, task.threads))
    task.work.mkdir(parents=True, exist_ok=True)
    curve: pd.DataFrame | None = None
    given: Path | None = task.inputs.get("model")
    if given is not None:
        model = Model.from_state(read_state(given))
        if model.method != config.method:
            raise InputError(
                f"{given} holds a model of the method {model.method}, not {config.method}; add --method {model.method}"
            )
    else:
        curve = _trained(task, config, frames, noise, bad_frames, predicted_frames)
        model = Model.from_state(read_state(task.work / _MODEL))

    def blocks(
        frames: Frames,
        drift: NDArray[np.floating] | None,
        bad_frames: frozenset[int],
        start: int,
        on_step: Callable[[int, int], None] | None,
    ) -> Blocks:
        yield from model.blocks(
            frames,
            noise,
            bad_frames=bad_frames,
            memory=config.memory,
            device=task.device,
            start=start,
            on_step=on_step,
        )

    return Denoiser(
        blocks=blocks,
        method=model.method,
        reach=model.network.window // 2,
        gives_errors=model.gives_errors,
        is_blind=model.is_blind,
        hole_px=model.network.hole,
        parameters=model.network.parameter_count,
        curve=curve,
    )


def _trained(
    task: Task,
    config: DenoiseConfig,
    frames: Frames,
    noise: NoiseScale,
    bad_frames: frozenset[int],
    predicted_frames: int,
) -> pd.DataFrame:
    """Train and leave the model in the work folder; what a killed run has learned is kept."""
    from atomotion.denoise.learned import train_model
    from atomotion.denoise.training.fit import Look

    path, checkpoint, curve = task.work / _MODEL, task.work / _CHECKPOINT, task.work / "training.csv"
    if path.exists():
        return pd.read_csv(curve)
    findings = read_json(task.inputs["noise"], {}) if task.inputs.get("noise") else {}
    if findings.get("is_white_frames") is False and config.method != "udvd":
        task.warn(
            "the noise of neighbouring frames is correlated, and the network sees neighbours whole: part of the noise "
            "will be taken for signal; --method udvd is blind in every frame"
        )
    hole = hole_radius(findings.get("pixel_correlation"), is_white=findings.get("is_white_pixels"))
    said = {"loss": ""}

    def on_look(look: Look) -> None:
        said["loss"] = f", loss kept aside {look.aside:.5f}"
        task.log.info("step %d, loss %.6f, kept aside %.6f", look.step, look.loss, look.aside)

    def on_step(done: int, total: int) -> None:
        task.events.progress(f"training, in thousandths{said['loss']}", done, total)

    began = time.perf_counter()
    model, looks = train_model(
        frames,
        config,
        noise,
        hole=hole,
        bad_frames=bad_frames,
        predicted_frames=predicted_frames,
        device=task.device,
        state=read_state(checkpoint) if checkpoint.exists() else None,
        on_read=task.steps("reading"),
        on_step=on_step,
        on_look=on_look,
        on_checkpoint=lambda state: write_state(checkpoint, state),
    )
    task.log.info("trained in %.1f s", time.perf_counter() - began)
    table = pd.DataFrame(
        {
            "step": [look.step for look in looks],
            "training_time_s": [look.seconds for look in looks],
            "loss": [look.loss for look in looks],
            "loss_kept_aside": [look.aside for look in looks],
            "best": [look.best for look in looks],
        }
    )
    table.to_csv(curve, index=False)
    write_state(path, model.state())
    return table
