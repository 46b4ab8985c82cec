"""The 95 % intervals hold the true error in 90 to 99 % of simulated movies, each with its own noise."""

from functools import partial

import numpy as np
import pytest

from atomotion.quality import (
    KnownNoise,
    blind_residual,
    compare_blind,
    compare_by_thinning,
    umse_adjacent,
    umse_thinning,
)

SEEDS = 200


def mse(movie, truth):
    return float(np.mean((movie - truth) ** 2))


def thinning(small, truth, seed, p=0.8):
    counts, outputs = np.random.default_rng(seed).poisson(truth), []

    def denoise(movie):
        outputs.append(small.gaussian(movie))
        return outputs[-1]

    rng = np.random.default_rng(10_000 + seed)
    found = umse_thinning(counts, denoise, p, dispersion=(1.0, 1.0), rng=rng)
    return found, mse(outputs[0] / p, truth)


def blind(small, truth, seed, gain_error=0.0):
    rng = np.random.default_rng(seed)
    raw = rng.poisson(truth)
    denoised = small.with_hole(raw)
    gain = 1.0 + gain_error * rng.standard_normal()
    interval = (gain - 1.96 * gain_error, gain + 1.96 * gain_error) if gain_error else None
    noise = KnownNoise(units_per_electron=gain, units_per_electron_interval=interval)
    found = blind_residual(raw, denoised, noise=noise, blind=True, rng=rng)
    return found, mse(denoised, truth)


def centre(small, truth, seed):
    raw = np.random.default_rng(seed).poisson(truth)
    denoised = small.gaussian(raw)
    found = blind_residual(
        raw, denoised, noise=KnownNoise(units_per_electron=1.0), blind=False, centre_weight=small.centre_weight(),
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return found, mse(denoised, truth)


def paired_blind(small, truth, seed):
    raw = np.random.default_rng(seed).poisson(truth)
    first, second = small.with_hole(raw), small.with_hole(raw, (1.5, 1, 1))
    found = compare_blind(raw, first, second, blind=(True, True), rng=np.random.default_rng(seed))
    return found.difference, mse(first, truth) - mse(second, truth)


def paired_thinning(small, truth, seed):
    counts, outputs = np.random.default_rng(seed).poisson(truth), []

    def denoise(sigma):
        def of(movie):
            outputs.append(small.gaussian(movie, sigma))
            return outputs[-1]

        return of

    found = compare_by_thinning(
        counts, denoise((1.5, 1.5, 1.5)), denoise((1.5, 1, 1)), 0.8, dispersion=(1.0, 1.0),
        rng=np.random.default_rng(10_000 + seed),
    )  # fmt: skip
    return found.difference, mse(outputs[0] / 0.8, truth) - mse(outputs[1] / 0.8, truth)


def adjacent(small, truth, seed, published=False, distance=1):
    raw = np.random.default_rng(seed).poisson(truth)
    denoised = small.gaussian(raw, (0, 1.5, 1.5))
    found = umse_adjacent(
        raw, denoised, window=0, distance=distance, white_frames=True, published=published,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    used = slice(distance, -distance - published)
    return found, mse(denoised[used], truth[used])


def coverage(estimator, small, truth, seeds=SEEDS):
    hits, refusals = 0, 0
    for seed in range(seeds):
        found, true = estimator(small, truth, seed)
        if found.refused is not None:
            refusals += 1
            continue
        hits += found.low <= true <= found.high
    assert refusals <= 0.1 * seeds
    return hits / (seeds - refusals)


CHEAP = {"thinning": thinning, "blind": blind, "paired blind": paired_blind, "adjacent, static": adjacent}
FULL = {
    **CHEAP,
    "thinning, half": partial(thinning, p=0.5),
    "blind, gain to 1 %": partial(blind, gain_error=0.01),
    "centre weight": centre,
    "paired thinning": paired_thinning,
    "adjacent, published": partial(adjacent, published=True),
}


@pytest.mark.parametrize("name", list(CHEAP))
def test_intervals_cover(small, name):
    truth = small.scene(0.25, shape=(24, 40, 40), moving="static" not in name)
    assert 0.9 <= coverage(CHEAP[name], small, truth) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("electrons", [0.25, 3.0])
@pytest.mark.parametrize("name", list(FULL))
def test_intervals_cover_at_low_and_high_dose(small, name, electrons):
    truth = small.scene(electrons, moving="adjacent" not in name)
    assert 0.9 <= coverage(FULL[name], small, truth) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("electrons", [0.25, 3.0])
@pytest.mark.parametrize(("published", "distance"), [(False, 1), (True, 1), (False, 3)])
def test_neighbouring_frames_of_a_moving_sample_cover_or_are_refused(small, electrons, published, distance):
    truth = small.scene(electrons, moving=True)
    missed = 0
    for seed in range(SEEDS):
        found, true = adjacent(small, truth, seed, published, distance)
        missed += found.refused is None and not found.low <= true <= found.high
    assert missed <= 0.1 * SEEDS
