"""The hybrid network: neighbouring frames seen whole, the frame itself around a hole."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from atomotion.denoise.networks.network import Network
from atomotion.denoise.networks.unet import SLOPE, UNetBody


class Hybrid(Network):
    """A small U-Net over the neighbouring frames, and a blind branch that looks at the frame itself.

    The neighbours are other exposures, with noise of their own, so nothing of them has to be hidden: the U-Net sees
    them whole and says what the frame should look like. What is *new* in the frame, its difference to that, comes
    through the second branch: a stack of 3 x 3 convolutions, whose l-th layer knows the frame up to l pixels away and
    is tapped by a 3 x 3 convolution without centre, dilated by ``l + 1 + hole``. No tap reaches the hole, all of them
    together see the rest, and 1 x 1 convolutions join everything. So an event that lives for a single frame stays in
    that frame, while the pixel that is predicted never sees its own noise.

    Parameters
    ----------
    window : int
        Frames, an odd number; with 1 only the blind branch is at work.
    hole : int
        Radius of the hole in the middle frame [px].
    width : int
        Channels of the U-Net's first level.
    outputs : int
        1, or 2 for mean and logarithm of the variance.
    middle_width : int
        Channels of the blind branch; 0 leaves it out, for what neighbours alone can do.
    layers : int
        Layers of the blind branch.

    References
    ----------
    Neighbours whole and the frame's own surroundings blind: Eom et al., Nat. Methods 20, 1581 (2023). Dilated taps:
    Honzátko et al., arXiv 2008.11010.
    """

    def __init__(
        self,
        *,
        window: int = 11,
        hole: int = 0,
        width: int = 16,
        outputs: int = 1,
        middle_width: int = 12,
        layers: int = 6,
    ) -> None:
        reach = 2 * layers + 1 + hole if middle_width else 0
        body = UNetBody(window - 1, width, width) if window > 1 else None
        # the blind branch reads the U-Net's features, so what it sees of the neighbours lies that much farther
        super().__init__(
            window=window,
            outputs=outputs,
            blind="middle",
            hole=hole,
            halo=reach + (body.halo if body else 0),
            grid=body.grid if body else 1,
        )
        self.body, self.middle_width = body, middle_width
        known = width if body else 0
        self.expected = nn.Conv2d(known, 1, 1) if body else None
        joined = known
        if middle_width:
            self.entry = nn.Conv2d(1 + known, middle_width, 1)
            self.stack = nn.ModuleList(nn.Conv2d(middle_width, middle_width, 3, padding=1) for _ in range(layers))
            self.taps = nn.ModuleList(
                RingConv(middle_width, middle_width, layer + 1 + hole) for layer in range(layers + 1)
            )
            joined += middle_width * (layers + 1)
        self.join = nn.Conv2d(joined, 2 * width, 1)
        self.mix = nn.Conv2d(2 * width, 2 * width, 1)
        self.out = nn.Conv2d(2 * width, outputs, 1)
        # training starts from what the neighbours expect, and learns from there what the frame adds
        nn.init.zeros_(self.out.weight)

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, window, y, x) to (batch, outputs, y, x)."""
        middle = self.window // 2
        own = frames[:, middle : middle + 1]
        features: list[Tensor] = []
        expected = torch.zeros_like(own)
        if self.body is not None and self.expected is not None:
            others = torch.cat([frames[:, :middle], frames[:, middle + 1 :]], dim=1)
            features.append(functional.leaky_relu(self.body(others), SLOPE))
            expected = self.expected(features[0])
        if self.middle_width:
            new = own - expected.detach()
            state = functional.leaky_relu(self.entry(torch.cat([new, *features], dim=1)), SLOPE)
            features.append(self.taps[0](state))
            for layer, tap in zip(self.stack, self.taps[1:], strict=True):
                state = functional.leaky_relu(layer(state), SLOPE)
                features.append(tap(state))
        joined = functional.leaky_relu(self.join(torch.cat(features, dim=1)), SLOPE)
        change = self.out(functional.leaky_relu(self.mix(joined), SLOPE))
        return torch.cat([change[:, :1] + expected, change[:, 1:]], dim=1)


class RingConv(nn.Module):
    """A dilated 3 x 3 convolution whose centre has no weight."""

    ring: Tensor

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
        ring = torch.ones(3, 3)
        ring[1, 1] = 0
        self.register_buffer("ring", ring, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, inputs, y, x) to (batch, outputs, y, x)."""
        conv = self.conv
        weight = conv.weight * self.ring
        if values.device.type == "cpu" and conv.in_channels > 16 and conv.in_channels % 16:
            # oneDNN (PyTorch 2.13): the gradient of such a dilated weight in bfloat16 is NaN, or writes past its memory
            with torch.autocast("cpu", enabled=False):
                return functional.conv2d(
                    values.float(), weight, conv.bias, padding=conv.padding, dilation=conv.dilation
                )
        return functional.conv2d(values, weight, conv.bias, padding=conv.padding, dilation=conv.dilation)
