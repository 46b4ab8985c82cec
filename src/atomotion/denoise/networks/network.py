"""What training and prediction must know of a network."""

from typing import Literal

from torch import Tensor, nn

# what an output pixel must not see: nothing hidden, the middle frame's hole, or the hole in every frame
Blind = Literal["none", "middle", "all"]


class Network(nn.Module):
    """A network that gives the middle frame of a window, from values with mean 0 and standard deviation 1.

    ``forward`` takes (batch, window, y, x) and returns (batch, outputs, y, x); y and x are multiples of `grid`. Where
    a convolution reaches past the edge it finds zeros, the mean.

    Parameters
    ----------
    window : int
        Frames it sees, an odd number; the denoised one is in the middle.
    outputs : int
        1 for the denoised value; 2 for its mean and the logarithm of its variance.
    blind : "none", "middle" or "all"
        In which frames a hole is cut out around the output pixel.
    hole : int
        Radius of the hole [px]: 0 is the pixel itself, 1 its 3 x 3 neighbourhood.
    halo : int
        How many pixels away the farthest pixel is that an output pixel depends on.
    grid : int
        Tiles begin at multiples of this many pixels, so that pooling falls on the same pixels as in the whole frame.
    """

    def __init__(self, *, window: int, outputs: int, blind: Blind, hole: int, halo: int, grid: int) -> None:
        super().__init__()
        self.window, self.outputs, self.blind, self.hole, self.halo, self.grid = (
            window, outputs, blind, hole, halo, grid,
        )  # fmt: skip

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, window, y, x) to (batch, outputs, y, x)."""
        raise NotImplementedError

    @property
    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(each.numel() for each in self.parameters())
