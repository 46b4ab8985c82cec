import numpy as np
import pytest
from scipy.spatial import cKDTree

from atomotion.data import UsageError
from atomotion.geometry import match_points
from atomotion.particles.ideal import (
    KINDS,
    cuboctahedron,
    decahedron,
    equivalent_diameter,
    fcc_sphere,
    icosahedron,
    lattice_constant,
    particle,
    truncated_octahedron,
    twinned_sphere,
)

NEAREST = 3.92 / np.sqrt(2)


def coordination(positions: np.ndarray) -> np.ndarray:
    return np.array([len(near) - 1 for near in cKDTree(positions).query_ball_point(positions, 1.2 * NEAREST)])


def test_magic_numbers():
    assert [len(cuboctahedron("Pt", n)) for n in range(1, 5)] == [13, 55, 147, 309]
    assert [len(icosahedron("Pt", n)) for n in range(1, 5)] == [13, 55, 147, 309]
    assert [len(truncated_octahedron("Pt", n, c)) for n, c in ((4, 1), (7, 2), (10, 3), (8, 2), (6, 2))] == [
        38, 201, 586, 314, 116,
    ]  # fmt: skip
    assert len(truncated_octahedron("Pt", 8)) == 314
    assert len(decahedron("Au", 2, 2)) == 13


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_centred_whole_and_of_the_wanted_size(kind: str):
    atoms = particle(kind, "Pt", 22.0)
    np.testing.assert_allclose(atoms.positions.mean(axis=0), 0.0, atol=0.05 * NEAREST)
    nearest = cKDTree(atoms.positions).query(atoms.positions, k=2)[0][:, 1]
    # icosahedra are compressed by 5 % along their radius
    np.testing.assert_allclose(nearest, NEAREST, rtol=0.06)
    assert coordination(atoms.positions).max() == 12
    assert equivalent_diameter(len(atoms), 3.92) == pytest.approx(22.0, abs=2.0)
    assert set(atoms.symbols) == {"Pt"}
    assert not atoms.pbc.any()


def test_a_sphere_holds_exactly_the_sites_within_it():
    atoms = fcc_sphere("Pt", 2 * 3.92, lattice=3.92)
    # an atom, its 12 neighbours at a / sqrt(2), and the 6 at a, which lie exactly on the sphere
    assert len(atoms) == 1 + 12 + 6
    off = fcc_sphere("Pt", 20.0, centre=(0.25, 0.25, 0.25))
    assert np.linalg.norm(off.positions, axis=1).max() <= 10.0
    assert np.linalg.norm(off.positions, axis=1).min() == pytest.approx(3.92 * np.sqrt(3) / 4)


def test_a_twin_is_its_own_mirror_image_and_has_hcp_atoms_in_the_plane():
    atoms = twinned_sphere("Pt", 20.0)
    mirrored = atoms.positions * [1, 1, -1]
    assert len(match_points(atoms.positions, mirrored, 1e-6)) == len(atoms)
    central = int(np.argmin(np.linalg.norm(atoms.positions, axis=1)))
    bonds = atoms.positions - atoms.positions[central]
    bonds = bonds[(np.linalg.norm(bonds, axis=1) < 1.2 * NEAREST) & (np.linalg.norm(bonds, axis=1) > 0.1)]
    assert len(bonds) == 12
    # in FCC every bond has an opposite one; in the twin plane only the six within the plane
    assert sum((np.linalg.norm(bonds + bond, axis=1) < 1e-6).any() for bond in bonds) == 6


def test_lattice_constants_and_errors():
    assert lattice_constant("Au") == 4.08
    assert equivalent_diameter(4, 2.0) == pytest.approx((6 * 8 / np.pi) ** (1 / 3))
    with pytest.raises(UsageError, match="not the symbol"):
        lattice_constant("Platinum")
    with pytest.raises(UsageError, match="Co has no FCC"):
        particle("sphere", "Co", 20.0)
    assert len(particle("sphere", "Co", 20.0, lattice=3.55)) > 100
    with pytest.raises(UsageError, match="unknown kind"):
        particle("cube", "Pt", 20.0)
    with pytest.raises(UsageError, match="too large"):
        particle("icosahedron", "Pt", 1000.0)
