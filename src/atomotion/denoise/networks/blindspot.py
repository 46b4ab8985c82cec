"""The one-pass blind-spot network: dilated taps around the middle frame's hole, neighbouring frames seen whole."""

from torch import Tensor, cat, nn
from torch.nn import functional

from atomotion.denoise.networks.hybrid import RingConv
from atomotion.denoise.networks.network import Network
from atomotion.denoise.networks.unet import SLOPE, scale_weights


class BlindSpot(Network):
    """Every frame has a stack of 3 x 3 convolutions, and taps with a growing dilation step over the hole.

    The middle frame enters by a 1 x 1 convolution, so that after l blocks its features know it as far as l pixels away;
    the other frames enter by one of 3 x 3, or 5 x 5 for a hole of 3 x 3, and are known ``1 + hole`` pixels farther. A
    block is one 3 x 3 convolution for each frame and a 1 x 1 convolution that joins the frames; what it gives is
    tapped by a 3 x 3 convolution without centre, dilated by ``l + 1 + hole``, and goes to every frame of the next
    block. In the middle frame the taps end just outside the hole, in the others on the output pixel itself: they are
    seen whole (``blind="middle"``). 1 x 1 convolutions make the output from all taps.

    Parameters
    ----------
    window : int
        Frames, an odd number; 5 in the paper.
    hole : int
        Radius of the hole in the middle frame [px]; 1, in the paper too, where noise reaches into neighbouring pixels.
    width : int
        Channels of each frame, and of each tap.
    blocks : int
    outputs : int
        1, or 2 for mean and logarithm of the variance.

    Notes
    -----
    The paper does not say how a block's joined features reach the next one: here they are added to each frame's own,
    and the sum is scaled so that the signal keeps its size. It does not give the last 1 x 1 convolutions either: here
    there are three, with ``4 width`` and ``2 width`` channels between them. Taps
    that would lie outside the frame are zeros, so along its edges some pixels beside the hole are not seen.

    References
    ----------
    Kang et al., Nat. Commun. 16 (2025), doi 10.1038/s41467-025-56476-8, Methods; Honzátko et al., SDS 2020, arXiv
    2008.11010.
    """

    def __init__(self, *, window: int = 5, hole: int = 1, width: int = 24, blocks: int = 14, outputs: int = 1) -> None:
        neighbours = window - 1
        farthest = 2 * blocks + 1 + hole + (1 + hole if neighbours else 0)
        super().__init__(window=window, outputs=outputs, blind="middle", hole=hole, halo=farthest, grid=1)
        every = window * width
        self.enter_middle = nn.Conv2d(1, width, 1)
        if neighbours:
            self.enter_others = nn.Conv2d(
                neighbours, neighbours * width, 3 + 2 * hole, padding=1 + hole, groups=neighbours
            )
        self.frames = nn.ModuleList(nn.Conv2d(every, every, 3, padding=1, groups=window) for _ in range(blocks))
        self.join = nn.ModuleList(nn.Conv2d(every, width, 1) for _ in range(blocks))
        self.taps = nn.ModuleList(RingConv(width, width, done + 1 + hole) for done in range(1, blocks + 1))
        self.head = nn.Sequential(
            nn.Conv2d(blocks * width, 4 * width, 1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(4 * width, 2 * width, 1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(2 * width, outputs, 1),
        )
        scale_weights(self)

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, window, y, x) to (batch, outputs, y, x)."""
        middle = self.window // 2
        state = self.enter_middle(frames[:, middle : middle + 1])
        if self.window > 1:
            others = cat([frames[:, :middle], frames[:, middle + 1 :]], dim=1)
            state = cat([state, self.enter_others(others)], dim=1)
        state = functional.leaky_relu(state, SLOPE)
        tapped = []
        for frame_conv, join, tap in zip(self.frames, self.join, self.taps, strict=True):
            state = functional.leaky_relu(frame_conv(state), SLOPE)
            joined = functional.leaky_relu(join(state), SLOPE)
            tapped.append(functional.leaky_relu(tap(joined), SLOPE))
            state = (state + joined.repeat(1, self.window, 1, 1)) * 0.5**0.5
        return self.head(cat(tapped, dim=1))
