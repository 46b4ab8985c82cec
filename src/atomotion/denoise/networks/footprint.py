"""How much memory a network's layers take while it predicts."""

import copy
import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from atomotion.denoise.networks.network import Network

_SIDE = 64
# what the convolutions take for themselves beside their results
_SCRATCH = 1.5


def bytes_per_pixel(network: Network) -> float:
    """Bytes of float32 results alive at once while one window is denoised, per pixel of the frame.

    The network runs on tensors without values, which costs nothing, and the sizes of those alive are added up.
    """
    ghost = copy.deepcopy(network).to("meta")
    with torch.no_grad(), _Peak() as peak:
        ghost(torch.empty((1, network.window, _SIDE, _SIDE), device="meta"))
    return _SCRATCH * peak.most / _SIDE**2


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all results that are alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now, self.most = 0, 0
        self._users: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, Tensor):
                storage = each.untyped_storage()
                key, size = storage._cdata, storage.nbytes()
                if not self._users.get(key):
                    self.now += size
                self._users[key] = self._users.get(key, 0) + 1
                weakref.finalize(each, self._dropped, key, size)
        self.most = max(self.most, self.now)
        return result

    def _dropped(self, key: int, size: int) -> None:
        self._users[key] -= 1
        if self._users[key] == 0:
            del self._users[key]
            self.now -= size
