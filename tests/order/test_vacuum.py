"""The null, its p-values, when it is refused, how often vacuum is rejected, and whether a lattice is seen."""

import numpy as np
import pytest
from scipy import ndimage, stats

from atomotion.data import InputError
from atomotion.order.config import OrderConfig
from atomotion.order.count_frames import CountFrames
from atomotion.order.measure import measure_frames
from atomotion.order.noise_scale import smoothed_noise_scale
from atomotion.order.vacuum import fit_vacuum, null_alps, vacuum_test

POLYGON = np.array([[12, 10], [52, 14], [50, 54], [16, 50]])
SHAPE = (64, 64)


def twelve_corners(radius: float, centre: float) -> np.ndarray:
    angle = np.arange(12) * np.pi / 6
    return centre + radius * np.column_stack((np.cos(angle), np.sin(angle)))


def correlated_counts(rng: np.random.Generator, frames: int, mean: float, shared: float) -> np.ndarray:
    """Poisson counts of which a share comes in pairs of neighbouring pixels."""
    own = rng.poisson(mean * (1 - shared), (frames, *SHAPE))
    pairs = rng.poisson(mean * shared / 2, (frames, SHAPE[0], SHAPE[1] + 1))
    return own + pairs[:, :, 1:] + pairs[:, :, :-1]


def test_the_null_of_a_known_case():
    """Poisson(4), 256 x 256, sigma 2: 400 frames of numpy's own Poisson noise gave 2.667 +- 0.129 and 4.77 +- 0.21."""
    model = fit_vacuum(np.random.default_rng(0).poisson(4, (4, 256, 256)), OrderConfig())
    config = OrderConfig(null_frames=40)
    inside = null_alps(model, (256, 256), config, polygon=twelve_corners(75, 127.5))
    assert inside.mean() == pytest.approx(2.667, abs=4 * 0.129 / np.sqrt(40))
    assert inside.std() == pytest.approx(0.129, rel=0.45)  # 4 standard errors of a deviation from 40
    whole = null_alps(model, (256, 256), OrderConfig(null_frames=20))
    assert whole.mean() == pytest.approx(4.77, abs=4 * 0.21 / np.sqrt(20))


def test_drawn_counts_follow_the_law():
    probabilities = stats.poisson.pmf(np.arange(30), 3.0)
    frames = CountFrames(probabilities / probabilities.sum(), (10, 200, 200), seed=1)[0:10]
    seen = np.bincount(frames.astype(int).ravel(), minlength=30)
    expected = 400_000 * stats.poisson.pmf(np.arange(11), 3.0)
    expected[-1] = 400_000 - expected[:-1].sum()
    assert stats.chisquare([*seen[:10], seen[10:].sum()], expected).pvalue > 1e-3


def test_drawn_frames_depend_on_the_seed_and_number_only():
    one, two = (CountFrames(np.array([0.5, 0.5]), (4, 8, 8), seed=seed) for seed in (1, 2))
    np.testing.assert_array_equal(one[2:4][0], one[0:4][2])
    assert np.any(one[0:4] != two[0:4])


def test_threads_give_the_same_null():
    model = fit_vacuum(np.random.default_rng(0).poisson(3, (4, *SHAPE)), OrderConfig())
    config = OrderConfig(null_frames=20)
    one = null_alps(model, SHAPE, config, polygon=POLYGON)
    np.testing.assert_array_equal(null_alps(model, SHAPE, config, polygon=POLYGON, workers=2), one)


def test_p_values_by_hand():
    test = vacuum_test([9.5, 5, 0, np.nan], np.arange(1, 10), OrderConfig())
    np.testing.assert_array_equal(test.p_value, [0.1, 0.6, 1.0, np.nan])
    np.testing.assert_allclose(test.p_adjusted, [0.3, 0.9, 1.0, np.nan])
    assert not test.rejected.any()


def test_corrections():
    null = np.arange(999) / 999
    observed = [2.0, 2.0, 0.97, 0.2]
    bh = vacuum_test(observed, null, OrderConfig(correction="bh"))
    by = vacuum_test(observed, null, OrderConfig(correction="by"))
    np.testing.assert_allclose(bh.p_adjusted[:2], [0.002, 0.002])
    factor = 1 + 1 / 2 + 1 / 3 + 1 / 4
    np.testing.assert_allclose(by.p_adjusted, np.minimum(bh.p_adjusted * factor, 1))
    assert bh.rejected.tolist() == [True, True, True, False]


def test_vacuum_is_rejected_as_often_as_stated():
    """Share of p <= 0.05, over 5 vacuums of 120 frames; its standard error is 0.011 (frames and nulls together)."""
    shares = []
    for seed in range(5):
        frames = np.random.default_rng(seed).poisson(3, (120, *SHAPE))
        config = OrderConfig(null_frames=200, seed=seed)
        null = null_alps(fit_vacuum(frames, config), SHAPE, config, polygon=POLYGON)
        test = vacuum_test(measure_frames(frames, config, polygon=POLYGON).alps, null, config)
        shares.append((test.p_value <= 0.05).mean())
    assert np.mean(shares) == pytest.approx(10 / 201, abs=3.5 * 0.011)


def test_correlated_vacuum_is_not_rejected_more_often():
    """Neighbours with correlation 0.1: smoothed noise 7 % louder, which the null must know of."""
    frames = correlated_counts(np.random.default_rng(0), 200, 4.0, 0.2)
    config = OrderConfig(null_frames=200)
    model = fit_vacuum(frames, config)
    assert model.noise_scale == pytest.approx(np.sqrt(1 + 2 * 0.1 * np.exp(-1 / 16)), abs=0.02)
    assert "null was scaled" in model.warnings[0]
    test = vacuum_test(
        measure_frames(frames, config, polygon=POLYGON).alps,
        null_alps(model, SHAPE, config, polygon=POLYGON),
        config,
    )
    # standard error 0.022: 200 frames and 200 null frames; without the scaling the share is 0.2
    assert (test.p_value <= 0.05).mean() < 0.05 + 3.5 * 0.022


def test_noise_scale_is_that_of_smoothed_frames():
    rng = np.random.default_rng(1)
    white = rng.normal(size=(40, *SHAPE))
    blurred = np.array([ndimage.gaussian_filter(frame, 0.7) for frame in white])
    scale, _ = smoothed_noise_scale(blurred, np.ones(SHAPE, dtype=bool), 2.0)
    smooth = [np.array([ndimage.gaussian_filter(f, 2.0)[8:-8, 8:-8] for f in each]).std() for each in (blurred, white)]
    assert scale == pytest.approx(smooth[0] / smooth[1] * white.std() / blurred.std(), rel=0.02)
    found, error = smoothed_noise_scale(white, np.ones(SHAPE, dtype=bool), 2.0)
    assert abs(found - 1) < 4 * error < 0.05


def test_a_lattice_is_told_from_vacuum():
    """Columns 8 px apart that take half of 3 electrons: nearly every frame; none: nearly no frame."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    lattice = (np.cos(2 * np.pi * x / 8) + np.cos(2 * np.pi * y / 8)) / 2
    rng = np.random.default_rng(0)
    config = OrderConfig(null_frames=200)
    null = null_alps(fit_vacuum(rng.poisson(3, (20, *SHAPE)), config), SHAPE, config, polygon=POLYGON)
    power = {}
    for contrast in (0.0, 0.5):
        frames = rng.poisson(3 * (1 + contrast * lattice), (60, *SHAPE))
        power[contrast] = vacuum_test(
            measure_frames(frames, config, polygon=POLYGON).alps, null, config
        ).rejected.mean()
    assert power[0.5] > 0.9
    assert power[0.0] < 0.05


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.random.default_rng(0).normal(5, 1, (4, *SHAPE)), "not whole numbers"),
        (np.random.default_rng(0).poisson(3, (4, *SHAPE)) - 5, "negative"),
        (np.full((4, *SHAPE), np.nan), "not finite"),
        (np.full((4, *SHAPE), 3), "same count"),
        (32 * np.random.default_rng(0).poisson(3, (4, *SHAPE)), r"variance / mean of its counts is 3\d.*--divisor"),
        (
            np.rint(
                ndimage.gaussian_filter(np.random.default_rng(0).poisson(90, (4, *SHAPE)).astype(float), (0, 1, 1))
            ),
            "its pixels are correlated",
        ),
    ],
)
def test_what_is_no_vacuum_of_counts_is_refused(frames, message):
    model = fit_vacuum(frames, OrderConfig(null="poisson"))
    with pytest.raises(InputError, match=message):
        null_alps(model, SHAPE, OrderConfig())


def test_counts_that_are_not_poisson_are_warned_of():
    frames = np.random.default_rng(0).binomial(6, 0.5, (10, *SHAPE)) * 2  # mean 6, variance 6, but even only
    model = fit_vacuum(frames, OrderConfig())
    assert not model.problem
    assert "not exactly Poisson" in model.warnings[-1]
    assert model.ks_p_value < 1e-6
    empirical = fit_vacuum(frames, OrderConfig(null="empirical"))
    assert not empirical.warnings
    assert empirical.probabilities[1] == 0
    assert CountFrames(empirical.probabilities, (1, 50, 50), 0)[0:1].max() <= 12


def test_the_mask_says_where_vacuum_is():
    frames = np.random.default_rng(0).poisson(3, (10, *SHAPE))
    frames[:, :30] += 20
    mask = np.zeros(SHAPE, dtype=bool)
    mask[32:] = True
    assert fit_vacuum(frames, OrderConfig(), mask=mask).mean == pytest.approx(3, abs=0.05)
    with pytest.raises(InputError, match="mask"):
        fit_vacuum(frames, OrderConfig(), mask=mask[:5])


def test_measured_vacuum(data_dir):
    """The measured movie's vacuum, windows of the particle's size: 164 frames, standard error of the share 0.02."""
    vacuum = np.load(data_dir / "pt_ceo2_movie" / "movie.npz")["vacuum"]
    config = OrderConfig(divisor=32.0, null_frames=200)
    model = fit_vacuum(vacuum, config)
    assert model.mean == pytest.approx(3.07, abs=0.01)
    assert model.noise_scale == pytest.approx(0.970, abs=0.005)
    polygon = np.array([[148, 37], [102, 10], [43, 50], [10, 137], [42, 235], [120, 227]])
    null = null_alps(model, (245, 158), config, polygon=polygon)
    shares = []
    for y, x in ((0, 0), (0, 138), (340, 0), (340, 138)):
        observed = measure_frames(vacuum[:, y : y + 245, x : x + 158], config, polygon=polygon).alps
        shares.append((vacuum_test(observed, null, config).p_value <= 0.05).mean())
    assert np.mean(shares) == pytest.approx(0.05, abs=3.5 * 0.02)
