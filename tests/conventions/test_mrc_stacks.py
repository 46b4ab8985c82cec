"""Movies in MRC files are stacks of images with a voxel size; maps are volumes with a voxel size and an origin."""

from pathlib import Path

import mrcfile
import numpy as np

from atomotion.data import DensityMap, Movie
from atomotion.io.maps import write_map
from atomotion.io.writer import write_movie


def test_movies_are_stacks(tmp_path: Path):
    frames = np.zeros((7, 12, 10), dtype=np.float32)
    for name in ("movie.mrcs", "movie.mrc"):
        write_movie(tmp_path / name, Movie(frames=frames, pixel_size=0.358))
        with mrcfile.open(tmp_path / name) as file:
            assert file.is_image_stack()
            assert not file.is_volume()
            assert int(file.header.mz) == 1
            np.testing.assert_allclose([float(file.voxel_size[axis]) for axis in "xy"], 0.358, rtol=1e-6)
        assert mrcfile.validate(tmp_path / name)


def test_maps_are_volumes(tmp_path: Path):
    write_map(tmp_path / "map.mrc", DensityMap(values=np.zeros((5, 6, 7), dtype=np.float32), voxel_size=0.358))
    with mrcfile.open(tmp_path / "map.mrc") as file:
        assert file.is_volume()
        np.testing.assert_allclose([float(file.voxel_size[axis]) for axis in "xyz"], 0.358, rtol=1e-6)
        assert float(file.header.origin.x) != 0.0
