"""Arrays are (t, z, y, x), points are (n, 3) x y z and (n, 2) x y: +x is to higher columns, +y to higher rows."""

import numpy as np
import pytest

from atomotion.scattering import density_of_atoms, gaussian_atoms, project_atoms
from atomotion.simulate import MovieConfig, simulate_movie

ATOM = gaussian_atoms(1, sigma=0.5)


def brightest(array: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(np.argmax(array), array.shape))


@pytest.mark.parametrize(
    ("point", "pixel"), [((4.0, 0, 0), (15, 24)), ((0, 4.0, 0), (19, 20)), ((0, 0, 4.0), (15, 20))]
)
def test_projection_rows_are_y_and_columns_are_x(point: tuple[float, float, float], pixel: tuple[int, int]):
    assert brightest(project_atoms([point], ATOM, shape=(30, 40), pixel_size=1.0)) == pixel


def test_shifts_are_dx_dy():
    image = project_atoms([[0, 0, 0]], ATOM, shape=(30, 40), pixel_size=1.0, shift=(3.0, -5.0))
    assert brightest(image) == (10, 23)


def test_maps_are_z_y_x():
    density = density_of_atoms([[1.0, 2.0, 3.0]], ATOM, shape=(20, 30, 40), voxel_size=1.0)
    assert brightest(density.values) == (13, 17, 21)


def test_movies_are_t_y_x_and_drift_is_dx_dy():
    config = MovieConfig(
        diameter=8.0, frames=5, width_px=60, height_px=40, pixel_size=0.5, noise="none", rotation_deg=0.0,
        drift_walk=0.0, drift_x=1.0, drift_y=0.0, longest=None,
    )  # fmt: skip
    movie = simulate_movie(config, np.random.default_rng(0))
    assert movie.movie.frames.shape == (5, 40, 60)
    np.testing.assert_allclose(movie.drift[:, 0], np.arange(5.0))
    # 1 Å per frame is two columns of 0.5 Å
    np.testing.assert_allclose(movie.clean[3, :, 6:], movie.clean[0, :, :-6], atol=1e-5)
