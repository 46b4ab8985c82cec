from pathlib import Path

import mrcfile
import numpy as np
import pytest

from atomotion.data import DensityMap, InputError
from atomotion.io.maps import read_map, write_map

RNG = np.random.default_rng(0)


def density(**changes: object) -> DensityMap:
    values = RNG.normal(size=(6, 8, 10)).astype(np.float32)
    return DensityMap(**({"values": values, "voxel_size": 0.358} | changes))


def test_values_voxel_size_and_origin_come_back(tmp_path: Path):
    written = density()
    write_map(tmp_path / "map.mrc", written)
    back = read_map(tmp_path / "map.mrc")
    np.testing.assert_array_equal(back.values, written.values)
    assert back.voxel_size == 0.358
    np.testing.assert_allclose(back.first_voxel, (-5 * 0.358, -4 * 0.358, -3 * 0.358), rtol=1e-6)
    assert back.half1 is None
    assert mrcfile.validate(tmp_path / "map.mrc")


def test_the_file_is_a_volume_with_the_origin_in_its_words(tmp_path: Path):
    write_map(tmp_path / "map.mrc", density(origin=(1.5, -2.0, 30.0)))
    with mrcfile.open(tmp_path / "map.mrc") as file:
        assert file.is_volume()
        assert [float(file.header.origin[axis]) for axis in "xyz"] == [1.5, -2.0, 30.0]
        assert float(file.voxel_size.x) == pytest.approx(0.358)
    assert read_map(tmp_path / "map.mrc").origin == (1.5, -2.0, 30.0)


def test_half_maps_lie_beside(tmp_path: Path):
    halves = [RNG.normal(size=(6, 8, 10)).astype(np.float32) for _ in range(2)]
    write_map(tmp_path / "density.mrc", density(half1=halves[0], half2=halves[1]))
    assert {path.name for path in tmp_path.iterdir()} == {"density.mrc", "density_half1.mrc", "density_half2.mrc"}
    back = read_map(tmp_path / "density.mrc")
    np.testing.assert_array_equal(back.half1, halves[0])
    np.testing.assert_array_equal(back.half2, halves[1])
    with mrcfile.new(tmp_path / "density_half2.mrc", overwrite=True) as file:
        file.set_data(np.zeros((2, 2, 2), dtype=np.float32))
        file.voxel_size = 0.358
    with pytest.raises(InputError, match=r"density_half2.mrc has shape \(2, 2, 2\)"):
        read_map(tmp_path / "density.mrc")


def test_axes_stored_in_another_order_are_turned(tmp_path: Path):
    values = RNG.normal(size=(6, 8, 10)).astype(np.float32)
    with mrcfile.new(tmp_path / "turned.mrc") as file:
        # columns along z, rows along x, sections along y
        file.set_data(np.ascontiguousarray(values.transpose(1, 2, 0)))
        file.header.mapc, file.header.mapr, file.header.maps = 3, 1, 2
        file.header.mx, file.header.my, file.header.mz = 10, 8, 6
        file.header.cella = (10 * 0.5, 8 * 0.5, 6 * 0.5)
        file.header.nxstart, file.header.nystart, file.header.nzstart = -3, -5, -4
    back = read_map(tmp_path / "turned.mrc")
    np.testing.assert_array_equal(back.values, values)
    assert back.origin == (-2.5, -2.0, -1.5)


def test_what_is_missing_or_wrong_is_said(tmp_path: Path):
    path = tmp_path / "bad.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.zeros((4, 4, 4), dtype=np.float32))
    with pytest.raises(InputError, match=r"voxel size is missing in .*; pass --voxel-size"):
        read_map(path)
    assert read_map(path, voxel_size=0.5).voxel_size == 0.5
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.zeros((4, 4, 4), dtype=np.float32))
        file.voxel_size = (1.0, 1.0, 2.0)
    with pytest.raises(InputError, match=r"no cubes \(1 x 1 x 2 Å\)"):
        read_map(path)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.zeros((4, 4), dtype=np.float32))
    with pytest.raises(InputError, match="no map"):
        read_map(path)
    path.write_bytes(b"not a map")
    with pytest.raises(InputError, match="cannot be read"):
        read_map(path)
    with pytest.raises(InputError, match="does not exist"):
        read_map(tmp_path / "gone.mrc")
    (tmp_path / "stack.mrcs").write_bytes(b"")
    with pytest.raises(InputError, match="stack of images"):
        read_map(tmp_path / "stack.mrcs")
    with pytest.raises(InputError, match=r"written as \.mrc"):
        write_map(tmp_path / "map.mrcs", density())
