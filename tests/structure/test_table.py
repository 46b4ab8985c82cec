import json
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from ase import Atoms

from atomotion.data import InputError, from_mapping, parameters_of
from atomotion.geometry import random_quaternions, rotate
from atomotion.io.atoms import read_atoms
from atomotion.particles import disordered, fcc_sphere, icosahedron, truncated_octahedron, twinned_sphere
from atomotion.structure import StructureConfig, check_spacing, measure_atoms, summarise_particle
from atomotion.structure.bulk import bulk_lattice

PT = 3.924


def test_measured_particle_has_its_printed_numbers(data_dir):
    """Paper 002, particle 1, structure I: 314 atoms, hull diameter 19.688 Å, g(r) minimum 3.41 Å, 2 disordered."""
    found = summarise_particle(read_atoms(data_dir / "pt_nanocrystal_stage1" / "stage1.pdb"))
    assert found["atoms"] == 314
    assert found["hull_diameter_A"] == pytest.approx(19.688, abs=0.001)
    assert found["rdf_first_minimum_A"] == pytest.approx(3.41, abs=0.05)
    assert found["disordered_atoms"] == 2
    assert found["icosahedral_atoms"] == 0
    # an expansion of 1.6 % against 3.924 Å, within the 1.4 to 4.7 % of the particles of paper 004
    assert found["lattice_parameter_A"] == pytest.approx(3.986, abs=0.003)
    assert 1.0 < found["median_radial_strain_percent"] < 2.5
    assert 3.0 < found["penetration_depth_A"] < 5.0 < found["generalized_penetration_depth_A"] + 2.8
    assert found["twin_planes"] + found["intrinsic_faults"] + found["surface_faults"] == 0


def test_ideal_octahedron_has_no_disorder(data_dir):
    path = data_dir / "pt_nanocrystal_stage1" / "ideal_truncated_octahedron.pdb"
    found = summarise_particle(read_atoms(path, element="Pt"))
    assert found["atoms"] == 586 and found["disordered_atoms"] == 0
    assert found["lattice_parameter_A"] == pytest.approx(3.912, abs=1e-6)
    assert (found["facets_111"], found["facets_100"]) == (8, 6)
    assert found["mean_radial_strain_percent"] == pytest.approx(100 * (3.912 / 3.924 - 1), abs=1e-3)
    assert found["core_ratio"] == pytest.approx(314 / 586)


def test_large_measured_particle_in_seconds(data_dir):
    """8,468 atoms of two elements; the single pairs at 1.8 Å are noted and do not stop it."""
    atoms = read_atoms(data_dir / "pdpt_coreshell" / "TO.xyz")
    began = time.process_time()
    found = summarise_particle(atoms)
    assert time.process_time() - began < 20.0
    assert found["atoms"] == 8468
    assert any("1.82 Å" in note for note in found["notes"])
    assert found["bulk_lattice_A"] == pytest.approx((3690 * 3.89 + 4778 * 3.924) / 8468)
    assert found["fcc_atoms"] > 6000


@pytest.mark.parametrize("seed", range(3))
def test_nothing_depends_on_orientation_or_order(seed):
    rng = np.random.default_rng(seed)
    atoms = truncated_octahedron("Pt", 7, 2, lattice=PT)
    atoms.positions += rng.normal(scale=0.03, size=atoms.positions.shape)
    order = rng.permutation(len(atoms))
    turned = Atoms("Pt" * len(atoms), rotate(random_quaternions(1, rng)[0], atoms.positions[order]) + 11.0)
    one, other = measure_atoms(atoms), measure_atoms(turned)
    for column in one.columns.drop(["atom", "x_A", "y_A", "z_A", *(c for c in one if c.startswith("strain_"))]):
        first, second = one[column].to_numpy()[order], other[column].to_numpy()
        if first.dtype.kind == "f":
            np.testing.assert_allclose(second, first, atol=1e-6, err_msg=column)
        else:
            np.testing.assert_array_equal(second, first, err_msg=column)
    first, second = summarise_particle(atoms, table=one), summarise_particle(turned)
    for key, value in first.items():
        if isinstance(value, float) and not key.startswith(
            ("projected", "lattice_a", "lattice_b", "lattice_c", "lattice_g")
        ):
            assert second[key] == pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True), key


def test_ideal_crystal_is_measured_exactly():
    atoms = truncated_octahedron("Pt", 10, 3, lattice=PT)
    table = measure_atoms(atoms)
    assert len(table) == 586 and table["crystalline"].all()
    strains = [column for column in table if column.startswith("strain_") and column.endswith("percent")]
    assert len(strains) == 6
    assert np.abs(table[[*strains, "radial_strain_percent"]].to_numpy()).max() < 1e-6
    np.testing.assert_allclose(table["nearest_bond_A"], PT / np.sqrt(2.0))
    assert set(table["structure"]) == {"fcc", "surface"} and set(table["defect"]) == {""}
    assert (table["surface"] == (table["coordination_number"] < 12)).all()
    assert ((table["structure"] == "surface") == table["surface"]).all()
    assert (table["grain"] == 0).all()


def test_published_strain_is_the_kernel_and_says_what_it_retains():
    atoms = truncated_octahedron("Pt", 8, 2, lattice=1.01 * PT)
    linear = summarise_particle(atoms)
    published = summarise_particle(atoms, StructureConfig(strain="published"))
    assert linear["mean_radial_strain_percent"] == pytest.approx(1.0, abs=1e-6)
    assert linear["strain_retained_radial"] == 1.0
    expected = published["strain_retained_radial"] / 1.01
    assert published["mean_radial_strain_percent"] == pytest.approx(expected, abs=0.01)
    assert 0.5 < expected < 0.6
    free = summarise_particle(atoms, StructureConfig(strain="published", strain_width="leave-one-out"))
    assert free["strain_sigma_A"] != 2.0
    twin = measure_atoms(twinned_sphere("Pt", 22.0), StructureConfig(strain="published"))
    assert any("several grains" in note for note in twin.attrs["notes"])


def test_twins_and_icosahedra_in_the_summary():
    twin = summarise_particle(twinned_sphere("Pt", 26.0, lattice=PT))
    assert (twin["twin_planes"], twin["grains"], twin["intrinsic_faults"]) == (1, 2, 0)
    assert abs(twin["mean_radial_strain_percent"]) < 0.02
    ico = summarise_particle(icosahedron("Pt", 4))
    assert (ico["twin_planes"], ico["icosahedral_atoms"], ico["facets_111"]) == (30, 13, 20)


def test_a_molten_particle_is_measured_without_a_lattice():
    atoms = disordered(fcc_sphere("Pt", 18.0), 1.0, np.random.default_rng(0))
    found = summarise_particle(atoms)
    assert any(note.startswith("no lattice") for note in found["notes"])
    assert np.isnan(found["mean_radial_strain_percent"]) and np.isnan(found["lattice_parameter_A"])
    assert found["neighbour_radius_A"] == found["rdf_first_minimum_A"]
    assert found["disordered_fraction"] > 0.8 and found["mean_q6"] < 0.35


def test_table_and_summary_can_be_stored(tmp_path):
    atoms = fcc_sphere("Pt", 14.0)
    table = measure_atoms(atoms)
    table.to_csv(tmp_path / "table.csv", index=False)
    back = pd.read_csv(tmp_path / "table.csv", keep_default_na=True)
    np.testing.assert_allclose(back["q6"], table["q6"])
    assert summarise_particle(atoms, table=back)["atoms"] == len(atoms)
    assert json.loads(json.dumps(summarise_particle(atoms, table=table)))["atoms"] == len(atoms)


@pytest.mark.parametrize("atoms", [fcc_sphere("Pt", 6.0), fcc_sphere("Pt", 9.0), icosahedron("Pt", 1)])
def test_small_clusters(atoms):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summarise_particle(atoms)
    assert found["atoms"] == len(atoms)


@pytest.mark.parametrize(
    ("factor", "unit"), [(0.1, "nm"), (100.0, "pm"), (1 / 0.529177, "bohr"), (1e-10, "in m"), (1 / 30.0, "relative")]
)
def test_other_units_are_refused_with_a_hint(factor, unit):
    atoms = fcc_sphere("Pt", 16.0)
    atoms.positions *= factor
    with pytest.raises(InputError, match=unit):
        measure_atoms(atoms)


def test_short_pairs_and_double_atoms():
    points = fcc_sphere("Pt", 16.0).positions
    assert check_spacing(points) == []
    outermost = points[np.linalg.norm(points, axis=1).argmax()]
    (note,) = check_spacing(np.concatenate([points, [outermost * (1 + 1.5 / np.linalg.norm(outermost))]]))
    assert note.startswith("1 pairs") and "1.50 Å" in note
    with pytest.raises(InputError, match="same place"):
        check_spacing(np.concatenate([points, points[:1]]))
    with pytest.raises(InputError, match="no distances"):
        check_spacing([[0.0, 0, 0]])


def test_bulk_constants():
    assert bulk_lattice(Atoms("Pt2")) == PT
    assert bulk_lattice(Atoms("Au2")) == 4.08
    assert bulk_lattice(Atoms("AuPt")) == pytest.approx((4.08 + PT) / 2)
    assert bulk_lattice(Atoms("W2"), 3.912) == 3.912
    with pytest.raises(InputError, match="not known"):
        bulk_lattice(Atoms("W2"))
    with pytest.raises(InputError, match="pass it in Å"):
        bulk_lattice(Atoms("Pt2"), 0.3924)
    noted = summarise_particle(Atoms("W" * 55, icosahedron("Pt", 2).positions))
    assert any(note.startswith("no strain") for note in noted["notes"])


def test_config_reads_units_and_every_choice_runs():
    assert {each.key for each in parameters_of(StructureConfig)} >= {"neighbour_radius", "bulk_lattice", "strain_sigma"}
    config = from_mapping(StructureConfig, {"bulk_lattice": "0.3924nm", "depth": "surface"}, where="test")
    assert config.bulk_lattice == pytest.approx(PT)
    atoms = fcc_sphere("Pt", 18.0, lattice=PT)
    other = StructureConfig(
        neighbour_radius=3.3, order_radius=3.4, strain_axes="crystal", s6_vectors="averaged", depth="surface"
    )
    found = summarise_particle(atoms, other)
    assert (found["neighbour_radius_A"], found["order_radius_A"]) == (3.3, 3.4)
    assert found["disordered_atoms"] == 0
