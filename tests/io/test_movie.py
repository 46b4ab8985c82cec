"""Opening movies: the user's facts before the file's, corrections and selection in their order."""

import numpy as np
import pytest

from atomotion.data import InputError, UsageError, parameters_of
from atomotion.io.config import MovieSource
from atomotion.io.movie import open_movie, read_movie
from atomotion.io.writer import MovieWriter

VALUES = np.random.default_rng(1).poisson(20.0, (9, 12, 10)).astype(np.uint16)


@pytest.fixture
def path(tmp_path):
    facts = {"pixel_size": 0.5, "frame_time": 0.01, "dose": 3.0, "contrast": "dark", "units_per_electron": 32.6}
    with MovieWriter(tmp_path / "m.npz", VALUES.shape, VALUES.dtype, facts=facts) as writer:
        writer.write(VALUES)
    return tmp_path / "m.npz"


def test_given_facts_go_before_the_files(path):
    movie = read_movie(path, pixel_size="0.36A", voltage="300kV", contrast="bright", cs="1.2mm", frame_time="2.5ms")
    assert (movie.pixel_size, movie.voltage, movie.contrast, movie.cs) == (0.36, 3e5, "bright", 1.2e7)
    assert movie.frame_time == pytest.approx(0.0025)
    assert (movie.dose, movie.units_per_electron) == (3.0, 32.6)
    assert (movie.defocus, movie.detector, movie.times) == (None, None, None)
    assert movie.metadata["source"] == movie.name == str(path)
    assert movie.metadata["warnings"] == []
    assert "processing" not in movie.metadata  # raw


def test_bright_contrast_flips_nothing(path):
    np.testing.assert_array_equal(read_movie(path, contrast="bright").frames[:], VALUES)


def test_selection_and_binning_scale_what_they_must_and_nothing_else(path):
    movie = read_movie(path, first=2, last=8, crop="1:10,2:12", bin=3)
    part = VALUES[2:8, 2:11, 1:10].astype(np.float32)
    expected = part.reshape(6, 3, 3, 3, 3).sum(axis=(2, 4))
    np.testing.assert_array_equal(movie.frames[:], expected)
    assert movie.pixel_size == pytest.approx(1.5)
    assert (movie.dose, movie.units_per_electron, movie.frame_time) == (3.0, 32.6, 0.01)
    assert movie.metadata["corrections"] == "frames 2:8; crop 1:10,2:12; bin 3"
    assert read_movie(path, pixel_size=0.4, bin=2).pixel_size == 0.8  # given sizes are those of stored pixels


def test_corrections_come_in_their_order(path, tmp_path):
    dark, gain = np.full((12, 10), 2.0), np.random.default_rng(0).uniform(0.5, 2, (12, 10))
    np.save(tmp_path / "dark.npy", dark)
    np.save(tmp_path / "gain.npy", gain)
    movie = read_movie(path, dark=tmp_path / "dark.npy", gain=tmp_path / "gain.npy", crop="2:8,1:7", bin=2)
    expected = ((VALUES - dark) * gain)[:, 1:7, 2:8].reshape(9, 3, 2, 3, 2).sum(axis=(2, 4))
    np.testing.assert_allclose(movie.frames[:], expected, rtol=1e-5)
    assert movie.frames.dtype == np.float32
    assert movie.metadata["corrections"].startswith(
        "minus dark reference dark.npy; times gain reference gain.npy; crop"
    )


def test_hot_pixels_are_replaced_on_request(path, tmp_path):
    hot = VALUES.copy()
    hot[:, 5, 5] = 5000
    np.save(tmp_path / "h.npy", hot)
    assert read_movie(tmp_path / "h.npy").frames[0][5, 5] == 5000
    cleaned = read_movie(tmp_path / "h.npy", hot_pixels=10)
    assert cleaned.frames[0][5, 5] < 40
    assert "hot pixels" in cleaned.metadata["corrections"]


def test_references_that_do_not_fit_are_refused(path, tmp_path):
    np.save(tmp_path / "small.npy", np.ones((3, 3)))
    np.save(tmp_path / "stack.npy", np.ones((4, 12, 10)))
    np.save(tmp_path / "nan.npy", np.full((12, 10), np.nan))
    for name, message in (("small", "shape"), ("stack", "holds 4 frames"), ("nan", "not finite")):
        with pytest.raises(InputError, match=f"gain reference.*{message}"):
            read_movie(path, gain=tmp_path / f"{name}.npy")


def test_nothing_is_read_when_opened(path, monkeypatch):
    def refuse(*_):
        raise AssertionError("frames were read")

    monkeypatch.setattr("atomotion.io.contiguous.ContiguousFrames._fill", refuse)
    movie = read_movie(path, first=1, crop="0:8,0:8", bin=2, hot_pixels=8)
    with pytest.raises(AssertionError):
        movie.frames[0]


def test_unknown_and_unreadable_parameters_name_the_nearest(path):
    with pytest.raises(UsageError, match="did you mean pixel_size"):
        read_movie(path, pixelsize=0.5)
    with pytest.raises(UsageError, match="frame_time"):
        read_movie(path, frame_time="5nm")


def test_missing_files_suggest_the_nearest_name(path):
    with pytest.raises(InputError, match=r"n.npz does not exist; did you mean m.npz\?"):
        read_movie(path.with_name("n.npz"))
    with pytest.raises(InputError, match="neither does the folder"):
        read_movie(path.parent / "nowhere" / "m.npz")
    (path.parent / "m.docx").touch()
    with pytest.raises(InputError, match=r"no known format; known are .mrc, .mrcs"):
        read_movie(path.parent / "m.docx")
    with pytest.raises(InputError, match="no movie is named"):
        open_movie(MovieSource())


def test_unreadable_file_is_an_input_error(path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("zipfile.ZipFile", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_movie(path)


def test_every_parameter_of_a_source_has_help_and_text_is_read():
    assert all(each.help for each in parameters_of(MovieSource))
    assert {each.key for each in parameters_of(MovieSource)} >= {"path", "array", "hot_pixels", "bin", "crop"}
