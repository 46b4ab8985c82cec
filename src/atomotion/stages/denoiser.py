"""The denoiser that a task asks for: a filter, a network trained or taken from a file, or components of a series."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, UsageError
from atomotion.denoise.blocks import denoise_blocks
from atomotion.denoise.config import NETWORK_METHODS, SERIES_METHODS, DenoiseConfig
from atomotion.denoise.methods import METHODS
from atomotion.denoise.series import denoise_series
from atomotion.denoise.stabilise import NoiseScale
from atomotion.denoise.temporal import time_reach
from atomotion.io.models import read_state, write_state
from atomotion.project.stage import Task
from atomotion.stages.findings import hole_of

if TYPE_CHECKING:
    from atomotion.denoise.model import Model
    from atomotion.denoise.training.fit import Look

MODEL = "model.pt"
_CHECKPOINT, _CURVE = "training.pt", "training.csv"


@dataclass(frozen=True, kw_only=True)
class Denoiser:
    """What denoises movies.

    Parameters
    ----------
    config : DenoiseConfig
    noise : NoiseScale
        Of the movie.
    device : str
    model : Model or None
        The trained network, where the method is one.
    curve : DataFrame or None
        How its training went, where it was trained here.
    """

    config: DenoiseConfig
    noise: NoiseScale
    device: str
    model: "Model | None" = None
    curve: pd.DataFrame | None = None

    def blocks(
        self,
        frames: Frames,
        *,
        drift: NDArray[np.floating] | None,
        bad_frames: frozenset[int],
        start: int = 0,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32] | None]]:
        """The denoised movie from frame `start` on: first frame, values and standard deviations (or None) of a block.

        Only filters follow the drift.
        """
        if self.model is not None:
            yield from self.model.blocks(
                frames,
                self.noise,
                bad_frames=bad_frames,
                memory=self.config.memory,
                device=self.device,
                start=start,
                on_step=on_step,
            )
        elif self.config.method in SERIES_METHODS:
            whole = denoise_series(frames, self.config, bad_frames=bad_frames, on_step=on_step)
            yield start, whole[start:], None
        else:
            found = denoise_blocks(
                frames, self.config, drift=drift, bad_frames=bad_frames, noise=self.noise, start=start, on_step=on_step
            )
            for first, values in found:
                yield first, values, None

    def frames_each_side(self, frames: int) -> int:
        """Frames before and after that a denoised frame of a movie of so many depends on."""
        if self.model is not None:
            return self.model.network.window // 2
        if self.config.method in SERIES_METHODS:
            return frames - 1
        return METHODS[self.config.method].halo(self.config) + time_reach(self.config.sigma_frames)

    @property
    def gives_errors(self) -> bool:
        """Whether it states standard deviations."""
        return self.model is not None and self.model.gives_errors

    @property
    def is_blind(self) -> bool:
        """Whether no denoised pixel depends on its own noisy value."""
        return self.model is not None and self.model.is_blind

    @property
    def hole_px(self) -> int:
        """Pixels around its own that a blind network does not see either."""
        return 0 if self.model is None else self.model.network.hole

    @property
    def is_general(self) -> bool:
        """Whether it can denoise another movie, such as simulated vacuum."""
        return self.config.method not in SERIES_METHODS

    @property
    def parameters(self) -> int:
        """Trained values; 0 where nothing is trained."""
        return 0 if self.model is None else self.model.network.parameter_count


def prepared(
    task: Task,
    frames: Frames,
    scale: NoiseScale,
    noise: Mapping[str, Any],
    bad_frames: frozenset[int],
    *,
    predicted_frames: int,
) -> Denoiser:
    """The denoiser for a movie; a network is trained here, or read from the input ``model``.

    Parameters
    ----------
    task : Task
    frames : (t, y, x)
    scale : NoiseScale
    noise : mapping
        ``noise.json``; empty without one.
    bad_frames : frozenset of int
    predicted_frames : int
        How many frames will be denoised, for the time that training may take.
    """
    config: DenoiseConfig = task.config
    given: Path | None = task.inputs.get("model")
    if config.method not in NETWORK_METHODS:
        if given is not None:
            raise UsageError(f"--model is for networks; --method {config.method} has none")
        return Denoiser(config=config, noise=scale, device=task.device)

    import torch

    from atomotion.denoise.model import Model

    torch.set_num_threads(max(1, task.threads))
    task.work.mkdir(parents=True, exist_ok=True)
    curve: pd.DataFrame | None = None
    if given is None:
        curve = _trained(task, frames, scale, noise, bad_frames, predicted_frames)
    model = Model.from_state(read_state(task.work / MODEL if given is None else given))
    if model.method != config.method:
        raise InputError(
            f"{given} holds a model of the method {model.method}, not {config.method}; add --method {model.method}"
        )
    return Denoiser(config=config, noise=scale, device=task.device, model=model, curve=curve)


def _trained(
    task: Task,
    frames: Frames,
    scale: NoiseScale,
    noise: Mapping[str, Any],
    bad_frames: frozenset[int],
    predicted_frames: int,
) -> pd.DataFrame:
    """Train and leave the model in the work folder; what a killed run has learned is kept."""
    from atomotion.denoise.learned import train_model

    config: DenoiseConfig = task.config
    path, checkpoint, curve = task.work / MODEL, task.work / _CHECKPOINT, task.work / _CURVE
    if path.exists():
        return pd.read_csv(curve)
    if noise.get("is_white_frames") is False and config.method != "udvd":
        task.warn(
            "the noise of neighbouring frames is correlated, and the network sees neighbours whole: part of the noise "
            "will be taken for signal; --method udvd is blind in every frame"
        )
    last = {"loss": ""}

    def on_look(look: "Look") -> None:
        last["loss"] = f", loss kept aside {look.aside:.5f}"
        task.log.info("step %d, loss %.6f, kept aside %.6f", look.step, look.loss, look.aside)

    def on_step(done: int, total: int) -> None:
        task.events.progress(f"training, in thousandths{last['loss']}", done, total)

    began = time.perf_counter()
    model, looks = train_model(
        frames,
        config,
        scale,
        hole=hole_of(noise),
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
    table = _table(looks)
    table.to_csv(curve, index=False)
    write_state(path, model.state())
    return table


def _table(looks: "list[Look]") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "step": [look.step for look in looks],
            "training_time_s": [look.seconds for look in looks],
            "loss": [look.loss for look in looks],
            "loss_kept_aside": [look.aside for look in looks],
            "best": [look.best for look in looks],
        }
    )
