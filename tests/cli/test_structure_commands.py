"""The commands structure and compare: what they write, say, and answer when something is wrong."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase import Atoms

from atomotion.cli import main
from atomotion.data import InputError, UsageError
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.io.atoms import read_atoms, read_states, write_atoms
from atomotion.particles import fcc_sphere
from atomotion.particles.ideal import particle as ideal
from atomotion.project.direct import run_directly
from atomotion.project.plan import Leaf
from atomotion.project.pools import InlinePool
from atomotion.project.repeat import command_to_repeat
from atomotion.report.html import render
from atomotion.report.page import Chapter, Page
from atomotion.stages.compare import STAGE as COMPARE
from atomotion.stages.states import GivenState, time_windows
from atomotion.stages.structure import STAGE as STRUCTURE
from atomotion.structure import simulate_kind_states

# the keys that are promised to users
PROMISED = {
    "atoms", "hull_diameter_A", "largest_distance_A", "rdf_first_minimum_A", "lattice_parameter_A", "disordered_atoms",
    "disordered_fraction", "core_ratio", "fraction_cn_above_8", "median_cn", "median_bond_length_A",
    "mean_radial_strain_percent", "mean_q6", "penetration_depth_A", "crystallinity_score_text",
    "crystallinity_score_program",
}  # fmt: skip


def said(capfd, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capfd.readouterr()
    return code, captured.out, captured.err.strip()


def turned(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    result = atoms.copy()
    turn = matrices_from_quaternions(random_quaternions(1, rng)[0])
    result.positions = atoms.positions @ turn.T + rng.uniform(-15.0, 15.0, size=3)
    return result


@pytest.fixture
def particle(tmp_path) -> Path:
    path = tmp_path / "pt.xyz"
    write_atoms(path, turned(ideal("truncated_octahedron", "Pt", 17.0), np.random.default_rng(0)))
    return path


@pytest.fixture(scope="module")
def etched(tmp_path_factory) -> tuple[Path, list[np.ndarray]]:
    """Three states of one particle in three orientations, 12 atoms fewer each; and which sites each has."""
    rng = np.random.default_rng(3)
    sphere = fcc_sphere("Pt", 16.0, centre=(0.21, 0.37, 0.13))
    sites = sphere.positions + rng.normal(scale=0.05, size=(len(sphere), 3))
    left, states, which = np.arange(len(sites)), [], []
    for number in range(3):
        if number:
            far = left[np.argsort(np.linalg.norm(sites[left] - sites.mean(axis=0), axis=1))[-40:]]
            left = np.setdiff1d(left, rng.choice(far, size=12, replace=False))
        state = turned(Atoms(symbols=["Pt"] * len(left), positions=sites[left]), rng)
        state.info.update(t0=6.0 * number, t1=6.0 * number + 5.0)
        states.append(state)
        which.append(left)
    path = tmp_path_factory.mktemp("states") / "etched.xyz"
    write_atoms(path, states)
    return path, which


@pytest.fixture(scope="module")
def compared(etched, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("compared") / "changes"
    assert main(["compare", str(etched[0]), "-o", str(out), "--quiet"]) == 0
    return out


def test_the_measured_particle_has_its_published_numbers(data_dir, tmp_path, capfd):
    file = data_dir / "pt_nanocrystal_stage1" / "stage1.pdb"
    if not file.exists():
        pytest.skip(f"{file} is absent")
    out = tmp_path / "s" / "table.csv"
    code, printed, _ = said(capfd, "structure", file, "-o", out, "--json")
    values = json.loads(printed)
    assert code == 0 and set(values) >= PROMISED
    assert values["atoms"] == 314
    assert values["hull_diameter_A"] == pytest.approx(19.688, abs=0.0005)
    assert values["rdf_first_minimum_A"] == pytest.approx(3.41, abs=0.05)
    assert values["disordered_atoms"] == 2
    table = pd.read_csv(out)
    assert list(table.columns) == [column.name for column in STRUCTURE.outputs[0].columns]
    assert len(table) == 314 and table["coordination_number"].mean() == pytest.approx(values["mean_cn"])
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "table.csv", "table.json", "table.png", "table_atoms.xyz", "table_by_coordination.csv",
        "table_by_coordination.png", "table_gr.csv", "table_gr.png", "table_penetration.csv", "table_penetration.png",
    ]  # fmt: skip
    fits = pd.read_csv(tmp_path / "s" / "table_penetration.csv").set_index("measure")
    assert fits.loc["coordination_number", "penetration_depth_A"] == pytest.approx(values["penetration_depth_A"])
    pairs = pd.read_csv(tmp_path / "s" / "table_gr.csv")
    assert pairs["pairs"].sum() == 314 * 313 // 2


def test_the_atoms_file_holds_every_measure(particle, tmp_path):
    out = tmp_path / "t.csv"
    assert main(["structure", str(particle), "-o", str(out), "--quiet"]) == 0
    table, atoms = pd.read_csv(out), read_atoms(tmp_path / "t_atoms.xyz")
    assert set(table.columns) - {"atom", "element", "x_A", "y_A", "z_A"} <= set(atoms.arrays)
    np.testing.assert_array_equal(atoms.arrays["coordination_number"], table["coordination_number"])
    np.testing.assert_allclose(atoms.positions, table[["x_A", "y_A", "z_A"]], atol=1e-6)
    # an empty word would shift the columns after it
    assert set(atoms.arrays["defect"]) == {"none"} and set(atoms.arrays["structure"]) == {"fcc", "surface"}
    rows = pd.read_csv(tmp_path / "t_by_coordination.csv")
    strain = rows[rows["measure"] == "radial_strain_percent"]
    counts = table["coordination_number"].value_counts()
    assert strain.set_index("coordination_number")["atoms"].to_dict() == counts[counts >= 5].to_dict()
    # the ideal particle has 3.92 Å, and bulk platinum 3.924
    np.testing.assert_allclose(strain["mean"], 100.0 * (3.92 / 3.924 - 1.0), atol=1e-5)


def test_json_without_a_file(particle, capfd):
    code, printed, _ = said(capfd, "structure", particle, "--json")
    values = json.loads(printed)
    assert code == 0 and set(values) == {column.name for column in STRUCTURE.output("structure.json").columns}
    assert values["elements"] == {"Pt": values["atoms"]} and values["disordered_atoms"] == 0
    assert values["lattice_parameter_A"] == pytest.approx(3.92, abs=0.02)


def test_an_element_overrules_the_file(particle, capfd):
    values = json.loads(said(capfd, "structure", particle, "--element", "Au", "--json")[1])
    assert set(values["elements"]) == {"Au"} and values["bulk_lattice_A"] == pytest.approx(4.08)
    assert values["mean_radial_strain_percent"] < -3.0
    code, _, error = said(capfd, "structure", particle, "--element", "Xx", "--json")
    assert code == 2 and "'Xx' is not the symbol of an element" in error


def test_the_published_strain_says_how_much_it_shows(particle, capfd):
    _, printed, _ = said(capfd, "structure", particle, "--strain", "published")
    shown = next(line for line in printed.splitlines() if "share shown" in line)
    assert 0.3 < float(shown.split()[-1]) < 0.9


def test_one_state_of_several(etched, tmp_path, capfd):
    file, which = etched
    third = json.loads(said(capfd, "structure", file, "--state", 3, "--json")[1])
    assert third["file"] == "etched.xyz:3" and third["atoms"] == len(which[2])
    code, _, error = said(capfd, "structure", file, "--state", 4, "--json")
    assert code == 3 and "holds 3 states, and state 4 was asked for" in error


def _in(unit: float) -> Atoms:
    atoms = fcc_sphere("Pt", 12.0)
    atoms.positions *= unit
    return atoms


WRONG = {
    "nanometres.xyz": (0.1, "0.277[0-9]* Å.*in nm"),
    "picometres.xyz": (100.0, "in pm"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("command", ["structure", "compare"])
def test_another_unit_is_refused_with_a_hint(name, command, tmp_path, capfd):
    unit, hint = WRONG[name]
    write_atoms(tmp_path / name, [_in(unit), _in(unit)])
    code, _, error = said(capfd, command, tmp_path / name, "-o", tmp_path / "out", "--quiet")
    assert code == 3 and name in error and re.search(hint, error)
    assert not (tmp_path / "out").exists()


def test_short_pairs_warn(tmp_path, capfd):
    atoms = _in(1.0)
    atoms += Atoms("Pt", positions=[atoms.positions[0] + [1.5, 0.0, 0.0]])
    write_atoms(tmp_path / "short.xyz", atoms)
    code, printed, _ = said(capfd, "structure", tmp_path / "short.xyz", "--json")
    assert code == 0 and any("may be no atom" in note for note in json.loads(printed)["notes"])


def test_wrong_words_and_files(particle, tmp_path, capfd):
    code, _, error = said(capfd, "structure", tmp_path / "none.xyz", "--json")
    assert code == 3 and "does not exist" in error
    code, _, error = said(capfd, "structure", particle, "--show", "coordination", "--json")
    assert code == 2 and "did you mean coordination_number" in error
    code, _, error = said(capfd, "compare", particle, "-o", tmp_path / "c", "--quiet")
    assert code == 3 and "holds one state, and a comparison needs two" in error
    code, _, error = said(capfd, "compare", particle, particle, "-o", tmp_path / "c", "--preset", "kang")
    assert code == 2 and "unknown rule of matching 'kang'" in error and "kang2025" in error
    code, _, error = said(capfd, "compare", particle, particle, "-o", tmp_path / "c.txt")
    assert code == 2 and ".json" in error


def test_the_steps_are_counted_exactly(etched, compared):
    _, which = etched
    values = json.loads((compared / "compare.json").read_text())
    assert values["removed"] == [12, 12] and values["added"] == [0, 0] and values["rearranged"] == [0, 0]
    assert values["kept"] == [len(which[1]), len(which[2])]
    assert values["core_atoms"] == len(which[2])
    # 12 atoms in the 6 s between the middles, of which the windows leave 1 to 11
    assert values["rate_atoms_per_s"] == pytest.approx(-2.0)
    steps = pd.read_csv(compared / "compare_changes.csv")
    assert steps["rate_atoms_per_s"].tolist() == pytest.approx([-2.0, -2.0])
    assert (steps["rate_low_atoms_per_s"] < -12.0).all() and (steps["rate_high_atoms_per_s"] > -12.0 / 11.0).all()
    composition = pd.read_csv(compared / "compare_composition.csv")
    assert composition[["element", "removed"]].to_numpy().tolist() == [["Pt", 12], ["Pt", 12]]


def test_the_tables_and_the_aligned_series_agree(etched, compared):
    _, which = etched
    for file in COMPARE.outputs:
        if file.name.endswith(".csv") and "density" not in file.name:
            assert list(pd.read_csv(compared / file.name).columns) == [column.name for column in file.columns]
    series = read_states(compared / "compare_aligned.xyz")
    assert [(atoms.info["t0"], atoms.info["t1"]) for atoms in series] == [(0, 5), (6, 11), (12, 17)]
    tracks = pd.read_csv(compared / "compare_tracks.csv")
    assert len(tracks) == len(which[0]) and (tracks["first_state"] == 1).all()
    for number, atoms in enumerate(series):
        # the track of an atom is the site it was made from: sites are numbered in the order of the first state
        np.testing.assert_array_equal(atoms.arrays["track"], np.searchsorted(which[0], which[number]))
        gone = 12 if number < 2 else 0
        assert np.count_nonzero(atoms.arrays["is_gone_next"]) == gone
        assert np.count_nonzero(atoms.arrays["until"] == "removed") == gone
        assert np.count_nonzero(atoms.arrays["core"]) == len(which[2])
    # the same noise in all states: aligned atoms lie on each other
    moved = pd.read_csv(compared / "compare_displacements.csv")
    assert len(moved) == len(which[1]) + len(which[2]) and moved["displacement_A"].max() < 0.01
    curves = pd.read_csv(compared / "compare_states.csv")
    assert curves["atoms"].tolist() == [len(each) for each in which]
    assert curves["time_s"].tolist() == [2.5, 8.5, 14.5]


def test_files_without_times_have_no_rates(etched, tmp_path, capfd):
    states = read_states(etched[0])
    files = []
    for number, state in enumerate(states):
        state.info.clear()
        files.append(tmp_path / f"state{number}.xyz")
        write_atoms(files[-1], state)
    words = ["compare", *files, "--json", "-o", tmp_path / "out"]
    values = json.loads(said(capfd, *words)[1])
    assert values["removed"] == [12, 12] and values["sources"] == ["state0.xyz", "state1.xyz", "state2.xyz"]
    assert values["rate_atoms_per_s"] is None and not (tmp_path / "out" / "compare_trends.csv").exists()
    assert values["kind"] == "undetermined" and "--times" in values["reason"] and "--times" in values["notes"][0]


def test_two_states_have_no_kind(etched, tmp_path, capfd):
    states = read_states(etched[0])[:2]
    states[0].info.clear()
    write_atoms(tmp_path / "two.xyz", states)
    words = ["compare", tmp_path / "two.xyz", "--times", "0s:5s,6s:11s", "--preset", "meana2025"]
    code, printed, _ = said(capfd, *words, "-o", tmp_path / "out", "--json")
    values = json.loads(printed)
    assert code == 0 and set(values) == {column.name for column in COMPARE.output("compare.json").columns}
    assert values["kind"] == "undetermined" and "needs at least 3" in values["reason"]
    assert values["runner_up"] is None and values["matching_limit_A"] == pytest.approx(1.1)
    assert values["rate_atoms_per_s"] == pytest.approx(-2.0)
    # 12 atoms in 1 to 11 s, and errors of 1 % of the atoms
    assert values["rate_low_atoms_per_s"] < -12.0 and values["rate_high_atoms_per_s"] > -12.0 / 11.0


@pytest.mark.parametrize("kind", ["EFC", pytest.param("ESC", marks=pytest.mark.slow)])
def test_the_kind_is_named_with_its_evidence(kind, tmp_path, capfd):
    made = simulate_kind_states(kind, np.random.default_rng(5), states=5)
    states = [Atoms(symbols=["Pt"] * len(each), positions=each) for each in made.positions]
    write_atoms(tmp_path / "states.xyz", states)
    pd.DataFrame({"t0_s": made.t0, "t1_s": made.t1}).to_csv(tmp_path / "windows.csv", index=False)
    words = ["compare", tmp_path / "states.xyz", "--times", tmp_path / "windows.csv", "-o", tmp_path / "out", "--json"]
    values = json.loads(said(capfd, *words)[1])
    assert values["kind"] == kind and values["margin"] > 0.1 and values["runner_up"] != kind
    assert values["evidence"]["states"] == 5 and values["evidence"]["atoms_first"] == len(states[0])
    assert values["strain_crystallinity_r"] is None or abs(values["strain_crystallinity_r"]) <= 1.0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"compare.png", "compare_curves.png", "compare_steps.png", "compare_relations.png"} <= names


def _states(*windows: tuple[float, float]) -> list[GivenState]:
    return [
        GivenState(atoms=Atoms("Pt", info={"t0": t0, "t1": t1}), source=f"{number}.xyz")
        for number, (t0, t1) in enumerate(windows)
    ]


def test_times_are_read_from_text_tables_and_files(tmp_path):
    states = _states((0.0, 5.0), (6.0, 11.0))
    found = time_windows(states, None)
    assert found is not None and found.middle.tolist() == [2.5, 8.5]
    found = time_windows(states, "500ms,2s:3s")
    assert found is not None and found.t0.tolist() == [0.5, 2.0] and found.t1.tolist() == [0.5, 3.0]
    states[1].atoms.info.clear()
    assert time_windows(states, None) is None
    for text, error, words in (
        ("0:1,2:3,4:5", UsageError, "3 times were given for 2 states"),
        ("6:7,0:1", InputError, "not in order"),
        ("0:1:2,3", UsageError, "no time window"),
        ("0A,1A", UsageError, "unit"),
    ):
        with pytest.raises(error, match=words):
            time_windows(states, text)
    (tmp_path / "w.csv").write_text("start,stop\n0,1\n2,3\n")
    with pytest.raises(InputError, match="no columns t0_s and t1_s"):
        time_windows(states, tmp_path / "w.csv")
    with pytest.raises(InputError, match="does not exist"):
        time_windows(states, tmp_path / "none.csv")


def test_the_report_has_a_section_of_each(etched, tmp_path):
    leaves = [
        Leaf(
            stage=stage, subject="", folder=tmp_path / stage.name, config=stage.config(),
            inputs={stage.positional[0]: given, "element": "Pt"},
        )
        for stage, given in ((STRUCTURE, etched[0]), (COMPARE, [etched[0]]))
    ]  # fmt: skip
    run_directly(leaves, pool=InlinePool(1, "cpu"), listen=lambda _: None)
    # the first of several states is measured where none is named
    values = json.loads((leaves[0].folder / "out" / "structure.json").read_text())
    assert values["file"] == "etched.xyz:1" and values["atoms"] == len(etched[1][0])
    sections = [leaf.stage.section(leaf.folder) for leaf in leaves]
    assert [len(section.figures) for section in sections] == [4, 4]
    assert all(figure.path.exists() and figure.data.exists() for section in sections for figure in section.figures)
    page = render(Page(title="states", facts={}, chapters=[Chapter(title="all", sections=sections)]), root=tmp_path)
    assert "Kind of dynamics" in page and "hull diameter" in page
    assert command_to_repeat(leaves[1].folder, etched[0].parent).startswith("atomotion compare etched.xyz --element Pt")
