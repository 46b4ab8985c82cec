"""TIFF files of ImageJ, OME and plain pages, however they are laid out."""

import gzip
import json
import pickle
import sys

import numpy as np
import pytest
import tifffile

from atomotion.data import InputError
from atomotion.io import tiff
from atomotion.io.contiguous import ContiguousFrames
from atomotion.io.formats import members_of, open_stored
from atomotion.io.movie import read_movie
from atomotion.io.tiff import TiffPages
from atomotion.io.writer import MovieWriter

VALUES = np.arange(7 * 5 * 6, dtype=np.uint16).reshape(7, 5, 6)


def one_by_one(path, **options):
    with tifffile.TiffWriter(path) as tif:
        for frame in VALUES:
            tif.write(frame, **options)


LAYOUTS = {
    "in one piece": (lambda path: tifffile.imwrite(path, VALUES), ContiguousFrames),
    "ImageJ": (lambda path: tifffile.imwrite(path, VALUES, imagej=True), ContiguousFrames),
    "big endian": (lambda path: tifffile.imwrite(path, VALUES, byteorder=">"), ContiguousFrames),
    "BigTIFF": (lambda path: tifffile.imwrite(path, VALUES, bigtiff=True), ContiguousFrames),
    "OME": (lambda path: tifffile.imwrite(path, VALUES, ome=True, metadata={"axes": "TYX"}), ContiguousFrames),
    "deflate": (lambda path: tifffile.imwrite(path, VALUES, compression="zlib", predictor=True), TiffPages),
    "scattered": (lambda path: one_by_one(path, metadata=None), TiffPages),
    "written one by one": (one_by_one, TiffPages),
    "tiles": (lambda path: tifffile.imwrite(path, VALUES, tile=(16, 16)), TiffPages),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read(tmp_path, layout):
    write, reader = LAYOUTS[layout]
    write(tmp_path / "m.tif")
    movie = read_movie(tmp_path / "m.tif")
    assert isinstance(movie.frames, reader)
    assert movie.frames.dtype == np.uint16
    np.testing.assert_array_equal(movie.frames[2:5, 1:4, 2:], VALUES[2:5, 1:4, 2:])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(movie.frames))[6], VALUES[6])


def test_gz_is_unpacked(tmp_path):
    one_by_one(tmp_path / "m.tif")
    (tmp_path / "m.tif.gz").write_bytes(gzip.compress((tmp_path / "m.tif").read_bytes()))
    np.testing.assert_array_equal(read_movie(tmp_path / "m.tif.gz").frames[:], VALUES)


@pytest.mark.parametrize(
    ("unit", "per_unit", "angstrom"),
    [
        ("nm", 20.0, 0.5),
        ("micron", 20000.0, 0.5),
        ("\\u00B5m", 20000.0, 0.5),
        ("um", 20000.0, 0.5),
        ("Angstrom", 2.0, 0.5),
        ("A", 2.0, 0.5),
        ("pm", 0.02, 0.5),
        ("pixel", 1.0, None),
        ("", 1.0, None),
    ],
)
def test_imagej_pixel_size_in_its_unit(tmp_path, unit, per_unit, angstrom):
    tifffile.imwrite(
        tmp_path / "m.tif", VALUES, imagej=True, resolution=(per_unit, per_unit), metadata={"axes": "TYX", "unit": unit}
    )
    movie = read_movie(tmp_path / "m.tif")
    assert movie.pixel_size == (angstrom if angstrom is None else pytest.approx(angstrom, rel=1e-7))
    assert movie.metadata["warnings"] == []


def test_imagej_frame_interval_counts_but_its_display_speed_does_not(tmp_path):
    for metadata, expected in (
        ({"finterval": 0.0025}, 0.0025),
        ({"finterval": 2.5, "tunit": "ms"}, 0.0025),
        ({"fps": 7.0}, None),
        ({"finterval": 0.0}, None),
    ):
        tifffile.imwrite(tmp_path / "m.tif", VALUES, imagej=True, metadata={"axes": "TYX", **metadata})
        assert read_movie(tmp_path / "m.tif").frame_time == expected


def test_unknown_unit_is_warned_of_and_unequal_pixels_are_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "m.tif", VALUES, imagej=True, resolution=(3, 3), metadata={"axes": "TYX", "unit": "ell"}
    )
    assert "'ell'" in read_movie(tmp_path / "m.tif").metadata["warnings"][0]
    tifffile.imwrite(tmp_path / "m.tif", VALUES, imagej=True, resolution=(2, 1), metadata={"axes": "TYX", "unit": "A"})
    with pytest.raises(InputError, match=r"0.5 Å along x and 1 Å along y"):
        read_movie(tmp_path / "m.tif")


def test_ome_sizes_and_time_increment(tmp_path):
    tifffile.imwrite(
        tmp_path / "m.ome.tif",
        VALUES,
        metadata={
            "axes": "TYX", "PhysicalSizeX": 0.0358, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.0358,
            "PhysicalSizeYUnit": "nm", "TimeIncrement": 2.5, "TimeIncrementUnit": "ms",
        },
    )  # fmt: skip
    movie = read_movie(tmp_path / "m.ome.tif")
    assert movie.pixel_size == pytest.approx(0.358)
    assert movie.frame_time == pytest.approx(0.0025)
    tifffile.imwrite(
        tmp_path / "z.ome.tif", VALUES, metadata={"axes": "ZYX", "PhysicalSizeX": 2e-5, "PhysicalSizeY": 2e-5}
    )
    assert open_stored(tmp_path / "z.ome.tif").kind == "volume"
    assert open_stored(tmp_path / "z.ome.tif").pixel_sizes[2] == pytest.approx(0.2)  # OME's default unit is µm


def test_resolution_tags_count_only_where_they_mean_a_microscope(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", VALUES, resolution=(2e8, 2e8), resolutionunit="CENTIMETER")
    assert read_movie(tmp_path / "m.tif").pixel_size == pytest.approx(0.5)
    tifffile.imwrite(tmp_path / "m.tif", VALUES, resolution=(72, 72), resolutionunit="INCH")
    assert read_movie(tmp_path / "m.tif").pixel_size is None


def test_colour_and_single_images_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((4, 5, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match="colour"):
        read_movie(tmp_path / "c.tif")
    tifffile.imwrite(tmp_path / "i.tif", VALUES[0])
    with pytest.raises(InputError, match="one image of 6 x 5 pixels"):
        read_movie(tmp_path / "i.tif")


def test_several_stacks_must_be_named(tmp_path):
    with tifffile.TiffWriter(tmp_path / "m.tif") as tif:
        tif.write(VALUES)
        tif.write(VALUES[:2, :4])
    with pytest.raises(InputError, match="2 arrays"):
        read_movie(tmp_path / "m.tif")
    assert [member.shape for member in members_of(tmp_path / "m.tif")] == [(7, 5, 6), (2, 4, 6)]
    np.testing.assert_array_equal(read_movie(tmp_path / "m.tif", array="1").frames[:], VALUES[:2, :4])


def test_compression_that_needs_more_names_it(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "m.tif", VALUES, compression="zlib")
    content = bytearray((tmp_path / "m.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "m.tif") as tif:
        at = [page.tags["Compression"].valueoffset for page in tif.pages]
    for offset in at:
        content[offset : offset + 2] = (2).to_bytes(2, "little")  # a fax code, which nobody reads without imagecodecs
    (tmp_path / "m.tif").write_bytes(content)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(InputError, match=r"compressed with CCITTRLE.*imagecodecs"):
        read_movie(tmp_path / "m.tif")


@pytest.mark.parametrize("shape", [(3, 5, 6), (4, 5, 6), (7, 5, 3), (3, 3, 4)])
@pytest.mark.parametrize("dtype", ["uint16", "float64"])
def test_three_frames_are_not_taken_for_colours(tmp_path, shape, dtype):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    with MovieWriter(tmp_path / "m.tif", shape, dtype) as writer:
        writer.write(values)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "m.tif"), values)
    np.testing.assert_array_equal(read_movie(tmp_path / "m.tif").frames[:], values)


def test_stack_of_three_that_tifffile_stored_as_planes_is_a_movie(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", VALUES[:3], photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_movie(tmp_path / "m.tif").frames[:], VALUES[:3])


def test_fiji_sees_scale_and_interval_of_written_movies(tmp_path):
    facts = {"pixel_size": 0.358, "frame_time": 0.0025, "processing": "denoised gaussian sigma=2px", "contrast": "dark"}
    with MovieWriter(tmp_path / "m.tif", VALUES.shape, VALUES.dtype, facts=facts) as writer:
        writer.write(VALUES)
    with tifffile.TiffFile(tmp_path / "m.tif") as tif:
        known = tif.imagej_metadata
        assert (known["frames"], known["unit"], known["finterval"]) == (7, "nm", 0.0025)
        count, per = tif.pages[0].tags["XResolution"].value
        assert per / count == pytest.approx(0.0358)  # nm per pixel
        assert json.loads(known["Info"])["processing"] == "denoised gaussian sigma=2px"
        assert len(tif.pages) == 7
        np.testing.assert_array_equal(tif.asarray(), VALUES)


@pytest.mark.parametrize("dtype", ["int8", "int32", "float16", "float64"])
def test_types_that_imagej_does_not_know_become_plain_tiff(tmp_path, dtype):
    values = VALUES.astype(dtype)
    facts = {"pixel_size": 0.358, "frame_time": 0.0025}
    with MovieWriter(tmp_path / "m.tif", values.shape, dtype, facts=facts) as writer:
        writer.write(values)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "m.tif"), values)
    movie = read_movie(tmp_path / "m.tif")
    assert movie.frames.dtype == dtype
    assert (movie.pixel_size, movie.frame_time) == (0.358, 0.0025)


def test_movies_beyond_4_gb_become_bigtiff(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "_CLASSIC_LIMIT", 1000)
    with MovieWriter(tmp_path / "m.tif", VALUES.shape, VALUES.dtype, facts={"pixel_size": 0.358}) as writer:
        writer.write(VALUES)
    with tifffile.TiffFile(tmp_path / "m.tif") as tif:
        assert tif.is_bigtiff
        assert len(tif.pages) == 7
    assert read_movie(tmp_path / "m.tif").pixel_size == 0.358
    np.testing.assert_array_equal(read_movie(tmp_path / "m.tif").frames[:], VALUES)
