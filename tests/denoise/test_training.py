"""Training: losses, targets that cannot be copied, time, steps, the best state, resuming."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from atomotion.data import AtomotionError, InputError, UsageError
from atomotion.denoise.config import DenoiseConfig, NetworkConfig
from atomotion.denoise.hole import hole_radius
from atomotion.denoise.learned import Model, train_model
from atomotion.denoise.networks import Hybrid, UNet
from atomotion.denoise.stabilise import measure_noise_scale
from atomotion.denoise.training import Crops, Recipe, Training, measure_scale
from atomotion.denoise.training.losses import NormalisedNoise, poisson_gaussian, posterior, squared_error
from atomotion.denoise.training.targets import blind, neighbour2neighbour, noise2void

SMALL = NetworkConfig(window=3, width=4, crop_px=32, batch=4, precision="float32", views="1")


def blobs(seed: int, shape=(16, 48, 48), mean: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth movie that hardly moves, and its Poisson counts."""
    rng = np.random.default_rng(seed)
    pattern = gaussian_filter(rng.normal(size=shape), (6, 2.5, 2.5), mode="wrap")
    clean = mean * (1 + 0.3 * pattern / pattern.std()).clip(0.05)
    return clean, rng.poisson(clean).astype(np.float32)


def run(frames, config, **options):
    noise = measure_noise_scale(frames, 1.0)
    return train_model(frames, config, noise, **options)


def denoised(model: Model, frames: np.ndarray, units: float | None = 1.0, **options) -> np.ndarray:
    blocks = model.blocks(frames, measure_noise_scale(frames, units), device="cpu", **options)
    return np.concatenate([values for _, values, _ in blocks])


@pytest.mark.parametrize("method", ["hybrid", "blindspot", "noise2void", "neighbour2neighbour", "udvd"])
def test_every_method_learns(method):
    clean, noisy = blobs(0, shape=(12, 32, 32))
    settings = replace(SMALL, epochs=60, window=None if method == "udvd" else 3)
    if method == "udvd":
        settings = replace(settings, width=8, window=1)
    model, looks = run(noisy, DenoiseConfig(method=method, network=settings))
    error = np.mean((denoised(model, noisy) - clean) ** 2)
    assert error < 0.4 * np.mean((noisy - clean) ** 2)
    assert error < np.var(clean)
    assert min(look.aside for look in looks) < 0.95 * looks[0].aside or looks[0].best


def test_crops_never_learn_what_is_kept_aside():
    _, noisy = blobs(1)
    crops = Crops(noisy, measure_scale(noisy), window=3, crop_px=32, grid=4, memory=1e9, kept_aside=0.2)
    rng = np.random.default_rng(0)
    kept = {value for piece in crops.kept_aside(1000, rng) for value in _marks(piece)}
    learned = {value for _ in range(200) for value in _marks(crops.batch(4, rng))}
    assert kept
    assert learned
    # every frame of this movie is made of numbers that occur once
    unique = np.arange(noisy.size, dtype=np.float32).reshape(noisy.shape)
    crops = Crops(unique, measure_scale(unique), window=3, crop_px=32, grid=4, memory=1e9, kept_aside=0.2)
    kept = {value for piece in crops.kept_aside(1000, rng) for value in _marks(piece)}
    learned = {value for _ in range(200) for value in _marks(crops.batch(4, rng))}
    assert not kept & learned
    assert 0.1 < len(kept) / unique.size < 0.3


def _marks(batch) -> list[float]:
    return batch.target[batch.counts].tolist()


def test_crops_of_a_movie_that_does_not_fit():
    _, noisy = blobs(2, shape=(40, 96, 96))
    crops = Crops(noisy, measure_scale(noisy), window=3, crop_px=32, grid=4, memory=4e5)
    batch = crops.batch(8, np.random.default_rng(0))
    assert batch.frames.shape == (8, 3, 32, 32)
    # the target is the middle of the window
    np.testing.assert_array_equal(batch.frames[:, 1], batch.target)


def test_learning_from_half_of_the_frames_has_no_other_target():
    _, noisy = blobs(3)
    marked = noisy.copy()
    half = np.arange(len(noisy)) % 2 == 0
    marked[~half] = 1e6
    crops = Crops(marked, measure_scale(noisy), window=3, crop_px=32, grid=4, memory=1e9, learn_from=half)
    rng = np.random.default_rng(0)
    batches = [crops.batch(8, rng) for _ in range(50)]
    assert max(batch.target.max() for batch in batches) < 100
    # as neighbours the others are there
    assert min(batch.frames[:, 0].min() for batch in batches) > 100
    assert max(piece.target.max() for piece in crops.kept_aside(100, rng)) < 100


def test_no_good_frame():
    _, noisy = blobs(4)
    with pytest.raises(InputError, match="no good frame"):
        Crops(
            noisy, measure_scale(noisy), window=3, crop_px=32, grid=4, memory=1e9, bad_frames=frozenset(range(16))
        )  # fmt: skip


def test_same_seed_same_model_and_resumed_is_the_same():
    _, noisy = blobs(5)
    config = DenoiseConfig(network=replace(SMALL, epochs=4))
    first, looks = run(noisy, config)
    states = []
    train_model(
        noisy, config, measure_noise_scale(noisy, 1.0),
        on_checkpoint=lambda state: states.append(state),
    )  # fmt: skip
    again, _ = run(noisy, config)
    other, _ = run(noisy, replace(config, network=replace(config.network, seed=1)))
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name])
    assert any(
        not torch.equal(value, other.network.state_dict()[name]) for name, value in first.network.state_dict().items()
    )
    resumed, resumed_looks = train_model(noisy, config, measure_noise_scale(noisy, 1.0), state=states[-1])
    assert [look.step for look in resumed_looks] == [look.step for look in looks]
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])


def test_a_stopped_training_goes_on_as_if_it_had_not(monkeypatch):
    from atomotion.denoise.training import fit

    _, noisy = blobs(6)
    config = DenoiseConfig(network=replace(SMALL, epochs=4))
    whole, _ = run(noisy, config)

    class Killed(Exception):
        pass

    states = []

    def stop(state):
        # a copy, as a file would be
        states.append(dict(state))
        if state["step"] >= 8:
            raise Killed

    original = fit.Training.run
    monkeypatch.setattr(
        fit.Training, "run", lambda self, **given: original(self, **(given | {"checkpoint_seconds": 0.0}))
    )
    with pytest.raises(Killed):
        train_model(noisy, config, measure_noise_scale(noisy, 1.0), on_checkpoint=stop)
    assert states[-1]["step"] == 8
    resumed, _ = train_model(noisy, config, measure_noise_scale(noisy, 1.0), state=states[-1])
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_the_best_state_is_the_one_that_is_used():
    """On a thousand pixels a network soon learns the noise by heart; what it gives back is from before."""
    _, noisy = blobs(7, shape=(8, 32, 32), mean=1.0)
    config = DenoiseConfig(network=replace(SMALL, epochs=400, width=16, rate=5e-3, window=1))
    model, looks = run(noisy, config)
    best = min(looks, key=lambda look: look.aside)
    assert looks[-1].aside > best.aside
    assert best.best
    crops = Crops(noisy, measure_scale(noisy), window=1, crop_px=32, grid=4, memory=1e9)
    pieces = crops.kept_aside(64, np.random.default_rng(0))
    total = 0.0
    for piece in pieces:
        frames, target, counts = (torch.from_numpy(each) for each in (piece.frames, piece.target, piece.counts))
        with torch.no_grad():
            total += float(squared_error(model.network(frames), target, counts)) * float(counts.sum())
    assert total / sum(float(piece.counts.sum()) for piece in pieces) == pytest.approx(best.aside, rel=1e-3)


def test_budget_holds_for_training_and_prediction():
    _, noisy = blobs(8)
    config = DenoiseConfig(budget=6.0, network=SMALL)
    began = time.perf_counter()
    model, looks = run(noisy, config)
    denoised(model, noisy)
    assert 3.0 < time.perf_counter() - began < 9.0
    assert looks[-1].step > 5


def test_model_goes_through_a_file(tmp_path):
    from atomotion.io.models import read_state, write_state

    _, noisy = blobs(9)
    model, _ = run(noisy, DenoiseConfig(network=replace(SMALL, epochs=2)))
    write_state(tmp_path / "model.pt", model.state())
    again = Model.from_state(read_state(tmp_path / "model.pt"))
    np.testing.assert_array_equal(denoised(model, noisy), denoised(again, noisy))
    # another gain and offset of the camera change nothing but the units
    scaled = denoised(again, 30 * noisy + 100, units=30.0)
    np.testing.assert_allclose((scaled - 100) / 30, denoised(again, noisy), rtol=1e-3, atol=1e-3)
    (tmp_path / "no.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is not a model"):
        read_state(tmp_path / "no.pt")
    with pytest.raises(InputError, match="no model file"):
        read_state(tmp_path / "none.pt")
    with pytest.raises(InputError, match="no denoising model"):
        Model.from_state({"format": 99})


def test_poisson_likelihood_is_lowest_at_the_truth():
    torch.manual_seed(0)
    noise = NormalisedNoise(slope=0.5, dark=-2.0, constant=0.0)
    mean, spread = 0.3, 0.2
    clean = mean + spread * torch.randn(1, 400, 400)
    seen = clean + torch.sqrt(noise.variance(clean)) * torch.randn(1, 400, 400)
    counts = torch.ones_like(seen, dtype=torch.bool)

    def loss(m: float, s: float) -> float:
        output = torch.empty(1, 2, 400, 400)
        output[:, 0], output[:, 1] = m, 2 * np.log(s)
        return float(poisson_gaussian(output, seen, counts, noise))

    at_truth = loss(mean, spread)
    assert all(loss(mean + d, spread) > at_truth for d in (-0.1, 0.1))
    assert all(loss(mean, spread * f) > at_truth for f in (0.3, 3.0))


def test_posterior_mean_beats_both_and_its_error_is_right():
    torch.manual_seed(1)
    noise = NormalisedNoise(slope=0.0, dark=0.0, constant=0.25)
    clean = 0.3 * torch.randn(1, 300, 300)
    seen = clean + 0.5 * torch.randn(1, 300, 300)
    output = torch.zeros(1, 2, 300, 300)
    output[:, 1] = 2 * np.log(0.3)
    mean, sd = posterior(output, seen, noise)
    error = float(((mean - clean) ** 2).mean())
    assert error < min(float(((seen - clean) ** 2).mean()), float((clean**2).mean()))
    assert float((sd**2).mean()) == pytest.approx(error, rel=0.02)


@pytest.mark.slow
def test_error_bars_hold():
    """Stated errors are never much too small; the pixels kept aside, few in a small movie, make them somewhat large."""
    ratios = []
    for seed in range(3):
        clean, noisy = blobs(20 + seed, shape=(32, 64, 64), mean=6.0)
        config = DenoiseConfig(network=replace(SMALL, epochs=20, width=8, loss="poisson_gaussian"))
        model, _ = run(noisy, config)
        blocks = list(model.blocks(noisy, measure_noise_scale(noisy, 1.0), device="cpu"))
        values = np.concatenate([block for _, block, _ in blocks])
        errors = np.concatenate([block for _, _, block in blocks])
        ratios.append(float(np.mean((values - clean) ** 2) / np.mean(errors**2)))
    assert 0.3 < np.mean(ratios) < 1.2, ratios


def test_masked_pixels_are_not_given_away():
    """The identity is the best network for a target that is in the input; behind a mask it loses to the mean."""
    torch.manual_seed(0)
    frames = torch.randn(8, 1, 64, 64)
    counts = torch.ones(8, 64, 64, dtype=torch.bool)

    class Identity(UNet):
        def forward(self, values):
            return values[:, self.window // 2 : self.window // 2 + 1]

    class Mean(UNet):
        def forward(self, values):
            return torch.zeros_like(values[:, :1])

    same = float(noise2void(Identity(window=1, width=4), frames, frames[:, 0], counts, squared_error))
    flat = float(noise2void(Mean(window=1, width=4), frames, frames[:, 0], counts, squared_error))
    assert same == pytest.approx(2, abs=0.3)
    assert flat == pytest.approx(1, abs=0.2)


def test_halves_of_a_split_frame_have_no_pixel_in_common():
    """Neighbor2Neighbor's input holds a value at most where its target does not."""
    frames = torch.arange(2 * 3 * 16 * 16, dtype=torch.float32).reshape(2, 3, 16, 16)
    seen = []

    class Watch(UNet):
        def forward(self, values):
            seen.append(values)
            return torch.zeros_like(values[:, :1])

    def loss(output, target, counts):
        if len(seen) == 2:
            assert output.shape == (2, 1, 8, 8)
            assert not set(seen[0][:, 1].flatten().tolist()) & set(target.flatten().tolist())
        return squared_error(output, target, counts)

    neighbour2neighbour(Watch(window=3, width=4), frames, frames[:, 1], torch.ones(2, 16, 16, dtype=torch.bool), loss)
    assert len(seen) == 2


def test_hole_follows_the_correlation():
    correlation = np.zeros((7, 7))
    correlation[3, 3] = 1
    assert hole_radius(correlation, is_white=True) == 0
    assert hole_radius(None, is_white=None) == 0
    correlation[3, 4] = 0.2
    assert hole_radius(correlation, is_white=False) == 1
    correlation[3, 5] = 0.1
    assert hole_radius(correlation, is_white=False) == 2


def test_larger_hole_is_needed_where_pixels_are_correlated():
    """Noise that reaches into the next pixel is restored through a hole of one pixel and removed by one of 3 x 3."""
    errors = {0: [], 1: []}
    for seed in range(1):
        clean, _ = blobs(30 + seed)
        rng = np.random.default_rng(seed)
        white = rng.normal(size=clean.shape)
        noise = white + 0.6 * np.roll(white, 1, axis=2) + 0.6 * np.roll(white, 1, axis=1)
        noisy = (clean + 1.5 * noise).astype(np.float32)
        for hole in errors:
            config = DenoiseConfig(network=replace(SMALL, epochs=30, width=8))
            model, _ = run(noisy, config, hole=hole)
            assert model.network.hole == hole
            errors[hole].append(np.mean((denoised(model, noisy, None) - clean) ** 2))
    assert np.mean(errors[1]) < 0.8 * np.mean(errors[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 4}, "odd number"),
        ({"recipe": "published", "loss": "poisson_gaussian"}, "published recipe"),
        ({"window": 1, "neighbours_only": True}, "needs a --network-window"),
    ],
)
def test_contradictions_are_refused(change, message):
    _, noisy = blobs(10)
    with pytest.raises(UsageError, match=message):
        run(noisy, DenoiseConfig(network=replace(SMALL, **change)))
    with pytest.raises(UsageError, match="5 frames or 1"):
        run(noisy, DenoiseConfig(method="udvd", network=SMALL))


def test_hybrid_has_a_size_for_two_cores():
    assert Hybrid().parameter_count < 150_000


def test_steps_without_a_finite_gradient_are_not_taken(monkeypatch):
    _, noisy = blobs(3)
    bad = iter([False] * 5 + [True] * 3 + [False] * 1000)

    def sometimes(output, target, counts):
        return squared_error(output, target, counts) * (float("nan") if next(bad) else 1.0)

    training = small_training(noisy, sometimes, steps=30)
    training.run()
    assert all(torch.isfinite(each).all() for each in training.finish().parameters())
    always = small_training(noisy, lambda *given: squared_error(*given) * float("nan"), steps=100)
    with pytest.raises(AtomotionError, match="float32"):
        always.run()


def small_training(noisy: np.ndarray, loss, *, steps: int) -> Training:
    crops = Crops(noisy, measure_scale(noisy), window=3, crop_px=32, grid=4, memory=1e9)
    return Training(
        network=Hybrid(window=3, width=4),
        crops=crops,
        recipe=Recipe(batch=2, crop_px=32),
        target=blind,
        loss=loss,
        seconds=None,
        steps=steps,
        device=torch.device("cpu"),
    )
