"""UDVD: five frames through half-plane convolutions in four directions, blind around the output pixel."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, cat, nn, rot90
from torch.nn import functional

from atomotion.data import UsageError
from atomotion.denoise.networks.network import Network
from atomotion.denoise.networks.unet import SLOPE, scale_weights

# Rows above, or columns beside, that a pixel of one UNet depends on, at the worst place in its 4 x 4 cell. Upwards
# every convolution reaches 2: from row 3, full resolution leads to -5, half from -3 to -11, quarter from -6 to -12; the
# moved pooling to -25, half to -31, pooling to -63, full to -69. Sideways every convolution reaches 1, 36 in all.
_UNET_REACH = 72
_TURNS = 4


class Udvd(Network):
    """The unsupervised deep video denoiser, the reference that other networks are measured against.

    The frames enter in four orientations. In each, all convolutions see only the rows at and above their own; at the
    end the result is moved down by ``1 + hole`` rows, so that the four orientations together see everything but the
    hole, which is cut out of every frame of the window (``blind="all"``). With five frames a first UNet is applied,
    with the same weights, to the three triplets of neighbouring frames, and a second one to what it makes of them; a
    single frame needs one UNet. 1 x 1 convolutions join the orientations. No layer has a bias.

    With ``width=48, outputs=1`` the network has the 2,123,664 (five frames) or 1,118,832 (one frame) parameters of the
    published ones.

    Parameters
    ----------
    window : 5 or 1
    hole : int
        0 for the published network of videos, 1 for that of electron micrographs, whose noise reaches into
        neighbouring pixels.
    width : int
        Channels on the way down; twice as many on the way up.
    outputs : int
        1, or 2 for mean and logarithm of the variance.
    final_relu : bool
        Cut the denoised value at 0, as the published network of electron micrographs does for counts. Values with mean
        0 must not be cut.

    Raises
    ------
    UsageError
        Where `window` is another number.

    Notes
    -----
    Differences from the published program: Frames that are not square are not filled up to a square by reflection,
    which brings copies of the hidden pixels near the edge into view; the two pairs of orientations of equal shape go
    through the network one after the other. Convolutions find zeros past the edge and not the nearest value, so
    that tiles agree with the whole frame.

    References
    ----------
    Sheth, Mohan et al., ICCV 2021, arXiv 2011.15045; Crozier et al., Science 387 (2025); the directions: Laine
    et al., NeurIPS 2019, arXiv 1901.10277.
    """

    def __init__(
        self, *, window: int = 5, hole: int = 0, width: int = 48, outputs: int = 1, final_relu: bool = False
    ) -> None:
        if window not in (1, 5):
            raise UsageError(f"UDVD sees 1 or 5 frames, not {window}; give window 1 or 5")
        stages = 1 if window == 1 else 2
        super().__init__(
            window=window, outputs=outputs, blind="all", hole=hole, halo=stages * _UNET_REACH + 1 + hole, grid=4
        )
        self.final_relu = final_relu
        self.first: nn.Module
        self.second: nn.Module
        if window == 1:
            self.first, self.second = HalfPlaneUNet(1, width, 2 * width), nn.Identity()
        else:
            between = 2 * width // 3
            self.first = HalfPlaneUNet(3, width, between)
            self.second = HalfPlaneUNet(3 * between, width, 2 * width)
        joined = _TURNS * 2 * width
        self.head = nn.Sequential(
            nn.Conv2d(joined, joined, 1, bias=False),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(joined, 2 * width, 1, bias=False),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(2 * width, outputs, 1, bias=False),
        )
        scale_weights(self)

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, window, y, x) to (batch, outputs, y, x)."""
        if self.window == 1:
            return self.combine([self.features(frames)])
        triplets = cat([frames[:, :3], frames[:, 1:4], frames[:, 2:]])
        return self.combine(self.features(triplets).chunk(3))

    def features(self, triplet: Tensor) -> Tensor:
        """What the first UNet makes of three frames in a row, (batch, 3, y, x) to (batch, channels, y, x).

        Three windows that follow each other share a triplet, so one who predicts a whole movie can keep its features
        and spend one first UNet on a frame instead of three. With ``window=1``, of a single frame.
        """
        return cat(_in_all_turns(self.first, [triplet] * _TURNS), dim=1)

    def combine(self, features: Sequence[Tensor]) -> Tensor:
        """(batch, outputs, y, x) from the features of the window's triplets, in the order of time."""
        parts = [each.chunk(_TURNS, dim=1) for each in features]
        views = [cat([part[turn] for part in parts], dim=1) for turn in range(_TURNS)]
        result = self.head(cat(_in_all_turns(self._strictly_above, views), dim=1))
        return cat([result[:, :1].relu(), result[:, 1:]], dim=1) if self.final_relu else result

    def _strictly_above(self, values: Tensor) -> Tensor:
        return _moved_down(self.second(values), 1 + self.hole)


class HalfPlaneUNet(nn.Module):
    """A UNet whose output depends on its own row and the rows above.

    Parameters
    ----------
    in_channels, width, out_channels : int
    """

    def __init__(self, in_channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        wide = 2 * width
        self.down_full = _convolutions(in_channels, width, width, width)
        self.down_half = _convolutions(width, width, width, width)
        self.quarter = _convolutions(width, wide, wide, width)
        self.up_half = _convolutions(wide, wide, wide, wide, wide)
        self.up_full = _convolutions(wide + in_channels, wide, wide, wide, out_channels)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, values: Tensor) -> Tensor:
        """(batch, in_channels, y, x) to (batch, out_channels, y, x), with y and x multiples of 4."""
        half = _pooled(self.down_full(values))
        quarter = self.quarter(_pooled(self.down_half(half)))
        half = self.up_half(cat([self.enlarge(quarter), half], dim=1))
        return self.up_full(cat([self.enlarge(half), values], dim=1))


class HalfPlaneConv(nn.Module):
    """A 3 x 3 convolution over the pixel's own row and the two rows above, and a LeakyReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, bias=False, padding=(0, 1))

    def forward(self, values: Tensor) -> Tensor:
        """(batch, in_channels, y, x) to (batch, out_channels, y, x)."""
        return functional.leaky_relu(self.conv(functional.pad(values, (0, 0, 2, 0))), SLOPE, inplace=True)


def _convolutions(*channels: int) -> nn.Sequential:
    return nn.Sequential(*(HalfPlaneConv(*pair) for pair in pairwise(channels)))


def _pooled(values: Tensor) -> Tensor:
    """2 x 2 maxima, moved so that the upper row of a pair does not see the lower one."""
    return functional.max_pool2d(_moved_down(values, 1), 2)


def _moved_down(values: Tensor, rows: int) -> Tensor:
    return functional.pad(values, (0, 0, rows, 0))[..., :-rows, :]


def _in_all_turns(stage: Callable[[Tensor], Tensor], views: Sequence[Tensor]) -> list[Tensor]:
    """``stage`` applied to the k-th view turned by k quarter turns, and turned back."""
    turned = [rot90(view, turn, (2, 3)) for turn, view in enumerate(views)]
    square = turned[0].shape[2] == turned[0].shape[3]
    results = list(turned)
    for group in [(0, 1, 2, 3)] if square else [(0, 2), (1, 3)]:
        parts = stage(cat([turned[turn] for turn in group])).chunk(len(group))
        for turn, part in zip(group, parts, strict=True):
            results[turn] = rot90(part, -turn, (2, 3))
    return results
