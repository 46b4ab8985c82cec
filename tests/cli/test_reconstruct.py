"""The command reconstruct: what it writes, and what it answers where no atoms can be given."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from atomotion.cli import main
from atomotion.data import Movie
from atomotion.io.atoms import read_atoms
from atomotion.io.maps import read_map
from atomotion.io.star import read_poses
from atomotion.io.writer import write_movie
from atomotion.simulate import CameraConfig, SurroundingsConfig, recipe, simulate_movie
from atomotion.stages.reconstruct_results import section
from atomotion.structure import null_score, score_model


def said(capfd, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capfd.readouterr()
    return code, captured.out, captured.err.strip()


@pytest.fixture(scope="module")
def boxes(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """150 boxes of a small particle that stays in the middle, without surroundings, and its atoms."""
    config = replace(
        recipe("liquid_cell"), frames=150, width_px=80, height_px=80, diameter=15.0, dose=400.0,
        diffusion=0.0, drift_walk=0.0, surroundings=SurroundingsConfig(graphene=0, water="none"),
        camera=CameraConfig(mode="counting"), surface_disorder=0.1,
    )  # fmt: skip
    made = simulate_movie(config, np.random.default_rng(2))
    path = tmp_path_factory.mktemp("boxes") / "particle_01.mrcs"
    write_movie(path, made.movie)
    return path, made.particles[0].states[0].positions


def test_atoms_come_out_in_all_files(boxes, tmp_path, capfd):
    path, truth = boxes
    out = tmp_path / "model"
    code, text, errors = said(capfd, "reconstruct", path, "--element", "Pt", "--diameter", "15", "-o", out, "-q")
    assert code == 0, errors
    assert "next: atomotion structure" in text
    atoms = read_atoms(out / "atoms.xyz")
    score, null = score_model(atoms.positions, truth), null_score(truth, 3.92)
    assert score.found > max(0.95, null.found - 0.02) and score.false < 0.05
    assert score.rms < 0.1  # Å
    assert (atoms.arrays["position_sigma_A"] > 0).all()
    assert len(read_poses(out / "poses.star").poses) == 150
    assert read_map(out / "density.mrc").half1 is not None
    summary = json.loads((out / "summary.json").read_text())
    assert summary["atoms"] == len(atoms)
    assert summary["trusted"] is True
    assert 4.0 < summary["rotation_step_deg"] < 9.0
    assert (out / "density.png").exists()
    # what was not seen, and what it makes of the atoms, is said in words
    (tmp_path / "leaf").mkdir()
    (tmp_path / "leaf" / "out").symlink_to(out)
    _, unseen = section(tmp_path / "leaf").sentences
    assert unseen.startswith(f"{summary['unseen_directions_fraction']:.0%} of all directions have no view within 10°")
    assert f"{summary['facts']['uncertain_atoms']} atoms are uncertain by more than 0.2 Å" in unseen


def test_the_published_method_says_that_it_tests_nothing(boxes, tmp_path, capfd):
    path, _ = boxes
    out = tmp_path / "model"
    words = ["--method", "published", "--published-directions", "300", "--published-coarse", "150"]
    words += ["--published-rounds", "1", "--published-iterations", "2", "--element", "Pt", "--diameter", "15"]
    code, text, errors = said(capfd, "reconstruct", path, *words, "-o", out)
    assert code == 0, errors
    assert "tests no lattice copies" in errors
    assert "nan" not in text
    summary = json.loads((out / "summary.json").read_text())
    assert summary["method"] == "published" and summary["trusted"] is None
    assert summary["held_out_z"] is None and summary["half_atom_agreement"] is None
    assert summary["atoms"] == len(read_atoms(out / "atoms.xyz")) > 50
    assert len(read_poses(out / "poses.star").poses) == 150


def test_a_camera_curve_is_applied(boxes, tmp_path, capfd):
    path, _ = boxes
    curve = tmp_path / "mtf.txt"
    curve.write_text("# frequency, transfer\n0 1\n1 0.0001\n", encoding="utf-8")
    words = ["reconstruct", path, "--element", "Pt", "--diameter", "15", "--rounds", "2", "--no-half-sets", "-q"]
    words += ["--start", "fcc", "--no-scan"]
    factors = []
    for name, more in (("with", ["--mtf", curve]), ("without", [])):
        code, _, errors = said(capfd, *words, *more, "-o", tmp_path / name)
        assert code == 0, errors
        factors.append(json.loads((tmp_path / name / "summary.json").read_text())["b_factor_A2"])
    # what the camera blurs is no longer taken for displacement
    assert factors[0] < factors[1] - 3.0
    code, _, errors = said(capfd, *words, "--mtf", tmp_path / "none.txt", "-o", tmp_path / "x")
    assert code == 3 and "none.txt does not exist" in errors


def test_denoised_boxes_have_to_exist(boxes, tmp_path, capfd):
    path, _ = boxes
    words = ["reconstruct", path, "--element", "Pt", "--diameter", "15", "--boxes", "denoised", "-o", tmp_path / "x"]
    code, _, errors = said(capfd, *words)
    assert code == 3 and "atomotion denoise" in errors


def test_wrong_input_is_said_in_one_sentence(boxes, tmp_path, capfd):
    path, _ = boxes
    windows = tmp_path / "windows.csv"
    windows.write_text("window,frame_start,frame_stop,diameter_A\n1,0,100,15\n2,100,150,15\n")
    code, _, errors = said(capfd, "reconstruct", path, "--windows", windows, "--window", 7, "-o", tmp_path / "m", "-q")
    assert code == 3 and "1, 2, not 7" in errors
    code, _, errors = said(capfd, "reconstruct", path, "--window", 1, "-o", tmp_path / "m", "-q")
    assert code == 3 and "--windows" in errors
    windows.write_text("a,b\n1,2\n")
    code, _, errors = said(capfd, "reconstruct", path, "--windows", windows, "-o", tmp_path / "m", "-q")
    assert code == 3 and "no table of windows" in errors
    bare = tmp_path / "bare.mrcs"
    write_movie(bare, Movie(frames=np.ones((50, 32, 32), np.float32)))
    code, _, errors = said(capfd, "reconstruct", bare, "-o", tmp_path / "m", "-q")
    assert code == 3 and "--pixel-size" in errors
    assert not (tmp_path / "m").exists()
