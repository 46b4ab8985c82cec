"""The small ordinary UNet: it sees everything, and is trained blind or on split images."""

from torch import Tensor, cat, nn

from atomotion.denoise.networks.network import Network

# slope of every LeakyReLU of the room's networks, as in the blind-spot networks they come from
SLOPE = 0.1


class UNet(Network):
    """A UNet on all frames of the window, the middle one too: for neighbour2neighbour and noise2void.

    It hides nothing (``blind="none"``), so it must be trained with targets that its input cannot give away.

    Parameters
    ----------
    window : int
        Frames it sees, an odd number; 1 denoises every frame in itself.
    width : int
        Channels at full resolution.
    outputs : int
        1, or 2 for mean and logarithm of the variance.

    References
    ----------
    Ronneberger, Fischer and Brox, MICCAI 2015; Huang et al., "Neighbor2Neighbor", CVPR 2021; Krull, Buchholz and Jug,
    "Noise2Void", CVPR 2019.
    """

    def __init__(self, *, window: int = 5, width: int = 16, outputs: int = 1) -> None:
        super().__init__(window=window, outputs=outputs, blind="none", hole=0, halo=UNetBody.halo, grid=UNetBody.grid)
        self.body = UNetBody(window, width, outputs)

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, window, y, x) to (batch, outputs, y, x)."""
        return self.body(frames)


class UNetBody(nn.Module):
    """Three levels of two 3 x 3 convolutions, joined by 2 x 2 maxima and nearest-neighbour upsampling.

    On its way up, the full resolution has twice the channels it has on its way down. Width 16 and 4 input channels
    are 105 thousand parameters and 40 thousand multiplications per pixel.

    Parameters
    ----------
    in_channels, width, out_channels : int
        `width` counts the channels of the first convolutions.

    Attributes
    ----------
    halo : int
        23: of a pixel with the worst place in its 4 x 4 cell. From the output back, two convolutions reach 2 pixels,
        two at half and two at quarter resolution 2 of theirs, and again two at half and two at full resolution.
    grid : int
        4, for two poolings.
    """

    halo = 23
    grid = 4

    def __init__(self, in_channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        self.down_full = _two_convolutions(in_channels, width, width)
        self.down_half = _two_convolutions(width, 2 * width, 2 * width)
        self.quarter = _two_convolutions(2 * width, 4 * width, 2 * width)
        self.up_half = _two_convolutions(4 * width, 2 * width, 2 * width)
        self.up_full = _two_convolutions(3 * width, 2 * width, 2 * width)
        self.head = nn.Sequential(
            nn.Conv2d(2 * width, 2 * width, 1), nn.LeakyReLU(SLOPE, inplace=True), nn.Conv2d(2 * width, out_channels, 1)
        )
        self.pool = nn.MaxPool2d(2)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        scale_weights(self)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, in_channels, y, x) to (batch, out_channels, y, x), with y and x multiples of 4."""
        full = self.down_full(values)
        half = self.down_half(self.pool(full))
        quarter = self.quarter(self.pool(half))
        half = self.up_half(cat([self.enlarge(quarter), half], dim=1))
        return self.head(self.up_full(cat([self.enlarge(half), full], dim=1)))


def scale_weights(network: nn.Module) -> None:
    """Draw the weights so that the signal keeps its size from layer to layer, and set the biases to 0.

    References
    ----------
    He et al., ICCV 2015, Eq. 15.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE, nonlinearity="leaky_relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _two_convolutions(in_channels: int, between: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, between, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(between, out_channels, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )
