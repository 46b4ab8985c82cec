"""Writing block by block: nothing half under the final name, facts kept, resumed where the format allows it."""

import errno

import numpy as np
import pytest

from atomotion.data import AtomotionError, InputError, Movie, UsageError
from atomotion.io.facts import facts_of
from atomotion.io.formats import open_stored
from atomotion.io.movie import read_movie
from atomotion.io.stored import StoredArray
from atomotion.io.writer import MovieWriter, partial_path, resumable_frames, write_movie, write_stored

ENDINGS = [".mrc", ".mrcs", ".tif", ".tiff", ".npy", ".npz", ".zarr"]
RESUMED = [".mrc", ".mrcs", ".npy"]
VALUES = np.random.default_rng(0).poisson(5.0, (11, 9, 8)).astype(np.uint16)
FACTS = {
    "pixel_size": 0.358,
    "frame_time": 0.0025,
    "dose": 12.5,
    "units_per_electron": 32.6,
    "contrast": "dark",
    "voltage": 3e5,
    "cs": -2e4,
    "defocus": -50.0,
    "detector": "K3",
}


def movie_of(values=VALUES, **changes):
    return Movie(frames=values, **FACTS | changes, metadata={"processing": "denoised gaussian sigma=2px"})


@pytest.mark.parametrize("ending", ENDINGS)
def test_values_and_facts_survive(tmp_path, ending):
    path, steps = tmp_path / f"m{ending}", []
    write_movie(path, movie_of(), on_step=lambda done, total: steps.append((done, total)))
    again = read_movie(path)
    np.testing.assert_array_equal(again.frames[:], VALUES)
    assert again.frames.dtype == VALUES.dtype
    expected = {} if ending == ".npy" else FACTS | {"processing": "denoised gaussian sigma=2px"}
    assert facts_of(again) == expected
    assert steps[-1] == (11, 11)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_blocks_of_any_size_in_any_type(tmp_path, ending, dtype):
    values = VALUES.astype(dtype)
    with MovieWriter(tmp_path / f"m{ending}", values.shape, dtype) as writer:
        for start, stop in ((0, 1), (1, 6), (6, 10)):
            writer.write(values[start:stop])
        writer.write(values[10])  # a single frame
        assert writer.frames_written == 11
    again = read_movie(tmp_path / f"m{ending}")
    np.testing.assert_array_equal(again.frames[:], values)
    assert again.pixel_size is None


@pytest.mark.parametrize("ending", ENDINGS)
def test_movie_of_one_frame_stays_a_movie(tmp_path, ending):
    write_movie(tmp_path / f"m{ending}", movie_of(VALUES[:1]))
    assert read_movie(tmp_path / f"m{ending}").frames.shape == (1, 9, 8)


@pytest.mark.parametrize("ending", [".npz", ".zarr", ".tif"])
def test_times_survive_where_the_format_can_hold_them(tmp_path, ending):
    times = np.cumsum(np.arange(11.0))
    write_movie(tmp_path / f"m{ending}", movie_of(times=times, frame_time=None))
    np.testing.assert_allclose(read_movie(tmp_path / f"m{ending}").times, times)
    np.testing.assert_allclose(read_movie(tmp_path / f"m{ending}", first=2, last=5).times, times[2:5])
    assert read_movie(tmp_path / f"m{ending}", frame_time="1s").times is None  # the user's word goes first


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("kind", "sizes"),
    [("image", (None, 2.0, 10.0)), ("volume", (3.0, 2.0, 1.5)), ("movie", (None, 2.0, 10.0))],
)
def test_images_volumes_and_unequal_pixels_survive(tmp_path, ending, kind, sizes):
    values = VALUES[:1] if kind == "image" else VALUES
    stored = StoredArray(frames=values, kind=kind, source="s", format="f", pixel_sizes=sizes)
    write_stored(tmp_path / f"m{ending}", stored)
    again = open_stored(tmp_path / f"m{ending}")
    np.testing.assert_array_equal(again.frames[:], values)
    if ending == ".npy":
        return  # knows neither sizes nor volumes
    assert again.kind == kind
    assert again.pixel_sizes[1:] == pytest.approx(sizes[1:])
    if kind == "volume":
        assert again.pixel_sizes[0] == pytest.approx(sizes[0])


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_error_leaves_no_file_under_the_final_name(tmp_path, ending):
    path = tmp_path / f"m{ending}"
    with pytest.raises(ZeroDivisionError), MovieWriter(path, VALUES.shape, VALUES.dtype) as writer:
        writer.write(VALUES[:4])
        raise ZeroDivisionError
    assert not path.exists()
    assert partial_path(path).exists() == (ending in RESUMED)


@pytest.mark.parametrize("ending", ENDINGS)
def test_too_few_frames_are_an_error_and_an_older_file_stays(tmp_path, ending):
    path = tmp_path / f"m{ending}"
    write_movie(path, movie_of())
    with (
        pytest.raises(AtomotionError, match="only 4 of 11 frames"),
        MovieWriter(path, VALUES.shape, np.uint16) as writer,
    ):
        writer.write(VALUES[:4] + 1)
    np.testing.assert_array_equal(read_movie(path).frames[:], VALUES)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_older_file_is_replaced_even_while_it_is_read(tmp_path, ending):
    path = tmp_path / f"m{ending}"
    write_movie(path, movie_of())
    write_movie(path, movie_of(VALUES + 1))
    write_movie(path, read_movie(path))
    np.testing.assert_array_equal(read_movie(path).frames[:], VALUES + 1)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", RESUMED)
def test_writing_goes_on_where_it_stopped(tmp_path, ending):
    path, whole = tmp_path / f"m{ending}", tmp_path / f"whole{ending}"
    values = VALUES.astype(np.float32)
    write_movie(whole, movie_of(values))
    with (
        pytest.raises(KeyboardInterrupt),
        MovieWriter(path, values.shape, np.float32, facts=facts_of(movie_of())) as writer,
    ):
        writer.write(values[:7])
        raise KeyboardInterrupt
    with partial_path(path).open("ab") as stream:
        stream.write(b"half a frame")  # what a killed process leaves
    assert resumable_frames(path) == 7
    with MovieWriter(path, values.shape, np.float32, facts=facts_of(movie_of()), resume_at=5) as writer:
        assert writer.frames_written == 5
        writer.write(values[5:])
    assert path.read_bytes() == whole.read_bytes()  # with the same statistics in the header
    assert resumable_frames(path) == 0


@pytest.mark.parametrize("ending", RESUMED)
def test_resuming_what_is_not_there_or_was_something_else_is_refused(tmp_path, ending):
    path = tmp_path / f"m{ending}"
    with pytest.raises(InputError, match="cannot go on at frame 3: 0 frames"):
        MovieWriter(path, VALUES.shape, np.uint16, resume_at=3)
    with pytest.raises(KeyboardInterrupt), MovieWriter(path, VALUES.shape, np.uint16) as writer:
        writer.write(VALUES[:4])
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="4 frames are in its partial file"):
        MovieWriter(path, VALUES.shape, np.uint16, resume_at=5)
    with pytest.raises(InputError, match="begun for frames of shape"):
        MovieWriter(path, (11, 8, 9), np.uint16, resume_at=3)
    with pytest.raises(InputError, match="begun with values of type uint16, not float32"):
        MovieWriter(path, VALUES.shape, np.float32, resume_at=3)
    assert resumable_frames(path) == 4  # refusing has destroyed nothing


def test_partial_file_without_a_header_begins_anew(tmp_path):
    partial_path(tmp_path / "m.mrcs").write_bytes(b"x" * 100)
    assert resumable_frames(tmp_path / "m.mrcs") == 0
    assert resumable_frames(tmp_path / "m.tif") == 0


def test_promises_are_kept(tmp_path):
    with pytest.raises(InputError, match=r"ending is none of .mrc, .mrcs, .tif"):
        MovieWriter(tmp_path / "m.dm4", VALUES.shape, np.uint16)
    (tmp_path / "folder.zarr.d").mkdir()
    (tmp_path / "folder.mrcs").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        MovieWriter(tmp_path / "folder.mrcs", VALUES.shape, np.uint16)
    with (
        pytest.raises(UsageError, match="after 0 came a block of shape"),
        MovieWriter(tmp_path / "m.npy", VALUES.shape, np.uint16) as writer,
    ):
        writer.write(VALUES[:, :4])
    with (
        pytest.raises(UsageError, match="not float64"),
        MovieWriter(tmp_path / "m.npy", VALUES.shape, np.uint16) as writer,
    ):
        writer.write(VALUES * 1.0)
    with (
        pytest.raises(UsageError, match="after 11 came"),
        MovieWriter(tmp_path / "m.npy", VALUES.shape, np.uint16) as writer,
    ):
        writer.write(VALUES)
        writer.write(VALUES[:1])


def test_full_disk_is_named(tmp_path):
    class FullDisk:
        def append(self, block):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self, *, complete):
            raise OSError(errno.ENOSPC, "No space left on device")

    writer = MovieWriter(tmp_path / "m.npy", VALUES.shape, VALUES.dtype)
    writer._sink.close(complete=False)
    writer._sink = FullDisk()
    with pytest.raises(AtomotionError, match=r"writing .*m.npy failed at frame 0: the disk is full"), writer:
        writer.write(VALUES)
    assert not (tmp_path / "m.npy").exists()
