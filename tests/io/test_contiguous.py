"""Frames read in place: every index means what it means for a numpy array, and nothing more is read."""

import pickle

import numpy as np
import pytest

from atomotion.data import Frames, InputError
from atomotion.io.contiguous import ContiguousFrames

SHAPE = (6, 5, 4)
KEYS = [
    0,
    -1,
    np.int64(2),
    slice(None),
    slice(1, 4),
    slice(4, None, -2),
    slice(3, 3),
    (slice(0, 6, 2), slice(1, 3)),
    (2, slice(1, 4), slice(2, 4)),
    (slice(1, 3), slice(None), slice(1, 2)),
    (slice(None), slice(4, 0, -2), slice(None, None, 3)),
    (1, slice(2, 2), slice(None)),
    (slice(-2, None), slice(-3, -1), slice(-2, None)),
]


def stored(path, dtype, order="C", offset=7):
    values = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)
    path.write_bytes(b"x" * offset + values.tobytes(order))
    return values, ContiguousFrames(path, offset, SHAPE, np.dtype(dtype), order)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<u1", "<i2", ">u2", ">f4", "<f8"])
def test_every_index_gives_what_numpy_gives(tmp_path, dtype, order):
    values, frames = stored(tmp_path / "a.raw", dtype, order)
    for key in KEYS:
        got = frames[key]
        np.testing.assert_array_equal(got, values[key])
        assert got.shape == values[key].shape
        assert got.dtype == np.dtype(dtype).newbyteorder("=")


def test_is_frames_with_length_and_array(tmp_path):
    values, frames = stored(tmp_path / "a.raw", "<u2")
    assert isinstance(frames, Frames)
    assert (len(frames), frames.shape) == (6, SHAPE)
    np.testing.assert_array_equal(np.asarray(frames), values)
    np.testing.assert_array_equal(np.stack(list(frames)), values)  # iteration ends


@pytest.mark.parametrize(("key", "error"), [(6, IndexError), (-7, IndexError), ((0, 0, 0, 0), IndexError)])
def test_indices_beyond_the_frames_are_refused(tmp_path, key, error):
    _, frames = stored(tmp_path / "a.raw", "<u2")
    with pytest.raises(error):
        frames[key]


def test_single_rows_are_refused_rather_than_misread(tmp_path):
    _, frames = stored(tmp_path / "a.raw", "<u2")
    with pytest.raises(TypeError, match="slices"):
        frames[0, 1]


def test_pickled_frames_carry_no_values(tmp_path):
    values, frames = stored(tmp_path / "a.raw", "<u2")
    text = pickle.dumps(frames)
    assert len(text) < 1000
    np.testing.assert_array_equal(pickle.loads(text)[2], values[2])


def test_cut_file_is_refused_when_opened_with_the_number_of_whole_frames(tmp_path):
    path = tmp_path / "a.raw"
    stored(path, "<u2")
    path.write_bytes(path.read_bytes()[: 7 + 2 * 40 + 11])  # a frame has 40 bytes
    with pytest.raises(InputError, match=r"6 frames need 247 bytes, but it has 98, which holds 2 whole frames"):
        ContiguousFrames(path, 7, SHAPE, np.dtype("<u2"))


def test_file_that_shrinks_after_opening_is_an_input_error(tmp_path):
    path = tmp_path / "a.raw"
    _, frames = stored(path, "<u2")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="became shorter"):
        frames[5]


def test_only_the_rows_asked_for_are_read(tmp_path):
    path = tmp_path / "a.raw"
    _, frames = stored(path, "<u2")
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: 7 + 40 + 3 * 8])  # frame 1 up to its third row
    assert frames[1, 0:3].shape == (3, 4)
    with pytest.raises(InputError):
        frames[1, 0:4]
