"""The route from a raw liquid-cell movie to atoms in time."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomotion.cli import main
from atomotion.io.atoms import read_atoms
from atomotion.io.writer import write_movie
from atomotion.project.leaf import read_status
from atomotion.simulate import recipe, simulate_movie
from atomotion.simulate.movie import SimulatedMovie
from atomotion.structure import null_score, score_model

# a filter, since a network has tests of its own; no two-dimensional classes
SETTINGS = """
[denoise]
method = "gaussian"

[frames]
region = false
classes_frames = 0
"""


def project(folder: Path, movie: SimulatedMovie, *arguments: str) -> Path:
    folder.mkdir()
    path = folder / "cell.mrcs"
    write_movie(path, movie.movie)
    root = folder / "study"
    assert main(["new", str(root), "--movie", str(path), "--route", "tomography", "--element", "Pt", *arguments]) == 0
    with (root / "project.toml").open("a") as settings:
        settings.write(SETTINGS)
    return root


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Path, SimulatedMovie]:
    """Two particles in 120 frames, as far as the windows."""
    config = replace(
        recipe("liquid_cell"), frames=120, width_px=224, height_px=160, particles=2, diameter=17.0, rotation_memory=0.0
    )
    movie = simulate_movie(config, np.random.default_rng(3))
    root = project(tmp_path_factory.mktemp("route") / "small", movie)
    assert main(["run", str(root), "--to", "frames", "-q"]) == 0
    return root, movie


def test_every_particle_has_its_own_leaves(small):
    root, movie = small
    assert read_status(root / "stages" / "03_track" / "cell")["state"] == "done"
    for number in (1, 2):
        for stage in ("01_noise", "04_denoise", "05_frames"):
            assert read_status(root / "stages" / stage / "cell" / f"particle_0{number}")["state"] == "done"
    truth = np.stack([each.mass_centres for each in movie.particles])
    tables = [pd.read_csv(root / "stages/03_track/cell/out" / f"particle_0{number}.csv") for number in (1, 2)]
    found = np.stack([each[["x_A", "y_A"]].to_numpy() for each in tables])
    apart = np.linalg.norm(found[:, None] - truth[None], axis=-1).mean(axis=-1)
    assert sorted(apart.argmin(axis=1)) == [0, 1]
    assert apart.min(axis=1).max() < 1.0  # Å


def test_windows_hold_all_frames_of_a_particle_that_does_not_change(small):
    root, _ = small
    windows = pd.read_csv(root / "stages/05_frames/cell/particle_01/out/windows.csv")
    assert windows[["frame_start", "frame_stop"]].to_numpy().tolist() == [[0, 120]]


def test_report_tells_of_every_particle(small):
    root, _ = small
    text = (root / "report.html").read_text()
    assert "cell, particle 01" in text and "cell, particle 02" in text
    assert "graphene" in text.lower()


def test_finished_leaves_are_kept(small, capfd):
    root, _ = small
    assert main(["run", str(root), "--to", "frames", "-q", "--json"]) == 0
    outcomes = json.loads(capfd.readouterr().out)
    assert set(outcomes.values()) == {"kept"}
    assert "frames/cell/particle_02" in outcomes


@pytest.mark.slow
def test_raw_movie_to_compared_states(tmp_path):
    """A particle that loses atoms once: both states come out, with the boundary between them, without any hand work."""
    config = replace(
        recipe("liquid_cell"), frames=500, change="etching", states=2, changed_atoms=60,
        surface_disorder=0.1,
    )  # fmt: skip
    movie = simulate_movie(config, np.random.default_rng(5))
    root = project(tmp_path / "etched", movie)
    assert main(["run", str(root), "-q"]) == 0
    inside = root / "stages/05_frames/cell/particle_01/out"
    proposed = pd.read_csv(inside / "windows.csv")
    assert len(proposed) == 2
    # uneven etching: of twelve boundaries from two-dimensional evidence two were 64 and 88 frames off
    assert abs(int(proposed["frame_start"][1]) - 250) < 100
    settled = root / "stages/07_boundaries/cell/particle_01/out"
    windows = pd.read_csv(settled / "windows.csv")
    assert len(windows) == 2
    # moves by up to five frames are not worth another reconstruction
    assert abs(int(windows["frame_start"][1]) - 250) <= 5
    kept = json.loads((settled / "boundaries.json").read_text())["kept"]
    for number, truth in enumerate(movie.particles[0].states, start=1):
        name = f"window_0{number}" if kept[number - 1] else f"final_0{number}"
        found = read_atoms(root / f"stages/06_reconstruct/cell/particle_01/{name}/out/atoms.xyz")
        score, null = score_model(found.positions, truth.positions), null_score(truth.positions, 3.92)
        assert score.found > max(0.95, null.found)
        assert score.false < 0.02
        assert score.rms < 0.12  # Å
        assert score.surface_found > 0.92
    compared = json.loads((root / "stages/09_compare/cell/particle_01/out/compare.json").read_text())
    assert abs(compared["atoms_first"] - compared["atoms_last"] - 60) <= 12
