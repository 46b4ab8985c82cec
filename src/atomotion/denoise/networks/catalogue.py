"""Networks by the name of their method, with the sizes they have unless the user says otherwise."""

from collections.abc import Callable, Mapping
from typing import Any

from atomotion.data import UsageError
from atomotion.denoise.networks.blindspot import BlindSpot
from atomotion.denoise.networks.hybrid import Hybrid
from atomotion.denoise.networks.network import Network
from atomotion.denoise.networks.udvd import Udvd
from atomotion.denoise.networks.unet import UNet

_NETWORKS: Mapping[str, Callable[..., Network]] = {
    "hybrid": Hybrid,
    "udvd": Udvd,
    "blindspot": BlindSpot,
    "neighbour2neighbour": UNet,
    "noise2void": UNet,
}
WINDOWS: Mapping[str, int] = {"hybrid": 11, "udvd": 5, "blindspot": 5, "neighbour2neighbour": 1, "noise2void": 5}
_WIDTHS: Mapping[str, int] = {"hybrid": 16, "udvd": 48, "blindspot": 24, "neighbour2neighbour": 16, "noise2void": 16}
_WIDE_HYBRID = 48  # on a GPU
# the largest hole that the network is made with
_HOLES: Mapping[str, int] = {"hybrid": 2, "udvd": 1, "blindspot": 1, "neighbour2neighbour": 0, "noise2void": 0}


def build_network(
    method: str,
    *,
    window: int | None = None,
    hole: int = 0,
    width: int | None = None,
    outputs: int = 1,
    neighbours_only: bool = False,
    final_relu: bool = False,
    wide: bool = False,
) -> tuple[Network, dict[str, Any]]:
    """The network of a method, and the arguments that build it again.

    Parameters
    ----------
    method : str
    window : int or None
        Frames, an odd number.
    hole : int
        Radius of the hole [px].
    width : int or None
    outputs : int
    neighbours_only : bool
        Hybrid without its branch for the frame itself.
    final_relu : bool
        UDVD with its last cut at 0.
    wide : bool
        Whether there is a GPU to make use of.

    Raises
    ------
    UsageError
        For a window or a hole that the network is not made for.
    """
    window = WINDOWS[method] if window is None else window
    if window % 2 == 0:
        raise UsageError(f"--network-window {window} has no middle frame; give an odd number")
    if method == "udvd" and window not in (1, 5):
        raise UsageError(f"udvd sees 5 frames or 1, not {window}; hybrid takes any odd number")
    if hole > _HOLES[method] and method not in ("neighbour2neighbour", "noise2void"):
        raise UsageError(f"{method} has no hole of {2 * hole + 1} x {2 * hole + 1}; hybrid has")
    if width is None:
        width = _WIDE_HYBRID if wide and method == "hybrid" else _WIDTHS[method]
    arguments: dict[str, Any] = {"window": window, "width": width, "outputs": outputs}
    if _HOLES[method]:
        arguments["hole"] = hole
    if neighbours_only and method == "hybrid":
        if window == 1:
            raise UsageError("--network-neighbours-only needs a --network-window of 3 or more")
        arguments["middle_width"] = 0
    if final_relu and method == "udvd":
        arguments["final_relu"] = True
    return _NETWORKS[method](**arguments), arguments


def rebuild_network(method: str, arguments: Mapping[str, Any]) -> Network:
    """The network that `build_network` made with these arguments."""
    return _NETWORKS[method](**arguments)
