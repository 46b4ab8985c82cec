"""Networks at work: trained on a movie within a time, kept as a model, applied to this movie or another."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.data import Frames, InputError, UsageError
from atomotion.denoise.config import DenoiseConfig, NetworkConfig
from atomotion.denoise.machine import faster_in_low_precision, torch_device
from atomotion.denoise.networks.catalogue import build_network, rebuild_network
from atomotion.denoise.networks.network import Network
from atomotion.denoise.stabilise import NoiseScale
from atomotion.denoise.training import losses, targets
from atomotion.denoise.training.crops import Crops
from atomotion.denoise.training.fit import Look, Training
from atomotion.denoise.training.predict import predict_blocks
from atomotion.denoise.training.recipe import Recipe
from atomotion.denoise.training.scale import Scale, measure_scale

_TARGETS = {"neighbour2neighbour": targets.neighbour2neighbour, "noise2void": targets.noise2void}
_HOLES = {"1": 0, "3x3": 1, "5x5": 2}
_FORMAT = 1
_CHECKPOINT = 30.0  # s
_CROP = 128  # px: a piece in which most pixels see as far as in a whole frame
_FOR_VIEWS = 0.1  # of the budget
_LEAST_TRAINING = 0.2  # of the budget, even where prediction takes all of it


@dataclass(kw_only=True)
class Model:
    """A trained network and how it is to be used.

    Parameters
    ----------
    method : str
    arguments : mapping
        What the network is built from.
    network : Network
    loss : str
    views : int
        Mirrored and turned copies that are averaged.
    raw_counts : bool
        Whether it was trained on values as they are stored (the published recipe), not on normalised ones.
    low_precision : bool
    more_variance : float
        What the stated variances were found to be too small by on pixels that were kept aside (normalised).
    """

    method: str
    arguments: Mapping[str, Any]
    network: Network
    loss: str = "mse"
    views: int = 1
    raw_counts: bool = False
    low_precision: bool = False
    more_variance: float = 0.0

    @property
    def gives_errors(self) -> bool:
        """Whether it states a standard deviation for every pixel."""
        return self.loss == "poisson_gaussian"

    @property
    def is_blind(self) -> bool:
        """Whether no denoised pixel depends on its own noisy value."""
        return self.network.blind != "none" and not self.gives_errors

    def state(self) -> dict[str, Any]:
        """Everything of it, for a file."""
        return {
            "format": _FORMAT,
            "method": self.method,
            "arguments": dict(self.arguments),
            "loss": self.loss,
            "views": self.views,
            "raw_counts": self.raw_counts,
            "low_precision": self.low_precision,
            "more_variance": self.more_variance,
            "weights": {name: value.detach().cpu() for name, value in self.network.state_dict().items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Model":
        """The model that `state` was taken from.

        Raises
        ------
        InputError
            Where it is no model, or one of a later version of the program.
        """
        if state.get("format") != _FORMAT or "weights" not in state:
            raise InputError("the file holds no denoising model that this version of atomotion reads")
        network = rebuild_network(state["method"], state["arguments"])
        network.load_state_dict(state["weights"])
        network.eval()
        names = ("method", "arguments", "loss", "views", "raw_counts", "low_precision", "more_variance")
        return cls(network=network, **{name: state[name] for name in names})

    def blocks(
        self,
        frames: Frames,
        noise: NoiseScale,
        *,
        bad_frames: Collection[int] = (),
        memory: float = 900e6,
        device: str = "auto",
        start: int = 0,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32] | None]]:
        """The denoised movie in blocks: first frame, values (n, y, x), and their standard deviations where stated.

        The movie is brought to the scale of training by its own mean and standard deviation, so a model may be used on
        movies with another gain.
        """
        scale = _raw_scale(frames) if self.raw_counts else measure_scale(frames, bad_frames=frozenset(bad_frames))
        where = torch_device(device)
        output = self._output(normalised_noise(noise, scale))
        low = self.low_precision and (device != "cpu" or where.type == "cpu")
        blocks = predict_blocks(
            self.network.to(where),
            output,
            frames,
            scale,
            outputs=2 if self.gives_errors else 1,
            bad_frames=bad_frames,
            memory=memory,
            device=where,
            low_precision=low,
            start=start,
            on_step=on_step,
        )
        for first, block in blocks:
            errors = block[:, 1] * np.float32(scale.sd) if self.gives_errors else None
            yield first, scale.restored(block[:, 0]), errors

    def _output(self, noise: losses.NormalisedNoise) -> Callable[[Tensor], Tensor]:
        def once(windows: Tensor) -> Tensor:
            result = self.network(windows)
            if not self.gives_errors:
                return result
            mean, sd = losses.posterior(result.float(), windows[:, self.network.window // 2], noise, self.more_variance)
            return torch.stack([mean, sd], dim=1)

        def averaged(windows: Tensor) -> Tensor:
            total = once(windows)
            for turns, mirrored in _VIEWS[1 : self.views]:
                moved = torch.rot90(windows, turns, (-2, -1))
                moved = torch.flip(moved, (-1,)) if mirrored else moved
                back = once(moved.contiguous(memory_format=torch.channels_last))
                back = torch.flip(back, (-1,)) if mirrored else back
                total = total + torch.rot90(back, -turns, (-2, -1))
            return total / self.views

        return averaged


# quarter turns and mirrored; the first four leave the shape of a frame as it is
_VIEWS = [(0, False), (2, False), (0, True), (2, True), (1, False), (3, False), (1, True), (3, True)]


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
    it learns something from. With ``config.network.epochs`` the work is
    counted instead, and the same seed gives the same model on the same machine.

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
    bad = frozenset(int(each) for each in bad_frames)
    published = settings.recipe == "published"
    if published and settings.loss != "mse":
        raise UsageError("the published recipe has the loss mse")
    if config.method in _TARGETS and settings.loss != "mse":
        raise UsageError(f"{config.method} has the loss mse only")
    torch.manual_seed(settings.seed)
    network, arguments = build_network(
        config.method,
        window=settings.window,
        hole=_HOLES.get(settings.hole, hole),
        width=settings.width,
        outputs=2 if settings.loss == "poisson_gaussian" else 1,
        neighbours_only=settings.neighbours_only,
        final_relu=published,
        wide=where.type == "cuda",
    )
    network = network.to(where).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    scale = _raw_scale(frames) if published else measure_scale(frames, bad_frames=bad)
    recipe = _recipe(settings, config.method, where, max(int(n) for n in frames.shape[1:]))
    grid = network.grid * (2 if config.method == "neighbour2neighbour" else 1)
    crops = Crops(
        frames,
        scale,
        window=network.window,
        crop_px=recipe.crop_px,
        grid=grid,
        memory=config.memory / 2,
        bad_frames=bad,
        learn_from=learn_from,
        seed=settings.seed,
        on_step=on_read,
    )
    low = settings.precision == "bfloat16"
    if settings.precision == "auto":
        low = faster_in_low_precision(network, where, side=min(recipe.crop_px, 64))
    views = 1 if published or settings.views == "auto" else int(settings.views)
    model = Model(
        method=config.method,
        arguments=arguments,
        network=network,
        loss=settings.loss,
        views=views,
        raw_counts=published,
        low_precision=low,
    )
    seconds, steps = None, None
    if settings.epochs is not None:
        model.views = 4 if settings.views == "auto" and not published else views
        steps = max(1, settings.epochs * _steps_per_epoch(crops, recipe, frames, published=published))
    else:
        count = int(frames.shape[0]) if predicted_frames is None else predicted_frames
        once = _prediction_seconds(replace(model, views=1), frames, count, where)
        if settings.views == "auto" and not published:
            model.views = next((each for each in (8, 4) if each * once <= _FOR_VIEWS * config.budget), 1)
        left = config.budget - (time.perf_counter() - began) - once * model.views
        seconds = max(left, _LEAST_TRAINING * config.budget)
        if not published:
            steps = recipe.passes * _steps_per_epoch(crops, recipe, frames, published=False)
    loss: targets.Loss = losses.squared_error
    if settings.loss == "poisson_gaussian":
        known = normalised_noise(noise, scale)

        def loss(output: Tensor, target: Tensor, counts: Tensor) -> Tensor:
            return losses.poisson_gaussian(output, target, counts, known)

    training = Training(
        network=network,
        crops=crops,
        recipe=recipe,
        target=_TARGETS.get(config.method, targets.blind),
        loss=loss,
        seconds=seconds,
        steps=steps,
        device=where,
        low_precision=low,
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
    more = 0.0
    if settings.loss == "poisson_gaussian":
        # what is learned by heart looks surer than it is: the pixels kept aside tell by how much, and in a small movie
        # they leave room for more, which is added
        found = [losses.unstated_variance(*each, known).cpu() for each in training.on_kept_aside()]
        if found:
            values = torch.cat(found)
            more = max(float(values.mean() + values.std() / len(values) ** 0.5), 0.0)
    return replace(model, network=network, more_variance=more), training.looks


def normalised_noise(noise: NoiseScale, scale: Scale) -> losses.NormalisedNoise:
    """The noise of normalised values: Poisson where the units per electron are known, else equal everywhere."""
    dark = (noise.offset - scale.mean) / scale.sd
    if noise.units_per_electron is None:
        return losses.NormalisedNoise(slope=0.0, dark=dark, constant=(noise.sd / scale.sd) ** 2)
    return losses.NormalisedNoise(slope=noise.units_per_electron / scale.sd, dark=dark, constant=0.0)


def _raw_scale(frames: Frames) -> Scale:
    return Scale(mean=0.0, sd=1.0)


def _recipe(settings: NetworkConfig, method: str, device: torch.device, longest: int) -> Recipe:
    if settings.recipe == "published":
        return Recipe(
            batch=settings.batch or 1,
            crop_px=settings.crop_px or 256,
            rate=settings.rate or 1e-4,
            schedule="published",
            average=0.0,
            dropped=0.0,
            seed=settings.seed,
        )
    crop = min(settings.crop_px or _CROP, longest)
    pixels = (32 if device.type == "cuda" else 2) * _CROP**2
    batch = settings.batch or max(1, pixels // crop**2)
    rate = settings.rate or (1e-3 if method in ("udvd", "blindspot") else 2e-3)
    return Recipe(batch=batch, crop_px=crop, rate=rate, seed=settings.seed)


def _steps_per_epoch(crops: Crops, recipe: Recipe, frames: Frames, *, published: bool) -> int:
    if published:
        return max(1, int(frames.shape[0]) // recipe.batch)
    return max(1, crops.learned_pixels // (recipe.batch * recipe.crop_px**2))


def _prediction_seconds(model: Model, frames: Frames, count: int, device: torch.device) -> float:
    """How long the model will take for `count` frames, from one tile."""
    side = min(128, int(frames.shape[1]), int(frames.shape[2]))
    side += -side % model.network.grid
    output = model._output(losses.NormalisedNoise(slope=0.0, dark=0.0, constant=1.0))
    windows = torch.zeros((1, model.network.window, side, side), device=device)
    windows = windows.contiguous(memory_format=torch.channels_last)
    model.network.eval()
    times = []
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=model.low_precision):
        for _ in range(3):
            began = time.perf_counter()
            output(windows).float().cpu()
            times.append(time.perf_counter() - began)
    return 1.25 * min(times) * count * int(frames.shape[1]) * int(frames.shape[2]) / side**2
