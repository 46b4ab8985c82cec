"""Where networks are computed, and with which numbers."""

import time

import torch

from atomotion.data import UsageError
from atomotion.denoise.networks.network import Network

_TIMED = 3


def torch_device(name: str) -> torch.device:
    """The device called "auto" (a GPU where there is one), "cpu" or "cuda".

    Raises
    ------
    UsageError
        Where there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: PyTorch finds no GPU here; atomotion doctor says what is installed")
    return torch.device(name)


def faster_in_low_precision(network: Network, device: torch.device, *, side: int) -> bool:
    """Whether a step of training is faster in bfloat16 than in float32 on this device: both are tried."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    side += -side % network.grid
    frames = torch.zeros((2, network.window, side, side)).contiguous(memory_format=torch.channels_last)
    best = {}
    for low in (False, True):
        times = []
        for _ in range(_TIMED):
            began = time.perf_counter()
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=low):
                result = network(frames)
            result.float().square().mean().backward()
            times.append(time.perf_counter() - began)
        best[low] = min(times)
    network.zero_grad(set_to_none=True)
    return best[True] < best[False]
