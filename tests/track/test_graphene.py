"""Sheets of graphene whose directions are known, and what is left of particle and graphene when they are removed."""

from dataclasses import replace

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.track import GrapheneConfig, GrapheneRemoval, find_graphene
from atomotion.track.graphene import Sheet

PIXEL = 0.358


def noisy(background: np.ndarray, frames: int, electrons: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(np.maximum(1 + background, 0) * electrons, (frames, *background.shape)).astype(np.float32)


def away(found: float, true: float) -> float:
    """Difference of two directions, mod 60 degrees."""
    return abs((found - true + 30) % 60 - 30)


@pytest.mark.parametrize("seed", range(4))
def test_directions_and_pixel_size(make_waves, seed):
    rng = np.random.default_rng(seed)
    first = float(rng.uniform(0, 60))
    angles = (first, (first + rng.uniform(8, 50)) % 60)
    movie = noisy(make_waves((320, 288), angles, rng), 24, 1.9, seed)
    found = find_graphene(movie, GrapheneConfig(), pixel_size=PIXEL)
    assert len(found.sheets) == 2
    for true in angles:
        assert min(away(sheet.angle_deg, true) for sheet in found.sheets) < 0.3
    assert found.pixel_size == pytest.approx(PIXEL, rel=2e-3)
    assert not found.is_doubtful


@pytest.mark.parametrize("assumed", [0.350, 0.368])
def test_a_wrong_pixel_size_is_noticed(make_waves, assumed):
    movie = noisy(make_waves((320, 288), (11.0, 40.0), np.random.default_rng(0)), 24, 1.9, 0)
    found = find_graphene(movie, GrapheneConfig(), pixel_size=assumed)
    assert found.is_doubtful
    assert found.pixel_size == pytest.approx(PIXEL, rel=2e-3)
    assert len(found.sheets) == 2


def test_noise_has_no_graphene():
    for seed in range(5):
        found = find_graphene(noisy(np.zeros((256, 256)), 16, 3.0, seed), GrapheneConfig(), pixel_size=PIXEL)
        assert not found.sheets
        assert found.pixel_size is None
        # 40 such movies: median 2.9, largest 5.9
        assert found.best_score < 6.5


def test_a_tumbling_particle_is_no_graphene(make_movie):
    movie = make_movie(np.full((40, 1, 2), 46.0), angles=(), dose=50.0, seed=2)
    assert not find_graphene(movie, GrapheneConfig(), pixel_size=PIXEL).sheets


def test_large_pixels_and_bad_frames_are_refused():
    movie = np.ones((3, 64, 64), dtype=np.float32)
    with pytest.raises(InputError, match="too large"):
        find_graphene(movie, GrapheneConfig(), pixel_size=1.2)
    with pytest.raises(InputError, match="no frame is good"):
        find_graphene(movie, GrapheneConfig(), pixel_size=PIXEL, bad_frames=range(3))


@pytest.fixture(scope="module")
def scene(make_movie, make_waves):
    """A particle without noise, graphene, the sheets, and places inside the particle and far from it and the border."""
    shape = (384, 352)
    place = np.array([64.0, 70.0])
    particle = make_movie(np.tile(place, (1, 1, 1)), shape=shape, angles=(), dose=1e7, seed=4)[0]
    particle = particle / np.median(particle)
    waves = make_waves(shape, (11.0, 40.0), np.random.default_rng(0))
    sheets = [Sheet(angle_deg=angle, scale=1.0, score=10.0) for angle in (11.0, 40.0)]
    y, x = (np.arange(size) * PIXEL for size in shape)
    r = np.hypot(x[None, :] - place[0], y[:, None] - place[1])
    far = (r > 18)[20:-20, 20:-20]
    return particle, waves, sheets, place, r < 9, far


@pytest.mark.parametrize(("method", "left", "harm"), [("inpaint", 0.1, 0.15), ("notch", 0.1, 1.0)])
def test_graphene_is_removed(scene, method, left, harm):
    """What is left of the graphene, relative to what was there; within the particle too, where nothing of it is lost.

    Notches take what the particle itself shows near the spots with them.
    """
    particle, waves, sheets, place, inside, far = scene
    removal = GrapheneRemoval(particle.shape, PIXEL, sheets, replace(GrapheneConfig(), method=method))
    cleaned = removal.clean(particle + waves, place[None], radius=12.0)
    error = cleaned - particle
    assert error[20:-20, 20:-20][far].std() < left * waves.std()
    assert error[inside].std() < harm * waves.std()
    if method == "notch":
        assert error[inside].std() > 0.3 * waves.std()


def test_the_mean_and_frames_without_graphene_stay(scene):
    particle, waves, _, place, _, _ = scene
    removal = GrapheneRemoval(particle.shape, PIXEL, [], GrapheneConfig())
    np.testing.assert_allclose(removal.clean(particle + waves, place[None], radius=12.0), particle + waves, atol=1e-5)


def test_particles_that_overlap_hide_a_place_only_once(scene):
    """The same particle named twice, or three times at nearly the same place, changes next to nothing."""
    particle, waves, sheets, place, _, _ = scene
    removal = GrapheneRemoval(particle.shape, PIXEL, sheets, GrapheneConfig())
    once = removal.clean(particle + waves, place[None], radius=12.0)
    often = removal.clean(particle + waves, place + np.array([[0.0, 0.0], [0.0, 0.0], [0.3, 0.0]]), radius=12.0)
    assert np.abs(often - once).max() < 0.02 * waves.std()
