"""A network that learns from a movie, within a time or a number of steps."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atomotion.data import Frames, UsageError
from atomotion.denoise.config import DenoiseConfig, NetworkConfig
from atomotion.denoise.machine import faster_in_low_precision, torch_device
from atomotion.denoise.model import Model
from atomotion.denoise.networks.catalogue import build_network
from atomotion.denoise.stabilise import NoiseScale
from atomotion.denoise.training import losses, targets
from atomotion.denoise.training.crops import Crops
from atomotion.denoise.training.fit import Look, Training
from atomotion.denoise.training.recipe import Recipe, recipe_for

_TARGETS = {"neighbour2neighbour": targets.neighbour2neighbour, "noise2void": targets.noise2void}
_HOLES = {"1": 0, "3x3": 1, "5x5": 2}
_CHECKPOINT = 30.0  # s
_TIMED_PX = 64  # largest side of the pieces that precisions are tried on
_FOR_VIEWS = 0.1  # of the budget
_LEAST_TRAINING = 0.2  # of the budget, even where prediction takes all of it
_VIEWS_OF_EPOCHS = 4


def train_model(
    frames: Frames,
    config: DenoiseConfig,
    noise: NoiseScale,
    *,
    hole: int = 0,
    bad_frames: Collection[int] = (),
    learn_from: NDArray[np.bool_] | None = None,
    predicted_frames: int | None = None,
    device: str = "auto",
    state: Mapping[str, Any] | None = None,
    on_read: Callable[[int, int], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    on_look: Callable[[Look], None] | None = None,
    on_checkpoint: Callable[[Mapping[str, Any]], None] | None = None,
) -> tuple[Model, list[Look]]:
    """Train the network of ``config.method`` on a movie.

    ``config.budget`` holds for training and prediction together: how long the prediction of `predicted_frames` frames
    will take is measured first, and training has the rest, at least a fifth, but no more passes through the movie than
    it learns something from. With ``config.network.epochs`` the work is counted instead, and where the precision is
    chosen too, the same seed gives the same model on the same machine.

    Parameters
    ----------
    frames : (t, y, x)
    config : DenoiseConfig
    noise : NoiseScale
    hole : int
        Radius of the hole [px] where ``config.network.hole`` is auto.
    bad_frames : collection of int
    learn_from : (t,) bool or None
        Frames to learn from; the others are seen as neighbours only.
    predicted_frames : int or None
        Frames that are to be denoised in the same budget; those of the movie where it is None.
    device : str
        "auto", "cpu", "cuda".
    state : mapping or None
        Of a training that was stopped, from `on_checkpoint`.
    on_read, on_step : callable
        Called with (done, total).
    on_look : callable
        Called with a `Look` now and then.
    on_checkpoint : callable
        Called with what `state` takes, now and then.

    Returns
    -------
    model : Model
    looks : list of Look
        How training went.

    Raises
    ------
    InputError
        Where there is nothing to learn from.
    UsageError
        Where the parameters contradict each other.
    """
    began = time.perf_counter()
    settings, where = config.network, torch_device(device)
    _check_loss(config)
    model = _untrained(config, hole, where)
    scale = model.scale_of(frames, bad_frames=bad_frames)
    longest = max(int(n) for n in frames.shape[1:])
    recipe = recipe_for(settings, config.method, on_gpu=where.type == "cuda", longest_px=longest)
    crops = Crops(
        frames,
        scale,
        window=model.network.window,
        crop_px=recipe.crop_px,
        grid=model.network.grid * (2 if config.method == "neighbour2neighbour" else 1),
        memory=config.memory / 2,
        bad_frames=frozenset(int(each) for each in bad_frames),
        learn_from=learn_from,
        seed=settings.seed,
        on_step=on_read,
    )
    model = replace(model, low_precision=_low_precision(settings, model, where, recipe))
    steps = recipe.steps_per_pass(frames=int(frames.shape[0]), pixels=crops.learned_pixels)
    count = int(frames.shape[0]) if predicted_frames is None else predicted_frames
    limits = _limits(config, model, (count, int(frames.shape[1]), int(frames.shape[2])), where, recipe, steps, began)
    known = losses.normalised_noise(noise, scale)
    training = Training(
        network=model.network,
        crops=crops,
        recipe=recipe,
        target=_TARGETS.get(config.method, targets.blind),
        loss=partial(losses.poisson_gaussian, noise=known) if model.gives_errors else losses.squared_error,
        seconds=limits.seconds,
        steps=limits.steps,
        device=where,
        low_precision=model.low_precision,
    )
    if state is not None:
        training.resume(state)
    training.run(
        on_look=on_look,
        on_step=on_step,
        on_checkpoint=on_checkpoint,
        checkpoint_seconds=min(_CHECKPOINT, config.budget / 10),
    )
    network = training.finish()
    more = _missing_variance(training, known) if model.gives_errors else 0.0
    return replace(model, network=network, views=limits.views, more_variance=more), training.looks


def _check_loss(config: DenoiseConfig) -> None:
    if config.network.loss == "mse":
        return
    if config.network.recipe == "published":
        raise UsageError("the published recipe has the loss mse")
    if config.method in _TARGETS:
        raise UsageError(f"{config.method} has the loss mse only")


def _untrained(config: DenoiseConfig, hole: int, device: torch.device) -> Model:
    """The network of a method on the device, its weights drawn from the seed."""
    settings = config.network
    published = settings.recipe == "published"
    torch.manual_seed(settings.seed)
    network, arguments = build_network(
        config.method,
        window=settings.window,
        hole=_HOLES.get(settings.hole, hole),
        width=settings.width,
        outputs=2 if settings.loss == "poisson_gaussian" else 1,
        neighbours_only=settings.neighbours_only,
        final_relu=published,
        wide=device.type == "cuda",
    )
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Model(method=config.method, arguments=arguments, network=network, loss=settings.loss, raw_counts=published)


def _low_precision(settings: NetworkConfig, model: Model, device: torch.device, recipe: Recipe) -> bool:
    if settings.precision == "auto":
        if settings.epochs is not None and device.type == "cpu":
            return False  # which is faster may change from run to run, and counted epochs repeat a result
        return faster_in_low_precision(model.network, device, side=min(recipe.crop_px, _TIMED_PX))
    return settings.precision == "bfloat16"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Limits:
    """Copies of every frame that prediction averages, and where training ends: a time [s], steps, or both."""

    views: int
    seconds: float | None
    steps: int | None


def _limits(
    config: DenoiseConfig,
    model: Model,
    predicted: tuple[int, int, int],
    device: torch.device,
    recipe: Recipe,
    steps_per_pass: int,
    began: float,
) -> _Limits:
    """Share the budget between training and the prediction of a movie of the shape `predicted`."""
    settings = config.network
    views = _wanted_views(settings)
    if settings.epochs is not None:
        return _Limits(views=views or _VIEWS_OF_EPOCHS, seconds=None, steps=settings.epochs * steps_per_pass)
    once = model.prediction_seconds(predicted, device)
    if views is None:
        views = next((each for each in (8, 4) if each * once <= _FOR_VIEWS * config.budget), 1)
    left = config.budget - (time.perf_counter() - began) - once * views
    return _Limits(
        views=views,
        seconds=max(left, _LEAST_TRAINING * config.budget),
        steps=None if recipe.passes is None else recipe.passes * steps_per_pass,
    )


def _wanted_views(settings: NetworkConfig) -> int | None:
    """The number that was asked for; None where it is open."""
    if settings.recipe == "published":
        return 1
    return None if settings.views == "auto" else int(settings.views)


def _missing_variance(training: Training, noise: losses.NormalisedNoise) -> float:
    """What the stated variances are too small by.

    What is learned by heart looks surer than it is: the pixels kept aside tell by how much. In a small movie they are
    few and leave room for more, so one standard error is added.
    """
    found = [losses.unstated_variance(*each, noise).cpu() for each in training.on_kept_aside()]
    if not found:
        return 0.0
    values = torch.cat(found)
    return max(float(values.mean() + values.std() / len(values) ** 0.5), 0.0)
