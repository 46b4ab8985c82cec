import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomotion.cli.app import main
from atomotion.io.atoms import read_atoms, read_states, write_atoms
from atomotion.io.movie import read_movie
from atomotion.io.star import read_poses
from atomotion.particles import particle


def run(*words: object) -> int:
    return main(["simulate", *[str(word) for word in words]])


def test_a_liquid_cell_with_its_truth(tmp_path: Path, capfd):
    out = tmp_path / "cell.mrcs"
    words = ["movie", "--recipe", "liquid_cell_five_particles", "--frames", 8, "--change", "etching", "--states", 2]
    assert run(*words, "--particles", 2, "--quiet", "-o", out) == 0
    movie = read_movie(out)
    assert movie.frames.shape == (8, 320, 320)
    assert movie.contrast == "bright"
    truth = pd.read_csv(tmp_path / "cell_truth.csv")
    assert list(truth["particle"].value_counts()) == [8, 8]
    poses = read_poses(tmp_path / "cell_poses_01.star")
    second = truth[truth["particle"] == 1]
    assert poses.images[1] == "000002@cell.mrcs"
    np.testing.assert_allclose(poses.poses.shifts, second[["dx_A", "dy_A"]], atol=1e-5)
    quaternions = second[["q_w", "q_x", "q_y", "q_z"]].to_numpy()
    np.testing.assert_allclose(np.abs(np.sum(poses.poses.quaternions * quaternions, axis=1)), 1.0, atol=1e-8)
    np.testing.assert_allclose(second["x_A"] - second["dx_A"], 160 * 0.358, atol=1e-9)
    states = read_states(tmp_path / "cell_atoms_01.xyz")
    assert len(states[0]) - len(states[1]) == 10
    assert states[1].info["t0"] == pytest.approx(0.01)
    assert states[1].info["t1"] == pytest.approx(0.02)
    assert list(second["state"]) == [0] * 4 + [1] * 4
    values = json.loads((tmp_path / "cell_simulate.json").read_text())
    assert values["particles"] == 2
    assert len(values["graphene_deg"]) == 2


def test_what_comes_next_depends_on_the_movie(tmp_path: Path, capfd):
    """Graphene is removed first; without any, order is next. A name with a blank is quoted in the table of poses."""
    small = ["--frames", 2, "--width", 64, "--height", 64, "--diameter", 10]
    assert run("movie", "--recipe", "liquid_cell", *small, "-o", tmp_path / "cell.mrcs") == 0
    assert "next: atomotion background " in capfd.readouterr().out
    assert run("movie", "--recipe", "rotating_pt", *small, "-o", tmp_path / "in vacuum.mrcs") == 0
    assert "next: atomotion order " in capfd.readouterr().out
    assert read_poses(tmp_path / "in vacuum_poses.star").images == ("000001@in vacuum.mrcs", "000002@in vacuum.mrcs")


def test_a_structure_and_a_cameras_curves_from_files(tmp_path: Path, capfd):
    atoms = particle("icosahedron", "Au", 14.0)
    atoms.positions += 30.0
    write_atoms(tmp_path / "given.pdb", atoms)
    (tmp_path / "mtf.txt").write_text("# frequency value\n0.0 1.0\n0.5, 0.6\n1.0  0.2\n")
    words = ["movie", "--recipe", "liquid_cell", "--frames", 2, "--width", 96, "--height", 96, "--quiet"]
    given = ["--structure", tmp_path / "given.pdb", "--mtf", tmp_path / "mtf.txt"]
    assert run(*words, *given, "-o", tmp_path / "m.mrcs") == 0
    shown = read_atoms(tmp_path / "m_atoms.xyz")
    assert set(shown.get_chemical_symbols()) == {"Au"}
    np.testing.assert_allclose(shown.positions.mean(axis=0), 0.0, atol=1e-3)
    assert run(*words, *given, "--camera-mode", "ideal", "-o", tmp_path / "n.mrcs") == 3
    assert "ideal camera has no curves" in capfd.readouterr().err
    (tmp_path / "mtf.txt").write_text("0.0 1.0 3\n")
    assert run(*words, *given, "-o", tmp_path / "n.mrcs") == 3
    assert "3 columns" in capfd.readouterr().err
    (tmp_path / "mtf.txt").write_text("frequency value\n0.0 1.0\n0.5 half\n")
    assert run(*words, *given, "-o", tmp_path / "n.mrcs") == 3
    assert "not frequency and value" in capfd.readouterr().err


def test_multislice_keeps_its_waves(tmp_path: Path, capfd):
    pytest.importorskip("abtem", reason="multislice needs the extra optics")
    words = ["movie", "--recipe", "liquid_cell", "--frames", 2, "--width", 64, "--height", 64, "--diameter", 9]
    words += ["--image", "multislice", "--multislice-phonons", 1, "--multislice-cache", tmp_path / "cache", "--quiet"]
    words += ["--threads", 1]
    assert run(*words, "-o", tmp_path / "a.mrcs") == 0
    kept = list((tmp_path / "cache").iterdir())
    assert len(kept) == 1
    stamp = kept[0].stat().st_mtime_ns
    assert run(*words, "-o", tmp_path / "b.mrcs") == 0
    assert kept[0].stat().st_mtime_ns == stamp
    np.testing.assert_array_equal(read_movie(tmp_path / "a.mrcs").frames[:], read_movie(tmp_path / "b.mrcs").frames[:])


def test_an_adf_image_with_its_counts(tmp_path: Path, capfd):
    assert run("adf", "--diameter", 20, "--dose", "1e6", "-o", tmp_path / "adf.mrcs", "--seed", 3) == 0
    assert "columns" in capfd.readouterr().out
    table = pd.read_csv(tmp_path / "adf_columns.csv")
    assert table["atoms"].sum() == len(read_atoms(tmp_path / "adf_atoms.xyz"))
    image = read_movie(tmp_path / "adf.mrcs").frames[0]
    inside = image[np.rint(table["y_A"] / 0.2).astype(int), np.rint(table["x_A"] / 0.2).astype(int)]
    assert np.corrcoef(inside, table["atoms"])[0, 1] > 0.9


def test_particles_that_change(tmp_path: Path, capfd):
    words = ["particle", "--kind", "stacking_fault", "--change", "growth", "--states", 3, "--changed-atoms", 4]
    assert run(*words, "-o", tmp_path / "p.xyz") == 0
    states = read_states(tmp_path / "p.xyz")
    assert [len(each) - len(states[0]) for each in states] == [0, 4, 8]
    assert "in 3 states" in capfd.readouterr().out
