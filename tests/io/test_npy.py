"""NumPy files: read in place, never unpickled, with the facts among their members."""

import gzip
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.io.contiguous import ContiguousFrames
from atomotion.io.formats import members_of, open_stored
from atomotion.io.movie import read_movie
from atomotion.io.unpacked import Unpacked

VALUES = np.arange(7 * 5 * 6, dtype=np.uint16).reshape(7, 5, 6)


def test_npy_is_read_in_place(tmp_path):
    np.save(tmp_path / "m.npy", VALUES)
    movie = read_movie(tmp_path / "m.npy")
    assert isinstance(movie.frames, ContiguousFrames)
    np.testing.assert_array_equal(movie.frames[2:4], VALUES[2:4])
    assert movie.pixel_size is None
    assert movie.frame_time is None


def test_fortran_order_is_read_right_and_warned_of(tmp_path):
    np.save(tmp_path / "m.npy", np.asfortranarray(VALUES))
    movie = read_movie(tmp_path / "m.npy")
    np.testing.assert_array_equal(np.asarray(movie.frames), VALUES)
    assert "Fortran order" in movie.metadata["warnings"][0]


def test_big_endian_and_bool_become_plain_numbers(tmp_path):
    np.save(tmp_path / "b.npy", VALUES.astype(">f4"))
    np.save(tmp_path / "t.npy", VALUES > 50)
    np.testing.assert_array_equal(read_movie(tmp_path / "b.npy").frames[:], VALUES)
    mask = read_movie(tmp_path / "t.npy").frames[:]
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, VALUES > 50)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_members_and_facts(tmp_path, save):
    path = tmp_path / "m.npz"
    save(path, movie=VALUES, mean=VALUES[0], pixel_size_A=0.358, frame_time_ms=2.5, contrast="dark", processing="raw?")
    movie = read_movie(path)  # the only (t, y, x) array
    np.testing.assert_array_equal(movie.frames[3], VALUES[3])
    assert (movie.pixel_size, movie.contrast, movie.metadata["processing"]) == (0.358, "dark", "raw?")
    assert movie.frame_time == pytest.approx(0.0025)
    assert open_stored(path, "mean").kind == "image"
    assert [member.name for member in members_of(path)][:2] == ["movie", "mean"]


def test_uncompressed_member_is_read_in_place_and_compressed_one_unpacked_on_first_use(tmp_path):
    np.savez(tmp_path / "u.npz", movie=VALUES)
    np.savez_compressed(tmp_path / "c.npz", movie=VALUES)
    in_place, packed = (open_stored(tmp_path / name).frames for name in ("u.npz", "c.npz"))
    assert in_place.file == tmp_path / "u.npz"
    assert isinstance(packed.file, Unpacked)
    assert packed.file._path is None  # opened without unpacking
    np.testing.assert_array_equal(packed[:], VALUES)


def test_temporary_file_goes_away_with_the_frames(tmp_path):
    np.savez_compressed(tmp_path / "c.npz", movie=VALUES)
    frames = open_stored(tmp_path / "c.npz").frames
    frames[0]
    copy = pickle.loads(pickle.dumps(frames))
    np.testing.assert_array_equal(copy[1], VALUES[1])
    unpacked = [frames.file._path, copy.file._path]
    assert len(set(unpacked)) == 2
    del frames, copy
    assert not any(Path(path).exists() for path in unpacked)


def test_temporary_file_that_was_swept_away_is_made_again(tmp_path):
    np.savez_compressed(tmp_path / "c.npz", movie=VALUES)
    frames = open_stored(tmp_path / "c.npz").frames
    frames[0]
    Path(frames.file._path).unlink()
    np.testing.assert_array_equal(frames[:], VALUES)


def test_gz_is_unpacked(tmp_path):
    np.save(tmp_path / "m.npy", VALUES)
    (tmp_path / "m.npy.gz").write_bytes(gzip.compress((tmp_path / "m.npy").read_bytes()))
    np.testing.assert_array_equal(read_movie(tmp_path / "m.npy.gz").frames[:], VALUES)


def test_several_movies_must_be_named(tmp_path):
    np.savez(tmp_path / "m.npz", particle=VALUES, vacuum=VALUES)
    with pytest.raises(InputError, match=r"holds 2 arrays, particle \(7, 5, 6\) uint16, vacuum .*--array"):
        read_movie(tmp_path / "m.npz")
    with pytest.raises(InputError, match="no array 'vacum'; did you mean vacuum"):
        read_movie(tmp_path / "m.npz", array="vacum")


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was loaded')",))


def test_pickles_are_refused_and_never_run(tmp_path):
    np.save(tmp_path / "o.npy", np.array([[Bomb(), Bomb()]], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "o.npz", movie=np.array([[[Bomb()]]], dtype=object))
    (tmp_path / "o.pkl").write_bytes(pickle.dumps(Bomb()))
    for name in ("o.npy", "o.npz", "o.pkl"):
        with pytest.raises(InputError, match="pickle"):
            read_movie(tmp_path / name)


def test_wrong_arrays_are_refused_in_one_sentence(tmp_path):
    for array, message in (
        (VALUES[0], "one image of 6 x 5 pixels"),
        (VALUES.astype(complex), "complex"),
        (VALUES[:0], "empty"),
        (VALUES[:, None], "4 axes"),
        (np.array([["a"]]), "type"),
    ):
        np.save(tmp_path / "m.npy", array)
        with pytest.raises(InputError, match=message):
            read_movie(tmp_path / "m.npy")


def test_measured_npz(data_dir):
    # the numbers of the data's own README: (41, 245, 158) and (41, 585, 296) uint16, about 32.6 units per electron and
    # 3 electrons per pixel in vacuum; the values themselves through the zip file by hand
    path = data_dir / "pt_ceo2_movie" / "movie.npz"
    particle, vacuum = (read_movie(path, array=name) for name in ("particle", "vacuum"))
    assert (particle.frames.shape, vacuum.frames.shape) == ((41, 245, 158), (41, 585, 296))
    assert particle.frames.dtype == np.uint16
    raw = zipfile.ZipFile(path).read("particle.npy")
    values = np.frombuffer(raw[-41 * 245 * 158 * 2 :], "<u2").reshape(41, 245, 158)
    np.testing.assert_array_equal(particle.frames[17], values[17])
    assert vacuum.frames[20].mean() == pytest.approx(3 * 32.6, rel=0.2)
