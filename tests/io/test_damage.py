"""Cut, overwritten and empty files of every format end in one input error, never in wrong values or a crash."""

import gzip
import shutil

import numpy as np
import pytest
import tifffile

from atomotion.data import InputError, Movie
from atomotion.io.description import describe
from atomotion.io.movie import read_movie
from atomotion.io.writer import write_movie

VALUES = np.random.default_rng(0).poisson(50.0, (12, 32, 30)).astype(np.uint16)


def one_by_one(path):
    with tifffile.TiffWriter(path) as tif:
        for frame in VALUES:
            tif.write(frame, metadata=None)


def packed(path):
    write_movie(path.with_suffix(""), Movie(frames=VALUES, pixel_size=0.5))
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))


WRITERS = {
    ".mrc": lambda path: write_movie(path, Movie(frames=VALUES, pixel_size=0.5)),
    ".mrcs": lambda path: write_movie(path, Movie(frames=VALUES, pixel_size=0.5)),
    ".tif": lambda path: write_movie(path, Movie(frames=VALUES, pixel_size=0.5, frame_time=0.01)),
    "f8.tif": lambda path: write_movie(path, Movie(frames=VALUES.astype(float), pixel_size=0.5)),
    "deflate.tif": lambda path: tifffile.imwrite(path, VALUES, compression="zlib"),
    "ome.tif": lambda path: tifffile.imwrite(path, VALUES, ome=True, metadata={"axes": "TYX"}),
    "pages.tif": one_by_one,
    ".npy": lambda path: write_movie(path, Movie(frames=VALUES)),
    ".npz": lambda path: write_movie(path, Movie(frames=VALUES, pixel_size=0.5)),
    "deflate.npz": lambda path: np.savez_compressed(path, movie=VALUES),
    ".mrc.gz": packed,
    ".npy.gz": packed,
}


def read_all(path):
    return read_movie(path).frames[:]


@pytest.mark.parametrize("ending", WRITERS)
def test_half_a_file_is_one_input_error(tmp_path, ending, capfd):
    path = tmp_path / f"m{ending}"
    WRITERS[ending](path)
    np.testing.assert_array_equal(read_all(path), VALUES)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for use in (read_all, describe):
        with pytest.raises(InputError, match=path.name) as caught:
            use(path)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # nothing logged or printed beside it


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.25, 0.75, 0.9, 0.99, 1.0])
def test_cut_anywhere_gives_an_input_error_or_the_whole_movie(tmp_path, ending, part):
    path = tmp_path / f"m{ending}"
    WRITERS[ending](path)
    whole = path.read_bytes()
    path.write_bytes(whole[: min(int(len(whole) * part), len(whole) - 1)])
    try:
        values = read_all(path)
    except InputError:
        return
    np.testing.assert_array_equal(values, VALUES)  # the last byte may be padding


@pytest.mark.parametrize("ending", WRITERS)
def test_scrambled_headers_give_an_input_error_or_some_movie(tmp_path, ending):
    path, rng = tmp_path / f"m{ending}", np.random.default_rng(1)
    WRITERS[ending](path)
    whole = path.read_bytes()
    for _ in range(30):
        content = bytearray(whole)
        for place in rng.integers(0, 300, 6):
            content[place] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            values = read_all(path)
        except InputError:
            continue
        assert values.ndim == 3


@pytest.mark.parametrize("lost", ["zarr.json", "c/0/0/0"])
def test_damaged_zarr_store(tmp_path, lost):
    path = tmp_path / "m.zarr"
    write_movie(path, Movie(frames=VALUES))
    for broken in (b"", b"\x00" * 20):
        (path / lost).write_bytes(broken)
        with pytest.raises(InputError, match=r"m\.zarr"):
            read_all(path)
    shutil.rmtree(path / "c")
