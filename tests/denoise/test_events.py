"""What lives for a single frame: the hybrid network keeps it, neighbours alone cannot know of it."""

from dataclasses import replace

import numpy as np
import pytest

from atomotion.denoise.config import DenoiseConfig, NetworkConfig
from atomotion.denoise.learned import train_model
from atomotion.denoise.stabilise import NoiseScale

FRAMES, SIZE, DOSE, CONTRAST, WIDTH = 160, 56, 17.0, 0.35, 1.6  # 17 electrons per pixel, as in paper 001


def blob(x: float, y: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * WIDTH**2))


def surface_events(seed: int):
    """A slowly drifting crystal of dark columns; in half of the frames one more column sits on its upper edge."""
    rng = np.random.default_rng(seed)
    clean = np.ones((FRAMES, SIZE, SIZE))
    events = np.zeros_like(clean)
    drift = np.cumsum(rng.normal(0, 0.08, (FRAMES, 2)), axis=0)
    for t in range(FRAMES):
        dx, dy = drift[t]
        for row in range(4):
            for column in range(5):
                clean[t] -= CONTRAST * blob(14 + 7 * column + dx, 24 + 7 * row + dy)
        if rng.random() < 0.5:
            events[t] = CONTRAST * blob(17.5 + 7 * int(rng.integers(0, 4)) + dx, 17 + dy)
    return clean, events, rng.poisson(DOSE * (clean - events)).astype(np.float32)


def retention(seed: int, *, neighbours_only: bool) -> float:
    """Part of the events' contrast that is there in their own frames, by least squares."""
    clean, events, noisy = surface_events(seed)
    settings = NetworkConfig(window=5, epochs=60, neighbours_only=neighbours_only, precision="float32", views="1")
    noise = NoiseScale(sd=float(np.sqrt(DOSE)), mean=DOSE, units_per_electron=1.0)
    model, _ = train_model(noisy, DenoiseConfig(network=replace(settings)), noise, device="cpu")
    found = np.concatenate([values for _, values, _ in model.blocks(noisy, noise, device="cpu")]) / DOSE
    # where a column may sit, a denoiser that knows nothing leaves a grey average in every frame
    there = events.any(axis=(1, 2))
    sites = events[there].max(axis=0) > 0.05
    without = found[~there].mean(axis=0) - clean[~there].mean(axis=0)
    taken = (clean[there] - (found[there] - without))[:, sites]
    return float(np.sum(taken * events[there][:, sites]) / np.sum(events[there][:, sites] ** 2))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_frame_events_survive(seed):
    assert retention(seed, neighbours_only=False) >= 0.5
    assert retention(seed, neighbours_only=True) < 0.2
