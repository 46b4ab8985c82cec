"""MRC files against mrcfile, IMOD's and FEI's conventions, and measured files."""

import gzip

import mrcfile
import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.io.formats import open_stored
from atomotion.io.movie import read_movie
from atomotion.io.writer import MovieWriter

VALUES = np.arange(7 * 5 * 6, dtype=np.int16).reshape(7, 5, 6) - 30


def write(path, values, voxel=0.358, stack=True):
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(values)
        if stack:
            file.set_image_stack()
        if voxel is not None:
            file.voxel_size = voxel
    return path


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "uint16", "float16"])
def test_every_mode_is_read(tmp_path, dtype):
    movie = read_movie(write(tmp_path / "m.mrcs", VALUES.astype(dtype)))
    assert movie.frames.dtype == dtype
    np.testing.assert_array_equal(movie.frames[1:3], VALUES[1:3].astype(dtype))
    assert movie.pixel_size == 0.358  # a 32-bit cell, given back as it was meant
    assert movie.metadata["warnings"] == []


def test_big_endian_with_and_without_its_machine_stamp(tmp_path):
    plain = bytearray(write(tmp_path / "m.mrcs", VALUES).read_bytes())
    header = np.frombuffer(bytes(plain[:1024]), mrcfile.dtypes.HEADER_DTYPE)
    for stamp in ((0x11, 0x11, 0, 0), (0, 0, 0, 0)):
        swapped = header.astype(header.dtype.newbyteorder(">"))
        swapped["machst"] = stamp
        (tmp_path / "b.mrcs").write_bytes(swapped.tobytes() + VALUES.astype(">i2").tobytes())
        movie = read_movie(tmp_path / "b.mrcs")
        np.testing.assert_array_equal(movie.frames[:], VALUES)
        assert movie.pixel_size == 0.358


def test_stack_volume_and_image_are_told_apart(tmp_path):
    assert open_stored(write(tmp_path / "stack.mrc", VALUES)).kind == "movie"  # ISPG 0
    assert open_stored(write(tmp_path / "volume.mrc", VALUES, stack=False)).kind == "volume"  # ISPG 1
    assert open_stored(write(tmp_path / "named.mrcs", VALUES, stack=False)).kind == "movie"  # by its ending
    assert open_stored(write(tmp_path / "image.mrc", VALUES[0], stack=False)).shape == (5, 6)
    assert open_stored(write(tmp_path / "one.mrcs", VALUES[:1])).shape == (1, 5, 6)


def test_volume_is_read_as_a_movie_with_a_warning(tmp_path):
    movie = read_movie(write(tmp_path / "volume.mrc", VALUES, stack=False))
    assert len(movie) == 7
    assert "says that it is a volume" in movie.metadata["warnings"][0]


def test_volume_stack_complex_and_foreign_files_are_refused(tmp_path):
    with mrcfile.new(tmp_path / "v.mrc") as file:
        file.set_data(np.zeros((2, 3, 4, 5), np.float32))
    with pytest.raises(InputError, match="stack of volumes"):
        read_movie(tmp_path / "v.mrc")
    write(tmp_path / "c.mrc", VALUES.astype(np.complex64))
    with pytest.raises(InputError, match="complex"):
        read_movie(tmp_path / "c.mrc")
    (tmp_path / "x.mrc").write_bytes(b"no mrc file at all " * 100)
    with pytest.raises(InputError, match="not an MRC file"):
        read_movie(tmp_path / "x.mrc")


def test_missing_pixel_size_is_none_and_one_angstrom_is_doubted(tmp_path):
    assert read_movie(write(tmp_path / "m.mrcs", VALUES, voxel=None)).pixel_size is None
    doubted = read_movie(write(tmp_path / "n.mrcs", VALUES, voxel=1.0))
    assert doubted.pixel_size == 1.0
    assert "exactly 1 Å" in doubted.metadata["warnings"][0]


def test_pixels_that_are_not_square_are_refused_with_both_sizes(tmp_path):
    write(tmp_path / "m.mrcs", VALUES, voxel=(2.0, 3.0, 1.0))
    with pytest.raises(InputError, match=r"2 Å along x and 3 Å along y.*--pixel-size"):
        read_movie(tmp_path / "m.mrcs")
    movie = read_movie(tmp_path / "m.mrcs", pixel_size="2.5A")
    assert movie.pixel_size == 2.5
    assert "is used for both" in movie.metadata["warnings"][0]


def test_fei_extended_header_gives_pixel_size_and_voltage(tmp_path):
    entry = np.zeros(7, mrcfile.dtypes.get_ext_header_dtype(b"FEI1", "<"))
    entry["Pixel size X"] = entry["Pixel size Y"] = 0.42e-10
    entry["HT"] = 2e5
    with mrcfile.new(tmp_path / "m.mrc") as file:
        file.set_data(VALUES)
        file.set_extended_header(entry)
        file.header.exttyp = b"FEI1"
        file.voxel_size = 1.0
        file.set_image_stack()
    movie = read_movie(tmp_path / "m.mrc")
    assert (movie.pixel_size, movie.voltage) == (0.42, 2e5)
    np.testing.assert_array_equal(movie.frames[:], VALUES)


def test_unsigned_bytes_of_imod(tmp_path):
    values = np.arange(7 * 5 * 6, dtype=np.uint8).reshape(7, 5, 6) + 40
    path = write(tmp_path / "m.mrcs", values.view(np.int8))
    content = bytearray(path.read_bytes())
    content[152:160] = np.array([1146047817, 0], "<i4").tobytes()  # IMOD's stamp, flags: bytes are not signed
    path.write_bytes(content)
    np.testing.assert_array_equal(read_movie(path).frames[:], values)


def test_written_stacks_are_valid_for_mrcfile(tmp_path):
    facts = {"pixel_size": 0.358, "frame_time": 0.0025, "processing": "denoised"}
    values = VALUES.astype(np.float32) / 7
    with MovieWriter(tmp_path / "m.mrcs", values.shape, values.dtype, facts=facts) as writer:
        for start in range(0, 7, 3):
            writer.write(values[start : start + 3])
    assert mrcfile.validate(tmp_path / "m.mrcs")  # it also compares the statistics of the header with the values
    with mrcfile.open(tmp_path / "m.mrcs") as file:
        assert file.is_image_stack()
        assert (int(file.header.ispg), int(file.header.mz)) == (0, 1)
        assert float(file.voxel_size.x) == pytest.approx(0.358)
        np.testing.assert_array_equal(file.data, values)


def test_written_volume_is_a_volume_for_mrcfile(tmp_path):
    values = VALUES.astype(np.float32)
    with MovieWriter(
        tmp_path / "v.mrc", values.shape, values.dtype, kind="volume", pixel_sizes=(3.0, 2.0, 1.5)
    ) as writer:
        writer.write(values)
    assert mrcfile.validate(tmp_path / "v.mrc")
    with mrcfile.open(tmp_path / "v.mrc") as file:
        assert file.is_volume()
        assert file.voxel_size.tolist() == (1.5, 2.0, 3.0)
    assert open_stored(tmp_path / "v.mrc").pixel_sizes == (3.0, 2.0, 1.5)


def test_nan_leaves_the_statistics_undetermined(tmp_path):
    values = VALUES.astype(np.float32)
    values[2, 1, 1] = np.nan
    with MovieWriter(tmp_path / "m.mrcs", values.shape, values.dtype) as writer:
        writer.write(values)
    with mrcfile.open(tmp_path / "m.mrcs", header_only=True) as file:
        assert file.header.dmax < file.header.dmin  # MRC2014's sign for it


def test_long_texts_are_cut_to_the_labels_and_unsafe_integers_refused(tmp_path):
    facts = {"processing": "denoised by Å " * 200, "detector": "K3", "pixel_size": 0.5}
    with MovieWriter(tmp_path / "m.mrcs", VALUES.shape, VALUES.dtype, facts=facts) as writer:
        writer.write(VALUES)
    movie = read_movie(tmp_path / "m.mrcs")
    assert movie.detector == "K3"
    assert movie.metadata["processing"].startswith("denoised by Å denoised")
    assert movie.metadata["processing"].endswith("...")
    with (
        pytest.raises(InputError, match="16777216"),
        MovieWriter(tmp_path / "i.mrcs", VALUES.shape, np.int32) as writer,
    ):
        writer.write(VALUES.astype(np.int32) + 2**24)


def test_measured_stack(data_dir):
    # the first frame by hand: 1024 bytes of header, no extended header, 32-bit floats; 2 Å per pixel in the cell
    path = data_dir / "formats" / "temp.mrc"
    movie = read_movie(path)
    first = np.frombuffer(path.read_bytes(), "<f4", count=128 * 128, offset=1024).reshape(128, 128)
    assert movie.frames.shape == (3, 128, 128)
    assert movie.pixel_size == 2.0
    np.testing.assert_array_equal(movie.frames[0], first)


def test_measured_tilt_series_of_fei(data_dir):
    # README: 77 x 256 x 256 int16, 3.36 nm per pixel in FEI's extended header of 131072 bytes, main header 1 Å, values
    # signed; the last frame by hand
    path = data_dir / "stem_tilt_series" / "HAADF.mrc.gz"
    movie = read_movie(path)
    raw = gzip.decompress(path.read_bytes())
    last = np.frombuffer(raw[-256 * 256 * 2 :], "<i2").reshape(256, 256)
    assert len(raw) == 1024 + 131072 + 77 * 256 * 256 * 2
    assert (movie.frames.shape, movie.frames.dtype) == ((77, 256, 256), np.int16)
    assert movie.pixel_size == pytest.approx(33.6)
    assert movie.voltage == 3e5
    assert "exactly 1 Å" in movie.metadata["warnings"][0]
    np.testing.assert_array_equal(movie.frames[76], last)
    assert last.min() < -30000  # the offset stays where it is
