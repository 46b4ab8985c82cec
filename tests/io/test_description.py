"""What `atomotion info` is told, from headers and one frame."""

import json

import mrcfile
import numpy as np
import pytest
import tifffile

from atomotion.data import InputError, Movie
from atomotion.io.description import describe
from atomotion.io.writer import MovieWriter, write_movie

VALUES = np.arange(7 * 5 * 6, dtype=np.uint16).reshape(7, 5, 6)


def test_a_movie_with_its_facts_and_its_middle_frame(tmp_path):
    write_movie(tmp_path / "m.tif", Movie(frames=VALUES, pixel_size=0.5, frame_time=0.01, contrast="dark"))
    found = describe(tmp_path / "m.tif")
    assert json.loads(json.dumps(found)) == found
    assert found == {
        "path": str(tmp_path / "m.tif"),
        "file_size_B": (tmp_path / "m.tif").stat().st_size,
        "format": "TIFF",
        "kind": "movie",
        "shape": [7, 5, 6],
        "dtype": "uint16",
        "pixel_sizes_A": {"y": 0.5, "x": 0.5},
        "square_pixels": True,
        "facts": {"frame_time_s": 0.01, "contrast": "dark"},
        "sample": {"frame": 3, "min": 90, "max": 119, "mean": 104.5},
        "warnings": [],
    }


def test_only_one_frame_is_read(tmp_path, monkeypatch):
    from atomotion.io.contiguous import ContiguousFrames

    np.save(tmp_path / "m.npy", VALUES)
    read, original = [], ContiguousFrames._fill

    def count(self, stream, first, shape):
        read.append(int(np.prod(shape)))
        return original(self, stream, first, shape)

    monkeypatch.setattr(ContiguousFrames, "_fill", count)
    describe(tmp_path / "m.npy")
    assert sum(read) == 30


def test_images_volumes_and_series_are_told_apart(tmp_path):
    tifffile.imwrite(tmp_path / "i.tif", VALUES[0])
    assert describe(tmp_path / "i.tif")["kind"] == "image"
    assert describe(tmp_path / "i.tif")["shape"] == [5, 6]
    with MovieWriter(tmp_path / "v.mrc", VALUES.shape, np.uint16, kind="volume", pixel_sizes=(3.0, 2.0, 2.0)) as writer:
        writer.write(VALUES)
    assert describe(tmp_path / "v.mrc")["kind"] == "volume"
    assert describe(tmp_path / "v.mrc")["pixel_sizes_A"] == {"z": 3.0, "y": 2.0, "x": 2.0}
    write_movie(tmp_path / "s.mrcs", Movie(frames=VALUES))
    assert describe(tmp_path / "s.mrcs")["kind"] == "movie"
    (tmp_path / "s.csv").touch()
    assert describe(tmp_path / "s.mrcs")["kind"] == "series"


def test_pixels_that_are_not_square_are_shown_and_warned_of(tmp_path):
    with mrcfile.new(tmp_path / "m.mrc") as file:
        file.set_data(VALUES)
        file.set_image_stack()
        file.voxel_size = (2.0, 3.0, 1.0)
    found = describe(tmp_path / "m.mrc")
    assert found["pixel_sizes_A"] == {"y": 3.0, "x": 2.0}
    assert found["square_pixels"] is False
    assert "not square" in found["warnings"][-1]


def test_members_of_a_file_with_several_arrays(tmp_path):
    np.savez(tmp_path / "m.npz", particle=VALUES, vacuum=VALUES[:, :3], pixel_size_A=0.5)
    found = describe(tmp_path / "m.npz")
    assert [member["shape"] for member in found["members"]] == [[7, 5, 6], [7, 3, 6], []]
    assert "shape" not in found
    named = describe(tmp_path / "m.npz", "vacuum")
    assert (named["shape"], named["array"]) == ([7, 3, 6], "vacuum")


def test_frames_that_are_not_finite_are_said(tmp_path):
    values = np.full((3, 2, 2), np.nan)
    np.save(tmp_path / "m.npy", values)
    found = describe(tmp_path / "m.npy")
    assert found["sample"] == {"frame": 1}
    assert "4 values that are not finite" in found["warnings"][0]


def test_folders_and_patterns(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", VALUES[number])
    for path in (tmp_path, tmp_path / "*.npy"):
        assert describe(path)["shape"] == [3, 5, 6]
    assert describe(tmp_path)["file_size_B"] == sum(file.stat().st_size for file in tmp_path.iterdir())


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        describe(tmp_path / "m.npy")


def test_measured_files(data_dir):
    # as their README has them
    formats = data_dir / "formats"
    dm4 = describe(formats / "dmTest_3D_int16_64,65,66.dm4")
    assert (dm4["kind"], dm4["shape"], dm4["square_pixels"]) == ("volume", [66, 65, 64], False)
    assert dm4["pixel_sizes_A"] == pytest.approx({"z": 40000.0, "y": 30.0, "x": 0.02})
    haadf = describe(data_dir / "stem_tilt_series" / "HAADF.mrc.gz")
    assert (haadf["shape"], haadf["dtype"], haadf["facts"]) == ([77, 256, 256], "int16", {"voltage_V": 3e5})
    assert describe(formats / "temp.mrc")["pixel_sizes_A"] == {"y": 2.0, "x": 2.0}
