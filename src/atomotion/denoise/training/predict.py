"""Denoise a movie of any size with a trained network: tiles with a halo, in bounded memory, without seams."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atomotion.data import Frames, UsageError
from atomotion.denoise.networks.footprint import bytes_per_pixel
from atomotion.denoise.networks.network import Network
from atomotion.denoise.training.scale import Scale
from atomotion.denoise.training.window import NO_FRAME, window_indices

_LONGEST = 64  # frames of a block
_BATCH = 32  # windows at once
_SMALLEST = 32  # px: tiles below this are nearly all halo

# normalised windows (n, window, y, x) to what is wanted of them (n, wanted, y, x)
Output = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """Frames of a block, side of a tile, windows at once."""

    block: int
    tile: int
    batch: int


def predict_blocks(
    network: Network,
    output: Output,
    frames: Frames,
    scale: Scale,
    *,
    outputs: int = 1,
    bad_frames: Collection[int] = (),
    memory: float = 900e6,
    device: torch.device | None = None,
    low_precision: bool = False,
    tile_px: int | None = None,
    start: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The denoised movie in blocks, each with the number of its first frame.

    Frames that are too large for the memory are cut into tiles. A tile is read with as many pixels around it as the
    network can see, so its values are those of the whole frame, to the precision of its numbers.

    Parameters
    ----------
    network : Network
        Ready to predict (``eval``).
    output : callable
        What is wanted of normalised windows, (n, window, y, x) to (n, outputs, y, x); it calls the network.
    frames : (t, y, x)
    scale : Scale
    outputs : int
    bad_frames : collection of int
        Never looked at; each gets what the network makes of its neighbours.
    memory : float
        Bytes for frames and layers in work.
    device : torch.device
    low_precision : bool
        bfloat16 for the layers' results.
    tile_px : int
        Side of the tiles, where it is not to follow from the memory.
    start : int
        The first frame that is wanted, for work that goes on.
    on_step : callable
        Called with (frames done, frames in all).

    Yields
    ------
    first : int
    block : (n, outputs, y, x) float32
        Normalised values.

    Raises
    ------
    UsageError
        Where the memory is too small for the smallest tile.
    """
    count, height, width = (int(n) for n in frames.shape)
    device = device or torch.device("cpu")
    plan = _planned(network, (count, height, width), memory, tile_px, outputs)
    windows = window_indices(count, network.window, bad_frames)
    for first in range(start, count, plan.block):
        stop = min(first + plan.block, count)
        wanted = windows[first:stop]
        needed = np.unique(wanted[wanted != NO_FRAME])
        seen = np.zeros((len(needed) + 1, height, width), dtype=np.float32)  # the last one stays empty
        for place, t in enumerate(needed):
            values = scale.normalised(frames[int(t)])
            seen[place] = np.where(np.isfinite(values), values, 0)
        places = np.where(wanted == NO_FRAME, len(needed), np.searchsorted(needed, wanted))
        block = np.empty((stop - first, outputs, height, width), dtype=np.float32)
        for y, x in _tiles(height, width, plan.tile):
            _fill(block, seen, places, y, x, network, output, plan.batch, device, low_precision=low_precision)
        yield first, block
        if on_step is not None:
            on_step(stop, count)


def _fill(
    block: NDArray[np.float32],
    seen: NDArray[np.float32],
    places: NDArray[np.int64],
    y: slice,
    x: slice,
    network: Network,
    output: Output,
    batch: int,
    device: torch.device,
    *,
    low_precision: bool,
) -> None:
    """Denoise one tile of all frames of a block."""
    rows, columns = (_with_halo(span, size, network) for span, size in zip((y, x), seen.shape[1:], strict=True))
    piece = seen[:, rows, columns]
    fill = [(0, -(span.stop - span.start) % network.grid) for span in (rows, columns)]
    whole = torch.from_numpy(np.pad(piece, [(0, 0), *fill])).to(device)
    inside = (
        ...,
        slice(y.start - rows.start, y.stop - rows.start),
        slice(x.start - columns.start, x.stop - columns.start),
    )
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=low_precision):
        for at in range(0, len(places), batch):
            chosen = torch.from_numpy(places[at : at + batch]).to(device)
            values = output(whole[chosen].contiguous(memory_format=torch.channels_last))
            block[at : at + batch, :, y, x] = values[inside].float().cpu().numpy()


def _with_halo(span: slice, size: int, network: Network) -> slice:
    halo = -(-network.halo // network.grid) * network.grid
    return slice(max(0, span.start - halo), min(size, span.stop + halo))


def _tiles(height: int, width: int, tile: int) -> Iterator[tuple[slice, slice]]:
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            yield slice(y, min(y + tile, height)), slice(x, min(x + tile, width))


def _planned(network: Network, shape: tuple[int, int, int], memory: float, tile_px: int | None, outputs: int) -> _Plan:
    count, height, width = shape
    frame_bytes = 4 * height * width
    each = bytes_per_pixel(network)
    halo = -(-network.halo // network.grid) * network.grid
    # half for the layers; the block's frames, its result, and a copy of a tile's frames have the other half
    longest = int((memory / 2) // frame_bytes) - network.window - 1
    block = max(1, min(count, _LONGEST, longest // (1 + outputs)))
    held = frame_bytes * (block * (1 + outputs) + network.window)
    for_layers = memory - held
    largest = max(height, width) + (-max(height, width)) % network.grid
    tile = largest if tile_px is None else -(-tile_px // network.grid) * network.grid
    if tile_px is None:
        side = int(np.sqrt(max(for_layers, 0) / (each + 4 * (block + network.window))))
        if side < largest:
            tile = (side - 2 * halo) // network.grid * network.grid
        if tile < min(_SMALLEST, largest):
            needed = held + (min(_SMALLEST + 2 * halo, largest)) ** 2 * (each + 4 * (block + network.window))
            raise UsageError(
                f"--memory {memory / 1e6:.0f} MB is too small for this network on frames of {height} x {width} px; "
                f"give at least {np.ceil(needed / 1e6):.0f} MB"
            )
    area = min(height + network.grid, tile + 2 * halo) * min(width + network.grid, tile + 2 * halo)
    batch = int(np.clip(for_layers // (area * each), 1, _BATCH))
    return _Plan(block=block, tile=tile, batch=batch)
