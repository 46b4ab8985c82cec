import numpy as np
import pytest

from atomotion.data import DensityMap, InputError, Movie


def test_facts_are_never_guessed():
    movie = Movie(frames=np.zeros((3, 4, 5)), metadata={"source": "m.tif"})
    assert len(movie) == 3
    assert movie.frame_shape == (4, 5)
    assert movie.time_axis() is None
    with pytest.raises(InputError, match=r"pixel size is missing in m.tif, .* pass --pixel-size"):
        movie.require_pixel_size("a size")
    with pytest.raises(InputError, match=r"frame time is missing in m.tif"):
        movie.require_frame_time("a lifetime")


def test_times_go_before_the_frame_time():
    times = np.array([0.0, 1.0, 5.0])
    movie = Movie(frames=np.zeros((3, 4, 5)), frame_time=0.5, times=times)
    np.testing.assert_array_equal(movie.time_axis(), times)
    np.testing.assert_allclose(Movie(frames=np.zeros((3, 4, 5)), frame_time=0.5).time_axis(), [0, 0.5, 1.0])


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5)])
def test_a_movie_has_three_axes(shape):
    with pytest.raises(InputError, match="three-dimensional"):
        Movie(frames=np.zeros(shape))


def test_times_must_fit():
    with pytest.raises(InputError, match="3 frames but 2 times"):
        Movie(frames=np.zeros((3, 4, 5)), times=np.zeros(2))


def test_a_map_lies_with_its_origin_at_voxel_half_n():
    assert DensityMap(values=np.zeros((4, 6, 9)), voxel_size=0.5).first_voxel == (-2.0, -1.5, -1.0)
    assert DensityMap(values=np.zeros((4, 6, 9)), voxel_size=0.5, origin=(1.0, 2.0, 3.0)).first_voxel == (1.0, 2.0, 3.0)
