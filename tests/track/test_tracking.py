"""Particles on known paths: found, followed to a fraction of an Ångström, not swapped, bridged, and ended."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.simulate import MultisliceConfig, recipe, simulate_movie
from atomotion.track import Sighting, TrackConfig, track_particles
from atomotion.track.finding import short_averages

PIXEL = 0.358
DIAMETER = 20.8


def tracked(movie: np.ndarray, config: TrackConfig | None = None, **options):
    return track_particles(movie, config or TrackConfig(), pixel_size=PIXEL, **options)


# largest rms error per axis of 48 movies of 90 to 300 frames at 15 and 50 e/Å²: 0.53 Å, their median 0.27 Å
LARGEST = 0.6


def errors(track, paths: np.ndarray) -> np.ndarray:
    """(p,) rms distance per axis [Å] from each of the true paths (t, p, 2)."""
    away = track.centres[:, None] - paths[track.frame_index]
    return np.sqrt(np.mean(away**2, axis=(0, 2)))


def means_of_11(track) -> np.ndarray:
    """(n - 10, 2) mean of each eleven frames' own centres."""
    return np.stack([np.convolve(track.own[:, axis], np.full(11, 1 / 11), "valid") for axis in (0, 1)], axis=1)


@pytest.mark.parametrize(("dose", "limit_px"), [(15.0, 3.0), (50.0, 1.5)])
def test_centres(make_movie, make_walk, dose, limit_px):
    path = make_walk(150, (46.0, 44.0), 0.15, np.random.default_rng(1))[:, None]
    (track,) = tracked(make_movie(path, dose=dose, seed=1)).tracks
    assert len(track) == 150
    away = (means_of_11(track) - path[track.frame_index[5:-5], 0]) / PIXEL
    assert np.sqrt(np.mean(away**2)) < limit_px
    # the path made of all frames is better, and about as good as it says
    assert errors(track, path)[0] < LARGEST
    assert 0.4 < errors(track, path)[0] / np.sqrt(np.mean(track.sd**2)) < 2.5
    assert abs(np.mean(track.centres - path[track.frame_index, 0], axis=0)).max() < 0.35


def test_passing_particles_are_not_swapped(make_movie, make_walk):
    """They pass at 1.5 diameters, each by 0.33 Å a frame, and both keep within half a diameter of their own path."""
    rng, n = np.random.default_rng(0), 160
    along = np.linspace(-27, 27, n)
    paths = np.stack(
        [
            np.stack([57 + sign * along, np.full(n, 57 - sign * 0.75 * DIAMETER)], axis=1)
            + make_walk(n, (0, 0), 0.15, rng)
            for sign in (1, -1)
        ],
        axis=1,
    )
    found = tracked(make_movie(paths, shape=(320, 320), dose=50.0, seed=2)).tracks
    assert len(found) == 2
    nearest = [int(errors(track, paths).argmin()) for track in found]
    assert sorted(nearest) == [0, 1]
    for track, own in zip(found, nearest, strict=True):
        assert len(track) == n
        assert errors(track, paths)[own] < 1.0
        assert np.abs(track.centres - paths[track.frame_index, own]).max() < 0.15 * DIAMETER


def test_a_gap_is_bridged_and_said(make_movie, make_walk):
    path = make_walk(260, (46.0, 46.0), 0.15, np.random.default_rng(3))[:, None]
    hidden = np.zeros((260, 1), dtype=bool)
    hidden[100:160] = True
    (track,) = tracked(make_movie(path, hidden=hidden, dose=50.0, seed=3)).tracks
    assert len(track) == 260
    bridged = ~track.seen
    assert bridged[108:152].mean() > 0.9
    assert bridged[:90].sum() + bridged[170:].sum() < 12
    assert errors(track, path)[0] < 0.7
    assert np.mean(track.sd[120:140]) > 1.5 * np.mean(track.sd[:60])


def test_a_particle_that_leaves_ends_and_the_other_goes_on(make_movie, make_walk):
    rng, n = np.random.default_rng(0), 160
    leaving = np.stack([68 + 0.25 * np.arange(n), np.full(n, 40.0)], axis=1) + make_walk(n, (0, 0), 0.15, rng)
    paths = np.stack([leaving, make_walk(n, (30.0, 62.0), 0.15, rng)], axis=1)
    found = tracked(make_movie(paths, dose=50.0, seed=4)).tracks
    assert len(found) == 2
    gone, stays = sorted(found, key=len)
    assert len(stays) == n and errors(stays, paths)[1] < LARGEST
    assert gone.ends == "leaves the frame"
    crosses = int(np.argmax(leaving[:, 0] > 256 * PIXEL))
    # half of the particle, 10 Å, is to be seen for 40 frames after its centre has gone
    assert 0 <= gone.frame_index[-1] - crosses < 40
    inside = gone.frame_index < crosses - 40
    assert np.abs(gone.centres[inside] - leaving[gone.frame_index[inside]]).max() < 2.0


def test_a_late_particle_is_found(make_movie, make_walk):
    rng = np.random.default_rng(5)
    paths = np.stack([make_walk(300, (28.0, 46.0), 0.15, rng), make_walk(300, (74.0, 46.0), 0.15, rng)], axis=1)
    hidden = np.zeros((300, 2), dtype=bool)
    hidden[:170, 1] = True
    found = tracked(make_movie(paths, shape=(256, 288), hidden=hidden, dose=50.0, seed=5)).tracks
    assert len(found) == 2
    late = min(found, key=len)
    assert 150 < late.frame_index[0] < 185
    assert late.begins == "is first seen"
    assert errors(late, paths)[1] < LARGEST


def test_given_places(make_movie, make_walk):
    """Only those are followed, in their order, from their frame on and back."""
    rng = np.random.default_rng(6)
    paths = np.stack([make_walk(80, (28.0, 46.0), 0.15, rng), make_walk(80, (74.0, 46.0), 0.15, rng)], axis=1)
    movie = make_movie(paths, shape=(256, 288), dose=50.0, seed=6)
    at = [Sighting(frame=frame, x=paths[frame, p, 0] + 1, y=paths[frame, p, 1] - 1, score=np.inf) for frame, p in
          ((40, 1), (0, 0))]  # fmt: skip
    found = tracked(movie, at=at).tracks
    assert [int(errors(track, paths).argmin()) for track in found] == [1, 0]
    assert all(len(track) == 80 and errors(track, paths).min() < LARGEST for track in found)
    (only,) = tracked(movie, at=at[:1]).tracks
    assert errors(only, paths)[1] < LARGEST


def test_bad_frames_are_passed_over(make_movie, make_walk):
    path = make_walk(90, (46.0, 46.0), 0.15, np.random.default_rng(7))[:, None]
    movie = make_movie(path, dose=50.0, seed=7)
    movie[20] = 0.0
    movie[50, 100:140] = np.nan
    movie[70] *= 9.0
    (track,) = tracked(movie, bad_frames=[70]).tracks
    assert len(track) == 90
    assert np.isnan(track.score[[20, 50, 70]]).all()
    assert np.isfinite(np.delete(track.score, [20, 50, 70])).all()
    assert np.isfinite(track.centres).all()
    assert errors(track, path)[0] < LARGEST


def test_drift_is_taken_off_before_diffusion_is_measured(make_movie, make_walk):
    rng, n = np.random.default_rng(8), 240
    drift = np.stack([0.12 * np.arange(n), np.zeros(n)], axis=1)
    path = (make_walk(n, (28.0, 46.0), 0.15, rng) + drift)[:, None]
    movie = make_movie(path, dose=50.0, seed=8)
    free, blind = (tracked(movie, drift=each).tracks[0].walk for each in (drift, None))
    assert free.low <= 0.15**2 / 2 <= free.high
    assert blind.step2 > free.step2


def test_a_dark_blob_without_a_lattice():
    """A particle of strong contrast whose lattice cannot be seen."""
    rng, n = np.random.default_rng(0), 60
    path = np.array([45.0, 40.0]) + np.cumsum(rng.normal(0, 0.1, (n, 2)), axis=0)
    y, x = (np.arange(240) * PIXEL for _ in range(2))
    movie = np.stack(
        [
            rng.poisson(4 * (1 - 0.25 / (1 + np.exp((np.hypot(x[None, :] - a, y[:, None] - b) - 10) / 0.5))))
            for a, b in path
        ]
    ).astype(np.float32)
    found = tracked(movie)
    assert found.found.band.kind == "dark"
    (track,) = found.tracks
    assert len(track) == n
    assert errors(track, path[:, None])[0] < 0.3
    assert found.found.diameter == pytest.approx(20.0, rel=0.25)


def test_empty_movies_and_movies_without_a_particle():
    with pytest.raises(InputError, match="no frame has a picture in it"):
        tracked(np.zeros((20, 128, 128), dtype=np.uint16))
    noise = np.random.default_rng(0).poisson(4, (40, 200, 200)).astype(np.float32)
    with pytest.raises(InputError, match=r"no particle was found: .*--boxes"):
        tracked(noise)


@pytest.mark.parametrize(("frames", "looks"), [(8, 1), (20, 1), (50, 4), (200, 8), (1500, 9), (10000, 51)])
def test_how_often_particles_are_looked_for(frames, looks):
    """Every 200 frames, and in short movies eight times where there is room: from some sides no lattice shows."""
    stretches = short_averages(frames, TrackConfig())
    assert len(stretches) == looks
    assert stretches[0].start == 0
    assert stretches[-1].stop == frames if looks > 1 else stretches[0].stop <= frames
    assert all(later.start >= earlier.stop for earlier, later in pairwise(stretches))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limit_px"), [("liquid_cell_low_dose", 3.0), ("liquid_cell", 1.5), ("liquid_cell_five_particles", 1.5)]
)
def test_liquid_cells(name, limit_px):
    """Whole simulated liquid cells, three seeds each: no track lost, graphene within 0.3 degrees."""
    for seed in range(3):
        simulated = simulate_movie(replace(recipe(name), frames=200), np.random.default_rng(seed))
        movie = np.asarray(simulated.movie.frames[:])
        paths = np.stack([each.mass_centres for each in simulated.particles], axis=1)
        found = tracked(movie)
        owners = sorted(int(errors(track, paths).argmin()) for track in found.tracks)
        assert owners == list(range(paths.shape[1]))
        for track in found.tracks:
            own = int(errors(track, paths).argmin())
            assert len(track) == 200
            away = (means_of_11(track) - paths[track.frame_index[5:-5], own]) / PIXEL
            assert np.sqrt(np.nanmean(away**2)) < limit_px
            assert errors(track, paths)[own] < LARGEST
        for angle in simulated.graphene_deg:
            assert min(abs((sheet.angle_deg - angle + 30) % 60 - 30) for sheet in found.graphene.sheets) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize(("name", "limit_px"), [("liquid_cell_low_dose", 3.0), ("liquid_cell", 1.5)])
def test_liquid_cells_by_multislice(name, limit_px):
    """Dynamical scattering takes contrast from the lattice; the goals are the same."""
    pytest.importorskip("abtem", reason="multislice needs the extra optics")
    config = replace(recipe(name), frames=120, image="multislice", multislice=MultisliceConfig(phonons=1))
    simulated = simulate_movie(config, np.random.default_rng(0))
    path = simulated.particles[0].mass_centres[:, None]
    found = tracked(np.asarray(simulated.movie.frames[:]))
    (track,) = found.tracks
    assert len(track) == 120
    away = (means_of_11(track) - path[track.frame_index[5:-5], 0]) / PIXEL
    assert np.sqrt(np.nanmean(away**2)) < limit_px
    for angle in simulated.graphene_deg:
        assert min(abs((sheet.angle_deg - angle + 30) % 60 - 30) for sheet in found.graphene.sheets) < 0.3
