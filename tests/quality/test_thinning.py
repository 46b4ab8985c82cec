"""Splitting of counts, and the error that it gives."""

from functools import partial

import numpy as np
import pytest

from atomotion.data import UsageError
from atomotion.quality import KnownNoise, SplitCounts, SplitSignal, best_on_removed, choose_split, umse_thinning


def test_split_adds_up_and_repeats_itself():
    counts = np.random.default_rng(0).poisson(3.0, (5, 8, 9))
    raw = 100 + 30 * counts
    split = SplitCounts(raw, 0.8, seed=4, units_per_electron=30.0, offset=100.0)
    kept, removed = (split.kept[:] - 100) / 30, (split.removed[:] - 100) / 30 * 0.2
    np.testing.assert_allclose(kept + removed, counts, atol=1e-4)
    assert split.removed_units == pytest.approx(150)
    np.testing.assert_array_equal(split.kept[1:4, 2:5, ::2], split.kept[:][1:4, 2:5, ::2])
    np.testing.assert_array_equal(split.kept[-1], split.kept[:][-1])
    assert split.kept[3:3].shape == (0, 8, 9)
    assert split.kept.shape == raw.shape and split.kept.dtype == np.float32
    with pytest.raises(UsageError, match="between 0 and 1"):
        SplitCounts(raw, 1.0)


def test_parts_are_independent_and_scaled_to_the_whole_dose():
    counts = np.random.default_rng(0).poisson(2.0, (20, 100, 100))
    split = SplitCounts(counts, 0.8, seed=0)
    kept, removed = split.kept[:].ravel(), split.removed[:].ravel()
    assert kept.mean() == pytest.approx(1.6, abs=0.015)
    assert removed.mean() == pytest.approx(2.0, abs=0.03)
    assert removed.var() == pytest.approx(split.removed_units * 2.0, rel=0.03)
    assert abs(np.corrcoef(kept, removed)[0, 1]) < 5 / np.sqrt(kept.size)


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (30.0, 100.0)])
def test_unbiased_for_a_filter_that_sees_the_pixel(small, gain, offset):
    """And for one that changes the intensity."""
    truth = small.scene(1.0)

    def mixed(movie):
        return 0.7 * small.gaussian(movie) + 0.3 * np.asarray(movie[:])

    for denoise in (partial(small.gaussian, sigma=(0.8, 0.8, 0.8)), mixed):
        errors, values = [], []
        for seed in range(40):
            counts = np.random.default_rng(seed).poisson(truth)
            outputs = []

            def kept_one(movie, denoise=denoise, outputs=outputs):
                outputs.append(denoise(movie))
                return outputs[-1]

            found = umse_thinning(
                offset + gain * counts, kept_one, 0.5, noise=KnownNoise(units_per_electron=gain, offset=offset),
                dispersion=(1.0, 1.0), rng=np.random.default_rng(seed),
            )  # fmt: skip
            errors.append(np.mean(((outputs[0] - offset) / 0.5 - gain * truth) ** 2))
            values.append(found.value)
        difference = np.array(values) - errors
        assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(40)
        # the standard error of the mean is small enough to see a bias of a tenth
        assert difference.std() / np.sqrt(40) < 0.1 * np.mean(errors)


def test_more_splits_shorten_the_interval(small):
    counts = np.random.default_rng(0).poisson(small.scene(1.0))
    widths = []
    for splits in (1, 8):
        found = umse_thinning(counts, small.gaussian, 0.8, splits=splits, dispersion=(1.0, 1.0))
        widths.append(found.high - found.low)
    assert widths[1] < 0.7 * widths[0]


def test_refused_where_counts_are_not_poisson(small):
    rng = np.random.default_rng(0)
    counts = rng.poisson(small.scene(1.0))

    def reason(movie, **known):
        found = umse_thinning(movie, small.gaussian, noise=KnownNoise(**{"units_per_electron": 1.0, **known}))
        assert found.value is None
        return found.refused

    assert "not Poisson" in reason(3 * counts)
    assert "no counts of electrons" in reason(counts, is_poisson=False)
    assert "pixels is correlated" in reason(counts, white_pixels=False)
    assert "frames is correlated" in reason(counts, white_frames=False)
    assert "no whole electrons" in reason(counts + rng.uniform(size=counts.shape))
    assert "below the offset" in reason(counts, offset=2.0)
    assert "above 0" in reason(counts, units_per_electron=0.0)
    assert "not known" in reason(counts, units_per_electron=None)
    assert "cannot be checked" in reason(counts[:, :8, :8])
    assert umse_thinning(counts, small.gaussian).refused is None


def test_small_excess_of_variance_is_said_with_its_bias(small):
    counts = np.random.default_rng(0).poisson(small.scene(1.0))
    found = umse_thinning(counts, small.gaussian, dispersion=(1.03, 1.05))
    assert "1.040 times their mean" in found.warning
    assert "too large" in found.warning


def test_signal_of_an_integrating_camera_is_split_without_correlation():
    rng = np.random.default_rng(0)
    movie = 7 + 3 * rng.poisson(5.0, (20, 100, 100)) + rng.normal(0, 0.3, (20, 100, 100))
    split = SplitSignal(movie, 0.7, seed=1, units_per_electron=3.0, offset=7.0)
    kept, removed = split.kept[:].ravel() - 7, split.removed[:].ravel() - 7
    assert kept.mean() == pytest.approx(0.7 * 15, rel=0.01)
    assert removed.mean() == pytest.approx(15, rel=0.01)
    assert removed.var() == pytest.approx(split.removed_units * 15, rel=0.03)
    # the read noise, 0.09 of 45, is all that they share
    assert abs(np.corrcoef(kept, removed)[0, 1]) < 5 / np.sqrt(kept.size) + 0.002
    # held in memory it is the same
    lazy = split.removed[3]
    split.hold()
    np.testing.assert_array_equal(split.removed[3], lazy)


def test_movies_are_split_as_their_noise_allows(small):
    counts = np.random.default_rng(0).poisson(small.scene(1.0))
    signal = counts + np.random.default_rng(1).normal(0, 0.4, counts.shape)
    electrons = KnownNoise(units_per_electron=1.0)
    assert isinstance(choose_split(counts, electrons, 0.8, blind=False).split, SplitCounts)
    seeing = choose_split(signal, electrons, 0.8, blind=False)
    assert isinstance(seeing.split, SplitSignal)
    assert "not independent" in seeing.warning
    assert choose_split(signal, electrons, 0.8, blind=True).warning is None
    assert "not known" in choose_split(counts, KnownNoise(), 0.8, blind=True).refused
    for movie in (counts, signal):
        shared = choose_split(movie, KnownNoise(units_per_electron=1.0, white_frames=False), 0.8, blind=True)
        assert shared.split is None
        assert "frames is correlated" in shared.refused


def test_best_on_removed_is_the_best_of_all(small):
    """Of filters from too weak to too strong it takes the one whose error against the truth is the smallest."""
    truth = small.scene(4.0)
    widths = (0.3, 0.7, 1.1, 3.0)
    candidates = [partial(small.gaussian, sigma=(width, width, width)) for width in widths]
    for seed in range(3):
        split = SplitCounts(np.random.default_rng(seed).poisson(truth), 0.8, seed=seed)
        steps = []
        best, denoised = best_on_removed(
            candidates, split, bad_frames=[2], on_step=lambda *done, steps=steps: steps.append(done)
        )
        errors = [np.mean((split.whole_dose(each(split.kept)) - truth) ** 2) for each in candidates]
        assert best == np.argmin(errors)
        np.testing.assert_array_equal(denoised, candidates[best](split.kept))
        assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
