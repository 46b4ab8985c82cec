from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from atomotion.data import InputError, UsageError
from atomotion.io.atoms import read_atoms, read_states, write_atoms
from atomotion.particles import icosahedron


def particle() -> Atoms:
    atoms = icosahedron("Pt", 2)
    atoms.symbols[:10] = "Pd"
    atoms.set_array("u_iso", np.linspace(0.001, 0.02, len(atoms)))
    atoms.set_array("coordination_number", np.arange(len(atoms)))
    atoms.set_array("displacement", np.random.default_rng(0).normal(size=(len(atoms), 3)))
    return atoms


def test_extxyz_keeps_arrays_and_times_of_a_series(tmp_path: Path):
    states = []
    for number in range(3):
        state = particle()
        state.positions += number
        state.info |= {"t0": 0.5 * number, "t1": 0.5 * number + 0.5}
        states.append(state)
    write_atoms(tmp_path / "states.xyz", states)
    back = read_states(tmp_path / "states.xyz")
    assert [(state.info["t0"], state.info["t1"]) for state in back] == [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5)]
    for state, expected in zip(back, states, strict=True):
        np.testing.assert_allclose(state.positions, expected.positions, atol=1e-7)
        assert list(state.symbols) == list(expected.symbols)
        for name in ("u_iso", "coordination_number", "displacement"):
            np.testing.assert_allclose(state.arrays[name], expected.arrays[name], atol=1e-7)
        assert state.arrays["coordination_number"].dtype.kind == "i"
        assert not state.pbc.any()
    with pytest.raises(InputError, match="3 states"):
        read_atoms(tmp_path / "states.xyz")


def test_pdb_takes_its_b_factors_from_an_array(tmp_path: Path):
    atoms = particle()
    values = np.linspace(-5, 500, len(atoms))
    values[3] = np.nan
    atoms.set_array("score", values)
    write_atoms(tmp_path / "a.pdb", atoms, b_factor="score")
    back = read_atoms(tmp_path / "a.pdb")
    np.testing.assert_allclose(back.positions, atoms.positions, atol=0.0006)
    assert list(back.symbols) == list(atoms.symbols)
    np.testing.assert_allclose(back.arrays["bfactor"], np.nan_to_num(values), atol=0.006)
    atoms.set_array("large", np.full(len(atoms), 1e4))
    for name, match in (
        ("missing", "no array 'missing'"),
        ("large", "-99.99 to 999.99"),
        ("displacement", "does not fit"),
    ):
        with pytest.raises(InputError, match=match):
            write_atoms(tmp_path / "b.pdb", atoms, b_factor=name)
    with pytest.raises(InputError, match="only PDB"):
        write_atoms(tmp_path / "b.xyz", atoms, b_factor="score")
    atoms.positions[0, 0] = 2e4
    with pytest.raises(InputError, match="do not fit"):
        write_atoms(tmp_path / "b.pdb", atoms)
    assert not (tmp_path / "b.pdb").exists()


def test_lammps_data_there_and_back(tmp_path: Path):
    atoms = particle()
    write_atoms(tmp_path / "a.data", atoms)
    back = read_atoms(tmp_path / "a.data")
    np.testing.assert_allclose(back.positions, atoms.positions, atol=1e-7)
    assert list(back.symbols) == list(atoms.symbols)
    with pytest.raises(InputError, match="one structure"):
        write_atoms(tmp_path / "b.data", [atoms, atoms])


LAMMPS = """comment

3 atoms
2 atom types
0 10 xlo xhi
0 10 ylo yhi
0 10 zlo zhi
{masses}
Atoms

3 2 7.0 8.0 9.0
1 1 1.0 2.0 3.0
2 1 4.0 5.0 6.0
"""


def test_lammps_atoms_are_sorted_by_id_and_elements_are_given_or_follow_from_masses(tmp_path: Path):
    path = tmp_path / "a.lmp"
    path.write_text(LAMMPS.format(masses=""))
    with pytest.raises(InputError, match="pass --element"):
        read_atoms(path)
    atoms = read_atoms(path, element="Au, Pd")
    assert list(atoms.symbols) == ["Au", "Au", "Pd"]
    np.testing.assert_allclose(atoms.positions, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    with pytest.raises(UsageError, match="'Gold' is not"):
        read_atoms(path, element="Gold")
    path.write_text(LAMMPS.format(masses="\nMasses\n\n1 195.08\n2 106.42\n"))
    assert list(read_atoms(path).symbols) == ["Pt", "Pt", "Pd"]
    path.write_text("LAMMPS description\n\n3 atoms\n")
    with pytest.raises(InputError, match="no section Atoms"):
        read_atoms(path)


@pytest.mark.parametrize(
    "text",
    [
        "2\r\n  \r\nPt \t1.0 \t2.0\t3.0 \t \r\nPd\t4\t5\t6\t\r\n",
        "2\na comment with words\nPt 1 2 3\nPd 4 5 6\n",
        "2\nPt 1 2 3\nPd 4 5 6\n",
        "Pt 1 2 3\nPd 4 5 6\n\n",
        "  2  \n\nPT 1 2 3 0.5 12\npd 4.0e0 5 6 0.1 7\n\n\n",
        "2\ncomment\n78 1 2 3\n46 4 5 6",
        "2\ncomment\nPt1 1 2 3\nPd2 4 5 6\n",
    ],
)
def test_plain_xyz_in_all_its_variants(tmp_path: Path, text: str):
    path = tmp_path / "plain.xyz"
    path.write_bytes(text.encode())
    atoms = read_atoms(path)
    assert list(atoms.symbols) == ["Pt", "Pd"]
    np.testing.assert_array_equal(atoms.positions, [[1, 2, 3], [4, 5, 6]])


def test_several_plain_blocks_are_states(tmp_path: Path):
    (tmp_path / "p.xyz").write_text("1\nfirst\nPt 0 0 0\n1\nsecond\nPt 0 0 1\n")
    assert [state.positions[0, 2] for state in read_states(tmp_path / "p.xyz")] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("a.xyz", "3\ncomment\nPt 0 0 0\nPt 1 1 1\n", "is not an atom|promises 3"),
        ("a.xyz", "2\ncomment\nPt 0 0 0\nQq 1 1 1\n", "line 4 .* 'Qq 1 1 1'"),
        ("a.xyz", "", "no atoms"),
        ("a.xyz", "1\ncomment\nPt nan 0 0\n", "not finite"),
        ("a.xyz", "2\nProperties=species:S:1:pos:R:3\nPt 0 0\n", "cannot be read"),
        ("a.pdb", "REMARK nothing\n", "no atoms|cannot be read"),
        ("a.txt", "2\n", "no known format"),
    ],
)
def test_broken_files_are_refused_with_a_reason(tmp_path: Path, name: str, text: str, match: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=match):
        read_atoms(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"gone\.pdb does not exist"):
        read_atoms(tmp_path / "gone.pdb")


def test_measured_pdb_files(data_dir: Path):
    atoms = read_atoms(data_dir / "pt_nanocrystal_stage1/stage1.pdb")
    assert len(atoms) == 314
    assert set(atoms.symbols) == {"Pt"}
    np.testing.assert_allclose(atoms.positions[0], [19.259, 26.881, 27.702])
    np.testing.assert_allclose(atoms.arrays["bfactor"][:2], [0.79, 0.68])
    ideal = read_atoms(data_dir / "pt_nanocrystal_stage1/ideal_truncated_octahedron.pdb")
    assert len(ideal) == 586
    assert set(ideal.symbols) == {"W"}
    assert set(read_atoms(data_dir / "pt_nanocrystal_stage1/ideal_truncated_octahedron.pdb", element="Pt").symbols) == {
        "Pt"
    }


@pytest.mark.parametrize(("name", "count"), [("01.data", 1038), ("2.data", 1031)])
def test_measured_lammps_files(data_dir: Path, name: str, count: int):
    atoms = read_atoms(data_dir / "au_nanoparticle_models" / name)
    assert len(atoms) == count
    assert set(atoms.symbols) == {"Au"}
    assert not atoms.pbc.any()
    # published: about 35 x 35 x 19.5 Å
    np.testing.assert_allclose(np.ptp(atoms.positions, axis=0), [35, 35, 19.5], atol=3)


def test_measured_core_shell_particle(data_dir: Path):
    atoms = read_atoms(data_dir / "pdpt_coreshell/TO.xyz")
    symbols = list(atoms.symbols)
    assert (len(symbols), symbols.count("Pd"), symbols.count("Pt")) == (8468, 3690, 4778)
    np.testing.assert_allclose(atoms.positions[0], [-26.0443, -12.9725, 9.74932])
