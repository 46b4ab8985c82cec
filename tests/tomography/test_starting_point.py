"""Some of the images, scans by evidence, and starts that are tried."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from atomotion.tomography import ReconstructionConfig
from atomotion.tomography.preparation import prepare
from atomotion.tomography.scans import PARTICLE_OVER_SPHERE, line_maximum, scan
from atomotion.tomography.screening import held_out_scores, screen_starts
from atomotion.tomography.settling import settled
from atomotion.tomography.some_images import some_images, spread_over
from atomotion.tomography.start import first_match, first_orientations
from atomotion.tomography.start_models import start_model

SMALL = ReconstructionConfig(diameter=15.0, resolution=1.15, half_sets=False, grid_deg=6.0)


@pytest.fixture(scope="module")
def prepared(tumbling):
    with torch.no_grad():
        return prepare(
            tumbling.images[:60],
            SMALL,
            pixel_size=tumbling.pixel_size,
            box_centres=np.arange(120.0).reshape(60, 2),
            generator=torch.Generator().manual_seed(0),
        )


@pytest.mark.parametrize(("n", "count", "run"), [(1500, 200, 100), (250, 200, 100), (90, 80, 1), (101, 100, 30)])
def test_runs_are_spread_over_the_window(n: int, count: int, run: int):
    chosen = spread_over(n, count, run=run)
    assert 0.85 * count < len(chosen) <= count
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] == 0
    assert chosen[-1] == n - 1
    assert (np.diff(chosen) == 1).mean() >= 1.0 - 1.0 / run
    np.testing.assert_array_equal(spread_over(20, 30, run=5), np.arange(20))


def test_some_images_keep_their_times_and_places(prepared, monkeypatch):
    observations, _ = prepared
    monkeypatch.setattr("atomotion.tomography.some_images._RUN", 10)
    some = some_images(observations, 20, generator=torch.Generator().manual_seed(1))
    chosen = spread_over(60, 20, run=10)
    assert len(some) == len(some.folds) == 20
    torch.testing.assert_close(some.coefficients.values, observations.coefficients.values[chosen])
    np.testing.assert_array_equal(some.box_centres, observations.box_centres[chosen])
    np.testing.assert_array_equal(some.time.gaps, np.diff(chosen))
    assert some.time.gaps.max() == 41.0
    assert set(some.folds.tolist()) == set(range(8))


def test_images_after_a_long_gap_know_nothing_of_those_before(prepared):
    observations, start = prepared
    few = some_images(observations, 24, generator=torch.Generator())
    gaps = np.ones(23)
    gaps[11] = 1e6
    apart = replace(few, time=replace(few.time, gaps=gaps))
    # the others in another order
    swapped = torch.cat([torch.arange(12), torch.arange(23, 11, -1)])
    other = replace(apart, coefficients=apart.coefficients.of(swapped))
    match = first_match(apart, start, SMALL)
    posterior, _ = match.posterior()
    torch.testing.assert_close(first_match(other, start, SMALL).posterior()[0][:12], posterior[:12])
    together = replace(few, time=replace(few.time, gaps=np.ones(23)))
    assert float((first_match(together, start, SMALL).posterior()[0][:12] - posterior[:12]).abs().max()) > 1e-3
    assert len(match.most_probable()) == 24


@pytest.mark.parametrize("first", [2.0, 3.3, 5.6])
def test_the_top_of_a_curve_is_found(first: float):
    tried = []

    def curve(x: float) -> float:
        tried.append(x)
        return -((x - 4.0) ** 2) - 0.1 * abs(x - 4.0) ** 3

    assert line_maximum(curve, first, step=0.8, low=1.0, high=7.0) == pytest.approx(4.0, abs=0.05)
    assert len(tried) <= 6


def test_a_scan_never_leaves_its_limits():
    tried = []

    def rising(x: float) -> float:
        tried.append(x)
        return x

    assert line_maximum(rising, 2.0, step=1.0, low=0.0, high=3.5) <= 3.5
    assert max(tried) <= 3.5
    assert line_maximum(lambda x: -x, 2.0, step=1.0, low=1.5, high=5.0) >= 1.5


def test_the_scan_finds_the_size_and_the_lattice(prepared, tumbling):
    """A sphere of the phantom's 120 atoms has a diameter of 15.2 Å; the scan begins 10 % above."""
    observations, start = prepared
    some = some_images(observations, 40, generator=torch.Generator().manual_seed(2))
    found = scan(some, start, SMALL, diameter=16.7, lattice=3.92)
    true = (6.0 * len(tumbling.positions) * 3.93**3 / 4.0 / np.pi) ** (1.0 / 3.0)
    assert PARTICLE_OVER_SPHERE * found.diameter == pytest.approx(true, rel=0.04)
    assert found.lattice == pytest.approx(3.93, rel=0.008)
    assert found.defocus is None
    assert found.evaluations < 20


def test_held_out_fit_tells_right_from_wrong_poses(prepared):
    observations, start = prepared
    generator = torch.Generator().manual_seed(3)
    first = first_orientations(observations, start, SMALL).assignment
    right = settled(observations, start, first, SMALL, generator, iterations=2)
    wrong = replace(right, rotations=right.rotations.roll(30, dims=0))
    assert float(held_out_scores(observations, right, generator).mean()) > 1.5 * float(
        held_out_scores(observations, wrong, generator).mean()
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fcc", "twin", "icosahedron", "decahedron"])
def test_the_start_that_the_particle_is_made_of_is_kept(phantom, lattices, kind: str):
    rng = np.random.default_rng(1)
    if kind == "fcc":
        positions = phantom.irregular_particle(150, rng)
    else:
        positions = lattices.irregular_particle_of(kind, 150, rng)
    simulated = phantom.simulate(120, positions=positions, size=72, seed=1)
    config = ReconstructionConfig(diameter=17.0, resolution=1.15)
    observations, _ = prepare(
        simulated.images,
        config,
        pixel_size=simulated.pixel_size,
        generator=torch.Generator(),
    )
    starts = [start_model(each, "Pt", 17.0, lattice=3.92) for each in ("fcc", "twin", "icosahedron", "decahedron")]
    screened = screen_starts(observations, starts, config, generator=torch.Generator().manual_seed(0))
    assert screened.best.kind == kind
    others = [z for name, z in screened.held_out_z.items() if name != kind]
    assert screened.held_out_z[kind] > max(others) + 1.0
