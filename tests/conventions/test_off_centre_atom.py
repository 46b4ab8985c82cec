"""One off-centre atom goes through projection, map, MRC, extXYZ, STAR and back and is found within 0.1 Å."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from numpy.typing import NDArray

from atomotion.data import DensityMap, Movie, Poses
from atomotion.geometry import inverse, random_quaternions, rotate
from atomotion.io.atoms import read_atoms, write_atoms
from atomotion.io.maps import read_map, write_map
from atomotion.io.movie import read_movie
from atomotion.io.star import read_poses, write_poses
from atomotion.io.writer import write_movie
from atomotion.scattering import density_of_atoms, gaussian_atoms, project_atoms, project_density

ATOM = np.array([[3.1, -4.27, 5.63]])
GAUSSIAN = gaussian_atoms(1, sigma=0.6)
PIXEL = 0.358
WITHIN = 0.1


def found_in(image: NDArray) -> NDArray:
    """(2,) x y [Å] of the centre of mass relative to the centre of pixel n // 2."""
    y, x = np.indices(image.shape)
    weights = image / image.sum()
    return PIXEL * np.array([(x * weights).sum() - image.shape[1] // 2, (y * weights).sum() - image.shape[0] // 2])


def found_in_map(density: DensityMap) -> NDArray:
    """(3,) x y z [Å]."""
    z, y, x = np.indices(density.values.shape)
    weights = density.values / density.values.sum()
    centre = np.array([(axis * weights).sum() for axis in (x, y, z)])
    return np.array(density.first_voxel) + density.voxel_size * centre


def test_through_the_map_and_its_file(tmp_path: Path):
    density = density_of_atoms(ATOM, GAUSSIAN, shape=(64, 60, 57), voxel_size=PIXEL)
    write_map(tmp_path / "density.mrc", density)
    back = read_map(tmp_path / "density.mrc")
    np.testing.assert_allclose(found_in_map(back), ATOM[0], atol=WITHIN)
    np.testing.assert_allclose(found_in(project_density(back)), ATOM[0, :2], atol=WITHIN)


@pytest.mark.parametrize("suffix", [".xyz", ".pdb", ".data"])
def test_through_files_of_atoms(tmp_path: Path, suffix: str):
    write_atoms(tmp_path / f"atom{suffix}", Atoms("Pt", positions=ATOM))
    np.testing.assert_allclose(read_atoms(tmp_path / f"atom{suffix}").positions, ATOM, atol=WITHIN)


def test_images_stack_and_poses_lead_back_to_the_atom(tmp_path: Path):
    """The atom is located in images read from a stack, and put together again with the poses of the STAR file."""
    rng = np.random.default_rng(0)
    poses = Poses(quaternions=random_quaternions(6, rng), shifts=rng.uniform(-2, 2, size=(6, 2)))
    images = np.stack(
        [
            project_atoms(rotate(q, ATOM), GAUSSIAN, shape=(80, 84), pixel_size=PIXEL, shift=shift)
            for q, shift in zip(poses.quaternions, poses.shifts, strict=True)
        ]
    )
    write_movie(tmp_path / "boxes.mrcs", Movie(frames=images.astype(np.float32), pixel_size=PIXEL))
    write_poses(tmp_path / "poses.star", poses, stack="boxes.mrcs", pixel_size=PIXEL)
    movie, star = read_movie(tmp_path / "boxes.mrcs"), read_poses(tmp_path / "poses.star")
    assert movie.pixel_size == pytest.approx(PIXEL)
    # each image says (R x)_xy + shift; all together they overdetermine x
    rows, seen = [], []
    for image, quaternion, shift in zip(movie.frames[:], star.poses.quaternions, star.poses.shifts, strict=True):
        matrix = rotate(quaternion, np.eye(3)).T
        rows.append(matrix[:2])
        seen.append(found_in(image) - shift)
    found, *_ = np.linalg.lstsq(np.concatenate(rows), np.concatenate(seen), rcond=None)
    np.testing.assert_allclose(found, ATOM[0], atol=WITHIN)


def test_a_rotated_map_and_the_rotated_atom_agree():
    quaternion = random_quaternions(1, np.random.default_rng(1))[0]
    density = density_of_atoms(ATOM, GAUSSIAN, shape=(64, 64, 64), voxel_size=PIXEL)
    turned = found_in(project_density(density, quaternion))
    np.testing.assert_allclose(turned, rotate(quaternion, ATOM)[0, :2], atol=WITHIN)
    np.testing.assert_allclose(rotate(inverse(quaternion), rotate(quaternion, ATOM)), ATOM, atol=1e-12)
