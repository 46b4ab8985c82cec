"""Files of microscope programs: lengths and times of any unit, values in place."""

import pickle
import sys

import numpy as np
import pytest

pytest.importorskip("rsciio", reason="the extra 'formats' is not installed")
from atomotion.data import InputError
from atomotion.io import microscope
from atomotion.io.contiguous import ContiguousFrames
from atomotion.io.formats import open_stored
from atomotion.io.movie import read_movie


def test_dm4_with_three_units_is_a_volume_read_in_place(data_dir):
    # the file's name and its tags (seen in DigitalMicrograph's tag tree): 64 x 65 x 66, 2 pm, 3 nm, 4 µm, x ramps 0..63
    stored = open_stored(data_dir / "formats" / "dmTest_3D_int16_64,65,66.dm4")
    assert (stored.kind, stored.shape, stored.frames.dtype) == ("volume", (66, 65, 64), np.int16)
    assert stored.pixel_sizes == pytest.approx((40000.0, 30.0, 0.02))
    assert isinstance(stored.frames, ContiguousFrames)
    np.testing.assert_array_equal(stored.frames[65], np.tile(np.arange(64), (65, 1)))
    with pytest.raises(InputError, match=r"0.02 Å along x and 30 Å along y"):
        read_movie(stored.source)
    assert "is a volume" in read_movie(stored.source, pixel_size=0.5).metadata["warnings"][0]


def test_dm3_with_unequal_pixels(data_dir):
    # by its name and tags: 128 x 64 float32, 1 nm along x and 2 Å along y, x ramps 0..127
    stored = open_stored(data_dir / "formats" / "dmTest_float32_nonSquare_diffPixelSize.dm3")
    assert (stored.kind, stored.shape) == ("image", (64, 128))
    assert stored.pixel_sizes == (None, 2.0, 10.0)
    np.testing.assert_array_equal(stored.frames[0], np.tile(np.arange(128.0), (64, 1)))


def test_spectrum_is_no_length(data_dir):
    stored = open_stored(data_dir / "formats" / "08_carbon.dm3")
    assert stored.pixel_sizes == (None, None, None)
    assert "eV" in stored.warnings[0]
    assert stored.frames[0, :, :2].tolist() == [[21281.0, 21206.0]]


@pytest.mark.parametrize("name", ["16_STOimage_1.ser", "16_STOimage.emi"])
def test_ser_image(data_dir, name):
    # CalibrationDeltaX of the SER header is 1.00127e-11 m; the values begin at byte 126, the lowest row first, and TIA
    # (and so rosettasciio) shows the highest one on top
    stored = open_stored(data_dir / "formats" / name)
    raw = (data_dir / "formats" / "16_STOimage_1.ser").read_bytes()
    values = np.frombuffer(raw, "<u2", 1024 * 1024, 126).reshape(1024, 1024)[::-1]
    assert (stored.kind, stored.frames.dtype) == ("image", np.uint16)
    assert stored.pixel_sizes[1:] == pytest.approx((0.100127, 0.100127))
    np.testing.assert_array_equal(stored.frames[0], values)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(stored.frames))[0, 5:7, 3:9], values[5:7, 3:9])


def signal(shape, axes, **metadata):
    return {
        "data": dask_zeros(shape),
        "axes": [{"name": name, "scale": scale, "units": unit, "size": 3} for name, scale, unit in axes],
        "metadata": {"General": {"title": "t"}, "Signal": {"signal_type": ""}, **metadata},
        "original_metadata": {},
    }


def dask_zeros(shape):
    import dask.array

    return dask.array.from_array(np.arange(np.prod(shape)).reshape(shape), chunks=2)


def test_movie_with_times_and_voltage(tmp_path, monkeypatch):
    found = signal(
        (4, 5, 6),
        [("Time", 2.5, "ms"), ("y", 0.05, "nm"), ("x", 0.05, "nm")],
        Acquisition_instrument={"TEM": {"beam_energy": 300.0}},
    )
    monkeypatch.setattr(microscope, "_load", lambda path: [found])
    (tmp_path / "m.emd").touch()
    movie = read_movie(tmp_path / "m.emd")
    assert movie.frame_time == pytest.approx(0.0025)
    assert movie.pixel_size == pytest.approx(0.5)
    assert movie.voltage == 3e5
    np.testing.assert_array_equal(movie.frames[1:3, 2:, :4], np.arange(120).reshape(4, 5, 6)[1:3, 2:, :4])


def test_intensity_in_electrons_gives_units_per_electron_only_without_an_origin(tmp_path, monkeypatch):
    (tmp_path / "m.ser").touch()
    for origin, expected in ((0.0, 5.0), (1.0, None)):
        found = signal((4, 5, 6), [("z", 1.0, ""), ("y", 1.0, ""), ("x", 1.0, "")])
        brightness = {"Units": "e-", "Scale": 0.2, "Origin": origin}
        found["original_metadata"] = {
            "ImageList": {"TagGroup0": {"ImageData": {"Calibrations": {"Brightness": brightness}}}}
        }
        monkeypatch.setattr(microscope, "_load", lambda path, found=found: [found])
        movie = read_movie(tmp_path / "m.ser")
        assert movie.units_per_electron == expected
        assert movie.pixel_size is None


@pytest.mark.parametrize("order", ["txy", "yxt"])
def test_emd_of_berkeley_in_either_order_of_axes(tmp_path, order):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    values = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    axes = [("time", 2.5e-3, "[s]"), ("y", 0.05, "[n_m]"), ("x", 0.05, "[n_m]")]
    if order == "yxt":
        axes = axes[::-1]
    with h5py.File(tmp_path / "m.emd", "w") as file:
        file.attrs["version_major"], file.attrs["version_minor"] = 0, 2
        group = file.create_group("data/movie")
        group.attrs["emd_group_type"] = 1
        group["data"] = values if order == "txy" else values.T
        for number, (name, scale, unit) in enumerate(axes, 1):
            axis = group.create_dataset(f"dim{number}", data=np.arange(group["data"].shape[number - 1]) * scale)
            axis.attrs["name"], axis.attrs["units"] = name, unit
    movie = read_movie(tmp_path / "m.emd")
    np.testing.assert_array_equal(movie.frames[1:3], values[1:3])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(movie.frames))[3, 1:, :2], values[3, 1:, :2])
    assert movie.pixel_size == pytest.approx(0.5)
    assert movie.frame_time == pytest.approx(0.0025)


def test_missing_extra_is_named(data_dir, monkeypatch):
    monkeypatch.setitem(sys.modules, "rsciio.digitalmicrograph", None)
    with pytest.raises(InputError, match=r"pip install 'atomotion\[formats\]'"):
        open_stored(data_dir / "formats" / "08_carbon.dm3")


def test_damaged_files_are_input_errors(data_dir, tmp_path):
    for name in ("dmTest_3D_int16_64,65,66.dm4", "08_carbon.dm3", "16_STOimage_1.ser"):
        content = (data_dir / "formats" / name).read_bytes()
        for part in (content[: len(content) // 2], content[:100], b""):
            path = tmp_path / name
            path.write_bytes(part)
            with pytest.raises(InputError):
                open_stored(path).frames[0]
