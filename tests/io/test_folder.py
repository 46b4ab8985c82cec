"""Movies kept as one file per frame."""

import mrcfile
import numpy as np
import pytest
import tifffile

from atomotion.data import InputError
from atomotion.io.folder import gaps_in_numbers
from atomotion.io.movie import read_movie

VALUES = np.arange(12 * 5 * 6, dtype=np.uint16).reshape(12, 5, 6)


@pytest.fixture
def folder(tmp_path):
    for number, frame in enumerate(VALUES):
        tifffile.imwrite(
            tmp_path / f"frame_{number}.tif", frame, imagej=True, resolution=(20, 20), metadata={"unit": "nm"}
        )
    return tmp_path


def test_frames_come_in_natural_order_with_the_first_ones_facts(folder):
    (folder / "notes.txt").touch()
    for path in (folder, folder / "*.tif", folder / "frame_*"):
        movie = read_movie(path)
        np.testing.assert_array_equal(movie.frames[:], VALUES)
        np.testing.assert_array_equal(movie.frames[9, 1:3], VALUES[9, 1:3])
        assert movie.pixel_size == 0.5
        assert movie.metadata["source"] == str(path)
        assert movie.metadata["warnings"] == []


def test_gaps_are_named(folder):
    for number in (3, 4, 8):
        (folder / f"frame_{number}.tif").unlink()
    movie = read_movie(folder)
    assert len(movie) == 9
    assert movie.metadata["gaps"] == [(3, 4), (8, 8)]
    assert "lack 3-4, 8; times count as if none were missing" in movie.metadata["warnings"][0]


def test_gaps_in_steps():
    assert gaps_in_numbers(["a_10", "a_20", "a_50", "a_60"]) == [(30, 40)]
    assert gaps_in_numbers(["t1_s2", "t1_s3"]) == []
    assert gaps_in_numbers(["a", "b"]) == []
    assert gaps_in_numbers(["a1", "b1", "c2"]) == []


def test_other_formats_can_be_frames(tmp_path):
    for number, frame in enumerate(VALUES[:3]):
        (tmp_path / "npy").mkdir(exist_ok=True)
        (tmp_path / "mrc").mkdir(exist_ok=True)
        np.save(tmp_path / "npy" / f"{number:03}.npy", frame)
        with mrcfile.new(tmp_path / "mrc" / f"{number:03}.mrc") as file:
            file.set_data(frame)
            file.voxel_size = 0.5
    np.testing.assert_array_equal(read_movie(tmp_path / "npy").frames[:], VALUES[:3])
    assert read_movie(tmp_path / "mrc").pixel_size == 0.5


def test_what_is_no_set_of_frames_is_refused(folder, tmp_path):
    tifffile.imwrite(folder / "frame_12.tif", VALUES[0, :3])
    with pytest.raises(InputError, match=r"frame_12.tif has shape \(3, 6\)"):
        read_movie(folder)
    np.save(folder / "x.npy", VALUES[0])
    with pytest.raises(InputError, match=r"several formats \(13 .tif, 1 .npy\)"):
        read_movie(folder)
    with pytest.raises(InputError, match="no file matches"):
        read_movie(folder / "*.dm4")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no frame"):
        read_movie(tmp_path / "empty")
    (tmp_path / "movies").mkdir()
    np.save(tmp_path / "movies" / "m.npy", VALUES)
    with pytest.raises(InputError, match="is a movie of 12 frames, not one frame"):
        read_movie(tmp_path / "movies")


def test_a_wrong_file_in_the_middle_is_named_when_it_is_read(folder):
    tifffile.imwrite(folder / "frame_5.tif", VALUES[0, :3])
    movie = read_movie(folder)
    np.testing.assert_array_equal(movie.frames[4], VALUES[4])
    with pytest.raises(InputError, match=r"frame_5.tif has shape"):
        movie.frames[5]


def test_a_file_whose_name_holds_brackets_is_a_file(tmp_path):
    np.save(tmp_path / "movie[1].npy", VALUES)
    assert len(read_movie(tmp_path / "movie[1].npy")) == 12
