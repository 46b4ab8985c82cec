"""The denoising networks: what they see, what they must not see, and how far they see."""

from functools import partial

import pytest
import torch

from atomotion.data import UsageError
from atomotion.denoise.networks.blindspot import BlindSpot
from atomotion.denoise.networks.hybrid import Hybrid
from atomotion.denoise.networks.udvd import Udvd
from atomotion.denoise.networks.unet import UNet, UNetBody

# small ones, for speed: widths and depths change neither what is hidden nor where pooling falls
NETWORKS = {
    "udvd": lambda: Udvd(width=3),
    "udvd, 3 x 3 hole": lambda: Udvd(width=3, hole=1, outputs=2),
    "udvd, one frame": lambda: Udvd(window=1, width=3),
    "udvd, one frame, 3 x 3 hole": lambda: Udvd(window=1, width=3, hole=1),
    "blind spot": lambda: BlindSpot(width=6, blocks=4, hole=0),
    "blind spot, 3 x 3 hole": lambda: BlindSpot(width=6, blocks=4, hole=1, outputs=2),
    "blind spot, three frames": lambda: BlindSpot(window=3, width=6, blocks=2),
    "blind spot, one frame": lambda: BlindSpot(window=1, width=6, blocks=4, hole=1),
    "unet": lambda: UNet(width=6, outputs=2),
    "unet, one frame": lambda: UNet(window=1, width=6),
}


def seen(network, y, x, shape, draws=4):
    """(window, y, x) bool: the input pixels on which output pixel (y, x) of a frame of this shape depends."""
    # several draws, as a maximum in one of them may pass over a pixel
    rng = torch.Generator().manual_seed(7)
    frames = torch.randn(draws, network.window, *shape, generator=rng, dtype=torch.float64).requires_grad_()
    network.double()(frames)[:, :, y, x].sum().backward()
    return (frames.grad != 0).any(dim=0)


def must_not_be_seen(network, y, x, shape):
    """(window, y, x) bool: the hole around (y, x), in the frames that have one."""
    hidden = torch.zeros(network.window, *shape, dtype=torch.bool)
    if network.blind != "none":
        hole = network.hole
        frames = slice(None) if network.blind == "all" else network.window // 2
        hidden[frames, max(y - hole, 0) : y + hole + 1, max(x - hole, 0) : x + hole + 1] = True
    return hidden


@pytest.fixture(params=NETWORKS, ids=str)
def network(request):
    torch.manual_seed(3)
    return NETWORKS[request.param]()


@pytest.mark.parametrize("shape", [(16, 28), (24, 16), (20, 20)])
def test_nothing_of_the_hole_is_seen_and_all_around_it(network, shape):
    height, width = shape
    places = [(0, 0), (0, width - 1), (height - 1, 1), (1, width // 2), (height // 2, 0), (height - 1, width - 1)]
    places += [(height // 2 + phase, width // 2 - phase) for phase in range(4)]
    for y, x in places:
        found, hidden = seen(network, y, x, shape), must_not_be_seen(network, y, x, shape)
        assert not (found & hidden).any(), f"({y}, {x}) sees what it must not"
        near = network.hole + 2
        # dilated taps that would begin outside the frame are lost, with some pixels of its outermost rows
        if network.blind == "middle" and min(y, x, height - 1 - y, width - 1 - x) < near:
            continue
        around = (..., slice(max(y - near, 0), y + near + 1), slice(max(x - near, 0), x + near + 1))
        assert (found | hidden)[around].all(), f"({y}, {x}) misses what it may see"


def test_any_value_in_the_hole_leaves_the_output_as_it_is(network):
    shape, (y, x) = (16, 28), (13, 26)
    frames = torch.randn(1, network.window, *shape)
    hidden = must_not_be_seen(network, y, x, shape)
    changed = torch.where(hidden, torch.full_like(frames, 1e3), frames)
    one_beside = changed.clone()
    one_beside[0, network.window // 2, y, x - network.hole - 1] += 1
    with torch.no_grad():
        before, after, beside = (network(each)[0, :, y, x] for each in (frames, changed, one_beside))
    assert torch.equal(before, after)
    assert not torch.equal(before, beside)


def test_the_hole_is_in_the_frames_that_must_have_it():
    assert {Udvd(width=3).blind, Udvd(window=1, width=3).blind} == {"all"}
    assert BlindSpot(width=6).blind == "middle"
    assert UNet().blind == "none"
    assert (Udvd(width=3).hole, BlindSpot(width=6).hole) == (0, 1)


def test_neighbours_are_seen_as_well_at_the_hole_as_around_it():
    for hole in (0, 1):
        torch.manual_seed(5)
        network = BlindSpot(hole=hole)
        frames = torch.randn(4, 5, 33, 33).requires_grad_()
        network(frames)[:, 0, 16, 16].sum().backward()
        strength = frames.grad[:, [0, 1, 3, 4]].square().mean(dim=(0, 1)).sqrt()
        inside = strength[16 - hole : 17 + hole, 16 - hole : 17 + hole].mean()
        assert inside > 0.3 * strength[12:21, 12:21].mean()


def test_the_halo_is_the_distance_of_the_farthest_pixel(network):
    middle = -(-network.halo // 4) * 4 + 4
    length = 2 * middle + 4
    farthest = 0
    for place in range(middle, middle + 4):
        rows = seen(network, place, 3, (length, 8), draws=2).any(dim=2).any(dim=0).nonzero()
        columns = seen(network, 3, place, (8, length), draws=2).any(dim=1).any(dim=0).nonzero()
        farthest = max(farthest, *(int((found - place).abs().max()) for found in (rows, columns)))
    assert farthest == network.halo


def test_a_tile_with_its_halo_is_as_in_the_whole_frame(network):
    grid, core = network.grid, 8
    halo = -(-network.halo // grid) * grid
    tile = core + 2 * halo
    frames = torch.randn(1, network.window, tile + 2 * grid, tile + 3 * grid)
    # a square tile inside, and one in the corner of the frame, cut where the frame ends
    inside = (..., slice(grid, grid + tile), slice(2 * grid, 2 * grid + tile))
    corner = (..., slice(0, core + halo), slice(3 * grid, None))
    with torch.no_grad():
        whole = network(frames)
        first, second = network(frames[inside]), network(frames[corner])
    middle = (..., slice(halo, halo + core), slice(halo, halo + core))
    torch.testing.assert_close(first[middle], whole[inside][middle], rtol=1e-5, atol=1e-5)
    end = (..., slice(0, core), slice(halo, None))
    torch.testing.assert_close(second[end], whole[corner][end], rtol=1e-5, atol=1e-5)
    # not so without a halo
    bare = frames[inside][middle]
    with torch.no_grad():
        assert not torch.allclose(network(bare), whole[inside][middle], atol=1e-3)


def test_the_output_has_the_frames_shape(network):
    for shape in [(16, 24), (16, 16)]:
        output = network(torch.randn(2, network.window, *shape))
        assert output.shape == (2, network.outputs, *shape)
        assert output.isfinite().all()


def test_the_signal_keeps_its_size():
    torch.manual_seed(0)
    for network in (Udvd(), BlindSpot(), UNet()):
        with torch.no_grad():
            spread = network(torch.randn(1, 5, 32, 32)).std()
        assert 0.1 < spread < 3


def test_udvd_has_the_published_number_of_parameters():
    for hole in (0, 1):
        assert Udvd(hole=hole).parameter_count == 2_123_664
        assert Udvd(window=1, hole=hole).parameter_count == 1_118_832


def test_the_small_unet_has_about_a_hundred_thousand_parameters():
    body = UNetBody(4, 16, 1)
    assert sum(each.numel() for each in body.parameters()) == pytest.approx(105_000, rel=0.02)


def test_every_parameter_is_trained(network):
    network(torch.randn(2, network.window, 32, 32)).square().mean().backward()
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in network.parameters())


def test_udvd_can_keep_the_features_of_triplets():
    torch.manual_seed(1)
    network = Udvd(width=3)
    movie = torch.randn(1, 7, 16, 24)
    with torch.no_grad():
        kept = [network.features(movie[:, first : first + 3]) for first in range(5)]
        for first in range(3):
            expected = network(movie[:, first : first + 5])
            torch.testing.assert_close(network.combine(kept[first : first + 3]), expected, rtol=1e-5, atol=1e-5)


def test_the_last_relu_cuts_the_value_alone():
    torch.manual_seed(10)
    plain = Udvd(width=3, outputs=2)
    cut = Udvd(width=3, outputs=2, final_relu=True)
    cut.load_state_dict(plain.state_dict())
    frames = torch.randn(1, 5, 16, 16)
    expected = plain(frames)
    assert expected[:, 0].min() < 0 and expected[:, 1].min() < 0
    assert torch.equal(cut(frames)[:, 0], expected[:, 0].clamp(min=0))
    assert torch.equal(cut(frames)[:, 1], expected[:, 1])


def test_udvd_takes_one_or_five_frames():
    with pytest.raises(UsageError, match="window 1 or 5"):
        Udvd(window=3)


@pytest.mark.parametrize(
    "build", [BlindSpot, partial(Hybrid, width=20), Hybrid, UNet], ids=["blind spot", "hybrid 20", "hybrid", "unet"]
)
def test_gradients_in_bfloat16_are_those_in_float32(build):
    torch.manual_seed(5)
    network = build()
    frames = torch.randn(1, network.window, 32, 32)
    gradients = []
    for low in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            loss = (network(frames.contiguous(memory_format=torch.channels_last)).float() - 1).square().mean()
        loss.backward()
        gradients.append(torch.cat([each.grad.flatten() for each in network.parameters() if each.grad is not None]))
    exact, rough = gradients
    assert torch.isfinite(rough).all()
    assert (rough - exact).norm() < 0.1 * exact.norm()
