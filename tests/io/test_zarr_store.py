"""Zarr stores of version 2 and 3."""

import pickle

import numpy as np
import pytest
import zarr

from atomotion.data import InputError
from atomotion.io.formats import members_of
from atomotion.io.movie import read_movie
from atomotion.io.writer import MovieWriter

VALUES = np.arange(7 * 5 * 6, dtype=np.uint16).reshape(7, 5, 6)


@pytest.mark.parametrize("version", [2, 3])
def test_array_with_facts_in_its_attributes(tmp_path, version):
    array = zarr.create_array(
        tmp_path / "m.zarr", shape=VALUES.shape, dtype="u2", chunks=(2, 5, 3), zarr_format=version,
        attributes={"pixel_size_nm": 0.05, "processing": "p"},
    )  # fmt: skip
    array[:] = VALUES
    movie = read_movie(tmp_path / "m.zarr")
    assert movie.pixel_size == pytest.approx(0.5)
    assert movie.metadata["processing"] == "p"
    np.testing.assert_array_equal(movie.frames[:], VALUES)
    np.testing.assert_array_equal(movie.frames[5:1:-2, 1:4], VALUES[5:1:-2, 1:4])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(movie.frames))[3], VALUES[3])


def test_groups_give_their_only_stack_or_ask_for_a_name(tmp_path):
    group = zarr.open_group(tmp_path / "g.zarr", mode="w", attributes={"pixel_size_A": 0.5})
    group.create_array("deep/movie", data=VALUES)
    group.create_array("image", data=VALUES[0])
    movie = read_movie(tmp_path / "g.zarr")
    assert (movie.pixel_size, movie.metadata["array"]) == (0.5, "deep/movie")
    group.create_array("other", data=VALUES)
    with pytest.raises(InputError, match=r"deep/movie \(7, 5, 6\) uint16, other"):
        read_movie(tmp_path / "g.zarr")
    assert [member.name for member in members_of(tmp_path / "g.zarr")] == ["deep/movie", "image", "other"]
    np.testing.assert_array_equal(read_movie(tmp_path / "g.zarr", array="other").frames[:], VALUES)


def test_written_chunks_hold_whole_frames_and_are_never_half(tmp_path):
    values = np.zeros((10, 1100, 1000), np.float32)
    with MovieWriter(tmp_path / "m.zarr", values.shape, np.float32) as writer:
        for start in range(0, 10, 4):
            writer.write(values[start : start + 4] + start)
    array = zarr.open(tmp_path / "m.zarr", mode="r")
    assert array.chunks == (2, 1024, 1000)
    assert read_movie(tmp_path / "m.zarr").frames[9].max() == 8


def test_folder_that_is_no_store(tmp_path):
    (tmp_path / "m.zarr").mkdir()
    with pytest.raises(InputError, match=r"m\.zarr cannot be read"):
        read_movie(tmp_path / "m.zarr")
