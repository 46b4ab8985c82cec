import numpy as np
import pytest

from atomotion.data import UsageError
from atomotion.frames.changes import SizeChange
from atomotion.frames.config import WindowsConfig
from atomotion.frames.diameter import SizeEvidence
from atomotion.frames.published import published_windows
from atomotion.frames.sight import correlation_time, stretches_in_sight
from atomotion.frames.size_model import fit_size_model, thickness_profile
from atomotion.frames.windows import given_windows, propose_windows

MONOLAYER = 2.26


def evidence(diameters, strength=None, seed=0):
    rng = np.random.default_rng(seed)
    count = len(diameters)
    strength = rng.gamma(4.0, 0.25, count) if strength is None else strength
    shapes = thickness_profile(np.asarray(diameters) / 2, blur=0.8, rings=14)
    profiles = 0.01 * strength[:, None] * shapes + 0.002 * rng.normal(size=shapes.shape)
    return SizeEvidence(
        frames=np.arange(count), centres=np.zeros((count, 2)), radius=10.0, outline=rng.normal(size=shapes.shape),
        strength=strength, strength_sd=0.02, model=fit_size_model(profiles, blur=0.8),
    )  # fmt: skip


def spans(windows):
    return [(each.start, each.stop) for each in windows]


def test_changes_begin_windows_and_gaps_have_none():
    strength = np.random.default_rng(0).gamma(4.0, 0.25, 600)
    strength[250:320] *= 0.01
    found = evidence(np.full(600, 20.0), strength)
    change = SizeChange(at=450, gain=40.0, price=12.0, atoms=-0.2)
    windows = propose_windows(found, [change], WindowsConfig(min_frames=80), count=600, monolayer=MONOLAYER)
    assert len(windows) == 3
    np.testing.assert_allclose(spans(windows), [(0, 250), (320, 450), (450, 600)], atol=15)
    assert [each.reason[:9] for each in windows] == ["the serie", "the latti", "the numbe"]
    assert "-20%" in windows[2].reason


def test_slow_shrinking_is_cut_by_monolayers_and_constant_size_is_not():
    shrinking = evidence(np.linspace(24.0, 18.0, 600))
    windows = propose_windows(shrinking, [], WindowsConfig(min_frames=80), count=600, monolayer=MONOLAYER)
    assert len(windows) == 3
    assert spans(windows)[0][0] == 0 and spans(windows)[-1][1] == 600
    constant = evidence(np.full(600, 20.0))
    assert spans(propose_windows(constant, [], WindowsConfig(), count=600, monolayer=MONOLAYER)) == [(0, 600)]
    even = propose_windows(constant, [], WindowsConfig(max_frames=250), count=600, monolayer=MONOLAYER)
    assert spans(even) == [(0, 200), (200, 400), (400, 600)]


def test_a_short_series_is_one_window_that_says_so():
    windows = propose_windows(evidence(np.full(60, 20.0)), [], WindowsConfig(), count=60, monolayer=MONOLAYER)
    assert spans(windows) == [(0, 60)]
    assert "too few frames (60)" in windows[0].reason


def test_windows_given_by_hand():
    assert spans(given_windows("0-400, 450:800", 900)) == [(0, 400), (450, 800)]
    with pytest.raises(UsageError, match="a window cannot be 'first'"):
        given_windows("first", 900)
    with pytest.raises(UsageError, match="does not lie within the series of 900 frames"):
        given_windows("800-1000", 900)


def test_views_are_counted_by_how_fast_the_lattice_changes():
    rng = np.random.default_rng(0)
    walk = np.zeros(20_000)
    for index in range(1, len(walk)):
        walk[index] = 0.8 * walk[index - 1] + 0.6 * rng.normal()
    # an autoregression with the memory m has the correlation time (1 + m) / (1 - m)
    assert correlation_time(walk) == pytest.approx(9.0, rel=0.25)
    assert correlation_time(walk + rng.normal(size=len(walk))) == pytest.approx(9.0, rel=0.3)
    assert correlation_time(rng.normal(size=2000)) < 2.0


def test_short_losses_of_sight_do_not_count():
    strength = np.ones(400)
    strength[100:110] = 0.0
    strength[200:280] = 0.0
    found = stretches_in_sight(strength, gap=0.15)
    assert len(found) == 2
    np.testing.assert_allclose(found, [(0, 200), (280, 400)], atol=13)


def test_the_published_rule_cuts_at_a_monolayer_where_crystalline_frames_are():
    rng = np.random.default_rng(0)
    crystalline = rng.random(900) < 0.6
    crystalline[300:450] = False
    regions = np.where(
        crystalline, np.where(np.arange(900) < 650, 22.0, 19.0) + rng.normal(scale=0.7, size=900), np.nan
    )
    windows = published_windows(crystalline, regions, WindowsConfig(), monolayer=MONOLAYER)
    assert len(windows) == 3
    np.testing.assert_allclose(spans(windows), [(0, 320), (430, 670), (670, 900)], atol=30)
    assert published_windows(np.zeros(300, dtype=bool), np.full(300, np.nan), WindowsConfig(), monolayer=2.0) == []
