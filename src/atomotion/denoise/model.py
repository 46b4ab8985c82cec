"""A trained network: what it is, and the movies that it denoises."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.data import Frames, InputError
from atomotion.denoise.machine import torch_device
from atomotion.denoise.networks.catalogue import rebuild_network
from atomotion.denoise.networks.network import Network
from atomotion.denoise.stabilise import NoiseScale
from atomotion.denoise.training import losses
from atomotion.denoise.training.predict import Output, predict_blocks
from atomotion.denoise.training.scale import Scale, measure_scale

_FORMAT = 1
_TIMED_PX, _TIMED = 128, 3  # side of the tile that is timed, and how often
_SLOWER = 1.25  # whole movies than one tile
# quarter turns and mirrored; the first four leave the shape of a frame as it is
_VIEWS = ((0, False), (2, False), (0, True), (2, True), (1, False), (3, False), (1, True), (3, True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A network and how it is to be used.

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
        Whether it computes in bfloat16.
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

    def scale_of(self, frames: Frames, *, bad_frames: Collection[int] = ()) -> Scale:
        """The scale on which the network sees a movie: mean 0 and standard deviation 1, or as stored (`raw_counts`)."""
        if self.raw_counts:
            return Scale(mean=0.0, sd=1.0)
        return measure_scale(frames, bad_frames=frozenset(bad_frames))

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

        Parameters
        ----------
        frames : (t, y, x)
        noise : NoiseScale
            Of the movie; only a model that states standard deviations asks for it.
        bad_frames, memory, start, on_step
            As in `predict_blocks`.
        device : str
            "auto", "cpu", "cuda".
        """
        scale = self.scale_of(frames, bad_frames=bad_frames)
        where = torch_device(device)
        blocks = predict_blocks(
            self.network.to(where),
            self._output(losses.normalised_noise(noise, scale)),
            frames,
            scale,
            outputs=2 if self.gives_errors else 1,
            bad_frames=bad_frames,
            memory=memory,
            device=where,
            low_precision=self.low_precision,
            start=start,
            on_step=on_step,
        )
        for first, block in blocks:
            errors = block[:, 1] * np.float32(scale.sd) if self.gives_errors else None
            yield first, scale.restored(block[:, 0]), errors

    def prediction_seconds(self, shape: tuple[int, int, int], device: torch.device) -> float:
        """How long a movie of the shape (t, y, x) will take, from the time of one tile."""
        count, height, width = shape
        side = min(_TIMED_PX, height, width)
        side += -side % self.network.grid
        output = self._output(losses.NormalisedNoise(slope=0.0, dark=0.0, constant=1.0))
        windows = torch.zeros((1, self.network.window, side, side), device=device)
        windows = windows.contiguous(memory_format=torch.channels_last)
        self.network.eval()
        times = []
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.low_precision):
            for _ in range(_TIMED):
                began = time.perf_counter()
                output(windows).float().cpu()
                times.append(time.perf_counter() - began)
        return _SLOWER * min(times) * count * height * width / side**2

    def _output(self, noise: losses.NormalisedNoise) -> Output:
        """Normalised windows to denoised values, and standard deviations, averaged over the views."""

        def once(windows: Tensor) -> Tensor:
            result: Tensor = self.network(windows)
            if not self.gives_errors:
                return result
            middle = windows[:, self.network.window // 2]
            mean, sd = losses.posterior(result.float(), middle, noise, self.more_variance)
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
