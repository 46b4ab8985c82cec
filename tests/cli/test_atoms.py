"""The command atoms: what it writes, says, and answers when something is wrong."""

import json

import mrcfile
import numpy as np
import pandas as pd
import pytest

from atomotion.cli import main
from atomotion.data import DensityMap
from atomotion.geometry import match_points
from atomotion.io.atoms import read_atoms
from atomotion.io.maps import read_map, write_map
from atomotion.particles import cuboctahedron
from atomotion.project.direct import run_directly
from atomotion.project.plan import Leaf
from atomotion.project.pools import InlinePool
from atomotion.report.html import render
from atomotion.report.page import Chapter, Page
from atomotion.scattering import density_of_atoms, peng_atoms
from atomotion.stages.atoms import STAGE

TRUE = cuboctahedron("Pt", 2).positions + np.array([0.9, -0.6, 0.4])
SIZE, SHAPE = 0.358, (52, 56, 54)
FIRST = (-8.0, -9.5, -10.25)
# the keys that are promised to users
PROMISED = {
    "atoms", "element", "validation_correlation_mean", "validation_correlation_sd", "u_iso_median_A2",
    "fit_resolution_A", "expected_false_atoms", "notes",
}  # fmt: skip


@pytest.fixture(scope="module")
def density(tmp_path_factory):
    """A map of 55 atoms with noise, its origin off the centre."""
    middle = np.array(FIRST) + SIZE * (np.array(SHAPE[::-1]) // 2)
    made = density_of_atoms(TRUE - middle, peng_atoms(["Pt"] * 55, u_iso=0.08), shape=SHAPE, voxel_size=SIZE)
    noise = np.random.default_rng(0).normal(scale=0.01 * made.values.max(), size=SHAPE)
    path = tmp_path_factory.mktemp("map") / "pt.mrc"
    write_map(path, DensityMap(values=made.values + noise, voxel_size=SIZE, origin=FIRST))
    return path


@pytest.fixture(scope="module")
def written(density, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    assert main(["atoms", str(density), "--element", "Pt", "-o", str(folder / "model.xyz"), "--quiet"]) == 0
    return folder


def said(capfd, *words):
    code = main([str(word) for word in words])
    captured = capfd.readouterr()
    return code, captured.out, captured.err.strip()


def test_the_files_hold_the_atoms_where_they_are(written):
    assert sorted(path.name for path in written.iterdir()) == [
        "model.csv", "model.json", "model.pdb", "model.png", "model.xyz", "model_displacements.png",
        "model_simulated.mrc", "model_thresholds.csv", "model_transfer.csv", "model_validation.png",
    ]  # fmt: skip
    atoms, table = read_atoms(written / "model.xyz"), pd.read_csv(written / "model.csv")
    pairs = match_points(atoms.positions, TRUE, 0.1)
    assert len(pairs) == len(atoms) == 55
    np.testing.assert_allclose(table[["x_A", "y_A", "z_A"]], atoms.positions, atol=1e-6)
    for name in ("occupancy", "validation_correlation", "u_iso_A2", "coordination_number"):
        np.testing.assert_allclose(atoms.arrays[name], table[name], atol=1e-7)
    assert table["u_iso_A2"].median() == pytest.approx(0.08, rel=0.05)
    np.testing.assert_allclose(table["b_factor_A2"], 8 * np.pi**2 * table["u_iso_A2"])
    bfactor = read_atoms(written / "model.pdb").arrays["bfactor"]
    np.testing.assert_allclose(bfactor, table["b_factor_A2"], atol=0.006)


def test_the_simulated_map_lies_on_the_measured_one(density, written):
    measured, simulated = read_map(density), read_map(written / "model_simulated.mrc")
    offset = np.rint((np.array(simulated.first_voxel) - measured.first_voxel) / SIZE).astype(int)[::-1]
    np.testing.assert_allclose(np.array(simulated.first_voxel), measured.first_voxel + SIZE * offset[::-1], atol=1e-4)
    part = tuple(slice(start, start + n) for start, n in zip(offset, simulated.values.shape))
    assert np.corrcoef(measured.values[part].ravel(), simulated.values.ravel())[0, 1] > 0.97


def test_json_and_another_property(density, tmp_path, capfd):
    out = tmp_path / "m.xyz"
    code, printed, _ = said(
        capfd, "atoms", density, "--element", "Pt", "--json", "-o", out, "--b-factor", "validation_correlation"
    )
    values = json.loads(printed)
    assert code == 0 and set(values) >= PROMISED and values["atoms"] == 55 and values["notes"] == []
    assert values["validation_correlation_mean"] > 0.95
    table = pd.read_csv(tmp_path / "m.csv")
    assert values["validation_correlation_sd"] == pytest.approx(table["validation_correlation"].std(ddof=0))
    bfactor = read_atoms(tmp_path / "m.pdb").arrays["bfactor"]
    np.testing.assert_allclose(bfactor, table["validation_correlation"], atol=0.006)


def with_voxel_size(path, values, size):
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(values.astype(np.float32))
        file.set_volume()
        file.voxel_size = size
    return path


def test_a_voxel_size_that_the_file_lacks(density, tmp_path, capfd):
    values = read_map(density).values
    path = with_voxel_size(tmp_path / "none.map", values, 0.0)
    code, _, error = said(capfd, "atoms", path, "--element", "Pt", "-q")
    assert code == 3 and "voxel size is missing" in error and "--voxel-size" in error
    code, printed, _ = said(capfd, "atoms", path, "--element", "Pt", "--voxel-size", "0.0358nm", "--json")
    assert code == 0 and json.loads(printed)["atoms"] == 55
    one = with_voxel_size(tmp_path / "one.mrc", values, 1.0)
    code, _, error = said(capfd, "atoms", one, "--element", "Pt", "-q")
    assert code == 3 and "check the voxel size" in error
    code, _, error = said(capfd, "atoms", path, "--element", "Pt", "--voxel-size", "0", "-q")
    assert code == 2 and "0.358A" in error


def one_sentence(error):
    return error.startswith("atomotion: ") and "\n" not in error and "Traceback" not in error


def test_what_cannot_be_done_is_said_in_one_sentence(density, tmp_path, capfd):
    text = tmp_path / "words.mrc"
    text.write_text("these are words\n" * 200)
    noise = with_voxel_size(tmp_path / "noise.mrc", np.random.default_rng(0).normal(size=(48,) * 3), SIZE)
    empty = with_voxel_size(tmp_path / "empty.mrc", np.zeros((48,) * 3), SIZE)
    wrong = [
        ([text, "--element", "Pt"], 3, "no MRC file at all"),
        ([tmp_path / "no.mrc", "--element", "Pt"], 3, "does not exist"),
        ([empty, "--element", "Pt"], 3, "the map is empty"),
        ([noise, "--element", "Pt"], 3, "no atoms were found"),
        ([density], 2, "pass --element"),
        ([density, "--element", "Xx"], 2, "'Xx' is not the symbol of an element"),
        ([density, "--element", "Pt", "--b-factor", "u_iso"], 2, "did you mean"),
        ([density, "--element", "Pt", "--threshold", "7"], 2, "--threshold"),
    ]
    for words, exit_code, sentence in wrong:
        code, _, error = said(capfd, "atoms", *words, "-o", tmp_path / "o" / "x.xyz", "-q")
        assert code == exit_code and sentence in error and one_sentence(error), error
    assert not (tmp_path / "o" / "x.xyz").exists()


def test_options_of_the_paper(density, capfd):
    words = ["--search", "published", "--validation-cut", "2", "--coordination", "capped", "--positions", "mass",
             "--least-neighbours", "3", "--occupancy", "shared"]  # fmt: skip
    code, printed, _ = said(capfd, "atoms", density, "--element", "Pt", *words, "--json")
    values = json.loads(printed)
    assert code == 0 and values["coordination_threshold"] > 0 and values["thresholds_tried"] >= 28
    assert values["atoms"] + values["validation_removed"] + values["lonely_removed"] == 55


def test_the_report_has_pictures_and_numbers(density, tmp_path):
    leaf = Leaf(stage=STAGE, subject="m", folder=tmp_path / "leaf", config=STAGE.config(),
                inputs={"map": density, "element": "Pt"})  # fmt: skip
    run_directly([leaf], pool=InlinePool(1), listen=lambda happening: None)
    section = STAGE.section(leaf.folder)
    assert [figure.path.name for figure in section.figures] == [
        "atoms.png", "atoms_validation.png", "atoms_displacements.png",
    ]  # fmt: skip
    assert "55 atoms of Pt" in section.sentences[0]
    page = render(Page(title="t", facts={}, chapters=[Chapter(title="m", sections=[section])]), root=tmp_path)
    assert "validation correlation" in page and "data:image/png" in page
