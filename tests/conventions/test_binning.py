"""Binning sums pixels and multiplies the pixel size."""

from pathlib import Path

import numpy as np
import pytest

from atomotion.data import Movie
from atomotion.io.movie import read_movie
from atomotion.io.writer import write_movie
from atomotion.scattering import gaussian_atoms, project_atoms


def test_the_pixel_size_is_multiplied_and_counts_are_kept(tmp_path: Path):
    frames = np.random.default_rng(0).poisson(3.0, size=(4, 24, 36)).astype(np.uint16)
    write_movie(tmp_path / "movie.mrcs", Movie(frames=frames, pixel_size=0.2, dose=50.0))
    binned = read_movie(tmp_path / "movie.mrcs", bin=3)
    assert binned.pixel_size == pytest.approx(0.6)
    assert binned.frames.shape == (4, 8, 12)
    assert binned.dose == pytest.approx(50.0)  # per area, so it stays
    np.testing.assert_array_equal(binned.frames[:], frames.reshape(4, 8, 3, 12, 3).sum(axis=(2, 4)))


def test_an_atom_keeps_its_size_in_angstrom(tmp_path: Path):
    image = project_atoms([[1.0, 0.6, 0.0]], gaussian_atoms(1, sigma=0.8), shape=(64, 64), pixel_size=0.2)
    write_movie(tmp_path / "atom.mrcs", Movie(frames=image[None].astype(np.float32), pixel_size=0.2))
    spread = []
    for factor in (1, 2):
        movie = read_movie(tmp_path / "atom.mrcs", bin=factor)
        frame = movie.frames[0].astype(float)
        assert movie.pixel_size is not None
        x = np.arange(frame.shape[1]) * movie.pixel_size
        profile = frame.sum(axis=0) / frame.sum()
        spread.append(np.sqrt(profile @ x**2 - (profile @ x) ** 2))
    # a pixel widens by the square of its side / 12
    assert spread[1] == pytest.approx(np.sqrt(spread[0] ** 2 + (0.4**2 - 0.2**2) / 12), rel=1e-3)
