import numpy as np
import pytest

from atomotion.data import UsageError
from atomotion.simulate.movie import simulate_movie, vacuum_movie
from atomotion.simulate.recipes import RECIPES, recipe, rotating_pt, switching_particle


def test_the_rotating_particle_is_the_one_of_the_denoising_measurements():
    config = rotating_pt()
    movie = simulate_movie(config, np.random.default_rng(0))
    assert len(movie.atoms) == 116
    assert movie.movie.frames.shape == (300, 128, 128)
    assert config.dose * config.pixel_size**2 == pytest.approx(0.25)
    vacuum = np.asarray(vacuum_movie(config, np.random.default_rng(1)).frames)
    assert vacuum.mean() / vacuum.std() == pytest.approx(0.50, abs=0.005)
    clean = np.asarray(movie.clean)
    error = float(np.mean((movie.movie.frames - clean) ** 2))
    # measured there: a peak signal-to-noise ratio of the raw frames of -4.0 dB
    assert 10 * np.log10((clean.max() - clean.min()) ** 2 / error) == pytest.approx(-4.0, abs=0.4)
    assert clean.min() > 0.02


def test_the_switching_particle_shows_columns_only_when_it_is_ordered():
    config = switching_particle()
    assert config.dose * config.pixel_size**2 == pytest.approx(3.0)
    movie = simulate_movie(config, np.random.default_rng(0), lazy=True)
    assert np.count_nonzero(np.diff(movie.ordered.astype(int))) == 6
    k = np.hypot(np.fft.fftfreq(160, 0.25)[:, None], np.fft.rfftfreq(160, 0.25))
    lattice = (k > 0.38) & (k < 0.60)

    def peak(frame: int) -> float:
        return float((np.abs(np.fft.rfft2(movie.clean[frame] - 3.0)) ** 2)[lattice].max())

    ordered = [peak(frame) for frame in np.flatnonzero(movie.ordered)[::12]]
    molten = [peak(frame) for frame in np.flatnonzero(~movie.ordered)[::12]]
    assert min(ordered) > 5 * max(molten)


def test_the_low_dose_variant_differs_in_dose_alone():
    low = recipe("switching_particle_low_dose")
    assert low.dose * low.pixel_size**2 == pytest.approx(0.4)
    assert low.periods == switching_particle().periods


def test_names():
    assert {"rotating_pt", "switching_particle", "liquid_cell", "liquid_cell_low_dose"} <= set(RECIPES)
    with pytest.raises(UsageError, match="did you mean rotating_pt"):
        recipe("rotating_Pt")
