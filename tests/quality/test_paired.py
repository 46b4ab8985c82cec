"""Two denoisers on one movie."""

from functools import partial

import numpy as np
import pytest

from atomotion.quality import KnownNoise, blind_residual, compare_blind, compare_by_thinning, compare_to_reference


def test_difference_by_hand():
    reference = np.full((24, 32, 32), 2.0)
    found = compare_to_reference(np.full_like(reference, 1.0), np.full_like(reference, 4.0), reference)
    assert found.difference.value == pytest.approx(1 - 4)
    assert found.verdict == "first"
    assert found.as_json()["verdict"] == "first"
    other = compare_to_reference(np.full_like(reference, 4.0), np.full_like(reference, 1.0), reference)
    assert other.verdict == "second"
    assert compare_to_reference(reference, reference, reference).verdict == "undecided"


def test_blind_difference_is_right_and_far_sharper_than_the_errors(small):
    truth = small.scene(0.25)
    found, true, ratios = [], [], []
    for seed in range(20):
        raw = np.random.default_rng(seed).poisson(truth)
        first, second = small.with_hole(raw), small.with_hole(raw, (1.5, 1, 1))
        pair = compare_blind(raw, first, second, blind=(True, True))
        found.append(pair.difference.value)
        true.append(np.mean((first - truth) ** 2) - np.mean((second - truth) ** 2))
        single = blind_residual(raw, first, noise=KnownNoise(units_per_electron=1.0), blind=True)
        ratios.append((single.high - single.low) / (pair.difference.high - pair.difference.low))
        assert pair.verdict == "first"
    difference = np.array(found) - true
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(20)
    assert difference.std() < 0.15 * abs(np.mean(true))
    assert min(ratios) > 5


def test_filters_that_see_the_pixel_need_their_weight_and_the_gain(small):
    truth = small.scene(1.0)
    widths = ((1.5, 1.5, 1.5), (1.5, 1, 1))
    weights = tuple(small.centre_weight(width) for width in widths)
    noise = KnownNoise(units_per_electron=10.0)
    found, true = [], []
    for seed in range(20):
        raw = 10 * np.random.default_rng(seed).poisson(truth)
        first, second = (small.gaussian(raw, width) for width in widths)
        pair = compare_blind(raw, first, second, blind=(False, False), centre_weight=weights, noise=noise)
        found.append(pair.difference.value)
        true.append(np.mean((first - 10 * truth) ** 2) - np.mean((second - 10 * truth) ** 2))
    difference = np.array(found) - true
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(20)
    assert "sees the pixel" in compare_blind(raw, first, second, blind=(True, False)).difference.refused
    no_gain = compare_blind(raw, first, second, blind=(False, False), centre_weight=weights)
    assert no_gain.verdict == "undecided"
    assert "units per electron" in no_gain.difference.refused


def test_thinning_needs_nothing_of_the_denoisers(small):
    truth = small.scene(1.0)
    first, second = small.gaussian, partial(small.gaussian, sigma=(1.5, 1, 1))
    found, true = [], []
    for seed in range(20):
        counts = np.random.default_rng(seed).poisson(truth)
        outputs = {}

        def of(name, denoise, outputs=outputs):
            return lambda movie: outputs.setdefault(name, denoise(movie))

        pair = compare_by_thinning(
            counts, of("first", first), of("second", second), 0.8, dispersion=(1.0, 1.0),
            rng=np.random.default_rng(seed),
        )  # fmt: skip
        found.append(pair.difference.value)
        mse = {name: np.mean((output / 0.8 - truth) ** 2) for name, output in outputs.items()}
        true.append(mse["first"] - mse["second"])
        assert pair.verdict == "first"
    difference = np.array(found) - true
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(20)
    assert compare_by_thinning(counts, second, first, dispersion=(1.0, 1.0)).verdict == "second"
    refusal = compare_by_thinning(5 * counts, first, second)
    assert refusal.verdict == "undecided" and "not Poisson" in refusal.difference.refused
