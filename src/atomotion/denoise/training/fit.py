"""Train a network on a movie: by time or by steps, with the best state kept."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from atomotion.data import AtomotionError
from atomotion.denoise.networks.network import Network
from atomotion.denoise.training.crops import Batch, Crops
from atomotion.denoise.training.recipe import Recipe
from atomotion.denoise.training.targets import Loss

_WARM_UP = 0.05  # part of the training in which the learning rate rises
_LOOKS = 25  # how often the kept-aside pieces are looked at
_ASIDE = 64  # of them at most
_CLIP = 1.0  # longest gradient
_MOST_LOST = 20  # steps in a row whose gradient is not finite

Target = Callable[[Network, Tensor, Tensor, Tensor, Loss], Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How training stands: `step`, `seconds` in training, the loss over the last steps, and on what was kept aside."""

    step: int
    seconds: float
    loss: float
    aside: float
    best: bool


@dataclass(kw_only=True)
class Training:
    """A training that goes on, stops and resumes.

    The weights that count are a running average over the last steps; at every look the average is judged by its loss on
    what was kept aside, and the best one is what `finish` gives back.

    Parameters
    ----------
    network : Network
    crops : Crops
    recipe : Recipe
    target : callable
        How noisy frames become targets (``atomotion.denoise.training.targets``).
    loss : callable
    seconds : float or None
        Wall time for training.
    steps : int or None
        Steps of training; where both are given, whichever ends first.
    device : torch.device
    low_precision : bool
        Compute in bfloat16, with weights in float32.
    """

    network: Network
    crops: Crops
    recipe: Recipe
    target: Target
    loss: Loss
    seconds: float | None
    steps: int | None
    device: torch.device
    low_precision: bool = False

    def __post_init__(self) -> None:
        torch.manual_seed(self.recipe.seed)
        self.network.to(self.device)
        self.optimiser = self.recipe.optimiser(self.network)
        self.average = AveragedModel(self.network, avg_fn=self._averaged)
        self._rng = np.random.default_rng(self.recipe.seed)
        self._aside = self.crops.kept_aside(_ASIDE, np.random.default_rng(self.recipe.seed))
        self.step, self.spent, self.looks = 0, 0.0, list[Look]()
        self._best: dict[str, Tensor] | None = None
        self._best_loss = math.inf
        self._lost = 0
        self._recent = list[float]()

    def run(
        self,
        *,
        on_look: Callable[[Look], None] | None = None,
        on_step: Callable[[int, int], None] | None = None,
        on_checkpoint: Callable[[Mapping[str, Any]], None] | None = None,
        checkpoint_seconds: float = 30.0,
    ) -> None:
        """Train until the time or the steps are used up.

        Parameters
        ----------
        on_look : callable
            Called with a `Look` now and then.
        on_step : callable
            Called with (done, total) in thousandths of the training.
        on_checkpoint : callable
            Called with `state` every `checkpoint_seconds`.
        """
        began, spent_before, saved = time.perf_counter(), self.spent, time.perf_counter()
        looked = self._progress()
        self.network.train()
        while self._progress() < 1:
            progress = self._progress()
            self.recipe.set_rate(self.optimiser, progress, _WARM_UP)
            self._recent.append(self._one_step())
            self.step += 1
            now = time.perf_counter()
            self.spent = spent_before + now - began
            if self._progress() >= min(looked + 1 / _LOOKS, 1):
                looked = self._progress()
                look = self._look()
                self.spent = spent_before + time.perf_counter() - began
                if on_look is not None:
                    on_look(look)
            if on_step is not None:
                # in parts of a thousand: nobody knows beforehand whether time or steps will end it
                on_step(min(round(1000 * self._progress()), 1000), 1000)
            if on_checkpoint is not None and now - saved > checkpoint_seconds:
                saved = now
                on_checkpoint(self.state())
        if on_checkpoint is not None:
            on_checkpoint(self.state())

    def finish(self) -> Network:
        """The network with its best weights, ready to predict."""
        best = self._best if self._best is not None else _copied(self.average.module.state_dict())
        self.network.load_state_dict(best)
        self.network.eval()
        return self.network

    def on_kept_aside(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Output, target and pixels that count of every piece that was kept aside."""
        for batch in self._aside:
            frames, target, counts = self._tensors(batch)
            with torch.no_grad():
                yield self.network(frames).float(), target, counts

    def state(self) -> dict[str, Any]:
        """Everything that `resume` needs, for ``torch.save``."""
        return {
            "network": _copied(self.network.state_dict()),
            "average": _copied(self.average.state_dict()),
            "optimiser": self.optimiser.state_dict(),
            "best": self._best,
            "best_loss": self._best_loss,
            "step": self.step,
            "spent": self.spent,
            "looks": [(each.step, each.seconds, each.loss, each.aside, each.best) for each in self.looks],
            "random": self._rng.bit_generator.state,
            "torch_random": torch.get_rng_state(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self._best, self._best_loss = state["best"], state["best_loss"]
        self.step, self.spent = state["step"], state["spent"]
        self.looks = [
            Look(step=step, seconds=seconds, loss=loss, aside=aside, best=best)
            for step, seconds, loss, aside, best in state["looks"]
        ]
        self._rng.bit_generator.state = state["random"]
        torch.set_rng_state(state["torch_random"])

    def _progress(self) -> float:
        by_time = 0.0 if self.seconds is None else self.spent / max(self.seconds, 1e-9)
        by_steps = 0.0 if self.steps is None else self.step / self.steps
        return max(by_time, by_steps)

    def _one_step(self) -> float:
        batch = self.crops.batch(self.recipe.batch, self._rng)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self._loss_of(self.network, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        if torch.isfinite(norm):
            self.optimiser.step()
            self.average.update_parameters(self.network)
            self._lost = 0
        else:
            self._lost += 1
            if self._lost == _MOST_LOST:
                raise AtomotionError(
                    "training fails: its gradients are no finite numbers; try --network-precision float32, or a lower "
                    "--network-rate"
                )
        return float(loss.detach())

    def _loss_of(self, network: Network, batch: Batch) -> Tensor:
        frames, target, counts = self._tensors(batch)
        if network.training and self.recipe.dropped:
            part = self.recipe.dropped * torch.rand((len(frames), 1, 1, 1), device=self.device)
            frames = frames * (torch.rand_like(frames) >= part)
        frames = frames.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.low_precision):
            return self.target(network, frames, target, counts, self.loss)

    def _tensors(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        arrays = (batch.frames, batch.target, batch.counts)
        frames, target, counts = (torch.from_numpy(np.ascontiguousarray(each)).to(self.device) for each in arrays)
        return frames, target, counts

    def _look(self) -> Look:
        """Judge the averaged weights on what was kept aside."""
        judged = self.average.module
        assert isinstance(judged, Network)
        judged.eval()
        total, weight = 0.0, 0.0
        # masks and splits that are drawn at random are the same at every look
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            for batch in self._aside:
                pixels = float(batch.counts.sum())
                total += pixels * float(self._loss_of(judged, batch))
                weight += pixels
        aside = total / weight if weight else math.nan
        best = not self._aside or aside < self._best_loss
        if best:
            self._best_loss, self._best = aside, _copied(judged.state_dict())
        look = Look(
            step=self.step,
            seconds=self.spent,
            loss=float(np.mean(self._recent)) if self._recent else math.nan,
            aside=aside,
            best=best,
        )
        self._recent.clear()
        self.looks.append(look)
        return look

    def _averaged(self, average: Tensor, current: Tensor, seen: Any) -> Tensor:
        # a short memory at first, so that the start is soon forgotten
        keep = min(self.recipe.average, (1.0 + float(seen)) / (10.0 + float(seen)))
        return keep * average + (1 - keep) * current


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}
