"""The command boundaries: windows settled by reconstructions that lie in files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase import Atoms

from atomotion.cli import main
from atomotion.geometry.rotations import compose, inverse, random_quaternions, rotate, small_random_quaternions
from atomotion.io.atoms import write_atoms
from atomotion.io.writer import write_movie
from atomotion.simulate import CameraConfig, SurroundingsConfig, recipe, simulate_movie
from atomotion.simulate.movie import SimulatedMovie
from atomotion.stages.frames_outputs import WINDOWS

FRAMES, CHANGE = 200, 110


@pytest.fixture(scope="module")
def boxes(tmp_path_factory) -> tuple[Path, SimulatedMovie]:
    """Boxes of a particle that loses 20 atoms at image 110, without surroundings."""
    config = replace(
        recipe("liquid_cell"), frames=FRAMES, width_px=64, height_px=64, diameter=14.0, dose=200.0,
        diffusion=0.0, drift_walk=0.0, surroundings=SurroundingsConfig(graphene=0, water="none"),
        camera=CameraConfig(mode="counting"), surface_disorder=0.1,
    )  # fmt: skip
    whole = simulate_movie(replace(config, frames=1), np.random.default_rng(2)).particles[0].states[0]
    outermost = np.argsort(whole.positions @ np.array([0.3, 0.5, 0.8]))
    states = [(whole, CHANGE), (whole[np.sort(outermost[:-20])], FRAMES - CHANGE)]
    made = simulate_movie(config, np.random.default_rng(2), states=states)
    path = tmp_path_factory.mktemp("boxes") / "particle_01.mrcs"
    write_movie(path, made.movie)
    return path, made


def windows_file(folder: Path, cuts: list[tuple[int, int]], reason: str = "as it was") -> Path:
    rows = [
        dict.fromkeys((column.name for column in WINDOWS.columns), 50.0)
        | {"window": number, "frame_start": a, "frame_stop": b, "frames": b - a, "reason": reason}
        for number, (a, b) in enumerate(cuts, start=1)
    ]
    pd.DataFrame(rows).to_csv(folder / "windows.csv", index=False)
    return folder / "windows.csv"


def model_files(
    folder: Path, made: SimulatedMovie, number: int, start: int, stop: int, *, trusted: bool = True
) -> Path:
    """What reconstruct writes of a window, made from the truth: in a frame of its own, with errors."""
    rng = np.random.default_rng(number)
    truth = made.particles[0]
    atoms = truth.states[int(np.median(truth.state[start:stop]))].positions
    frame = random_quaternions(1, rng)[0]
    quaternions = compose(truth.poses.quaternions[start:stop], inverse(frame))
    quaternions = compose(small_random_quaternions(stop - start, 2.0, rng), quaternions)
    found = Atoms("Pt" + str(len(atoms)), positions=rotate(frame, atoms + rng.normal(scale=0.08, size=atoms.shape)))
    found.set_array("occupancy", np.ones(len(atoms)))
    found.set_array("position_sigma_A", np.full(len(atoms), 0.08))
    folder.mkdir()
    write_atoms(folder / "atoms.xyz", found)
    columns = {f"q_{axis}": quaternions[:, i] for i, axis in enumerate("wxyz")}
    shifts = truth.poses.shifts[start:stop]
    columns |= {"box": np.arange(start, stop), "dx_A": shifts[:, 0], "dy_A": shifts[:, 1], "z": 20.0}
    pd.DataFrame(columns).to_csv(folder / "poses.csv", index=False)
    summary = {
        "window": number, "frame_start": start, "frame_stop": stop, "trusted": trusted, "element": "Pt",
        "diameter_A": 14.0, "b_factor_A2": 4.0,
    }  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder / "atoms.xyz"


def settled(path: Path, made: SimulatedMovie, folder: Path, cuts: list[tuple[int, int]], *flags: str, reason: str = ""):
    """What the command says, the windows it writes, and its summary."""
    folder.mkdir(exist_ok=True)
    windows = windows_file(folder, cuts, reason or "as it was")
    models = [model_files(folder / f"w{i}", made, i, a, b) for i, (a, b) in enumerate(cuts, start=1)]
    out = folder / "out"
    words = ["boundaries", path, *models, "--windows", windows, "--min-frames", "40", *flags, "-o", out, "-q"]
    assert main([str(word) for word in words]) == 0
    return pd.read_csv(out / "windows.csv"), json.loads((out / "boundaries.json").read_text()), out


def test_a_boundary_goes_to_where_atoms_leave(boxes, tmp_path):
    path, made = boxes
    table, summary, out = settled(path, made, tmp_path, [(0, 80), (80, 200)])
    assert len(table) == 2
    assert abs(table["frame_start"][1] - CHANGE) <= 3
    assert table["frame_stop"][0] == table["frame_start"][1]
    assert summary["kept"] == [None, None]
    assert summary["nearest"] == [1, 2]
    assert "20 atoms go and 0 come" in table["reason"][1]
    evidence = pd.read_csv(out / "evidence.csv")
    assert len(evidence) == FRAMES
    # the images after the change do not want the atoms back, and those before do not want to lose them
    assert (evidence["log_ratio_before"].to_numpy()[CHANGE + 5 :] < 0).mean() > 0.95
    assert (evidence["log_ratio_after"].to_numpy()[: CHANGE - 5] < 0).mean() > 0.95
    assert (out / "boundaries.png").exists()


def test_windows_that_are_right_are_kept(boxes, tmp_path):
    path, made = boxes
    table, summary, _ = settled(path, made, tmp_path, [(0, CHANGE), (CHANGE, 200)])
    assert summary["kept"] == [1, 2]
    assert table["frame_start"].tolist() == [0, CHANGE]


def test_windows_that_a_user_gave_are_kept(boxes, tmp_path):
    path, made = boxes
    _, summary, _ = settled(path, made, tmp_path, [(0, 80), (80, 200)], reason="given")
    assert summary["kept"] == [1, 2]


def test_windows_without_a_believed_model_stay(boxes, tmp_path):
    path, made = boxes
    windows = windows_file(tmp_path, [(0, 80), (80, 200)])
    first = model_files(tmp_path / "w1", made, 1, 0, 80)
    other = model_files(tmp_path / "w2", made, 2, 80, 200, trusted=False)
    words = ["boundaries", path, first, other, "--windows", windows, "-o", tmp_path / "out", "-q"]
    assert main([str(word) for word in words]) == 0
    summary = json.loads((tmp_path / "out" / "boundaries.json").read_text())
    # the second one may be tried again, from the atoms of the first
    assert (summary["kept"], summary["nearest"]) == ([1, None], [1, 1])
    words = ["boundaries", path, other, "--windows", windows, "-o", tmp_path / "none", "-q"]
    assert main([str(word) for word in words]) == 0
    summary = json.loads((tmp_path / "none" / "boundaries.json").read_text())
    assert (summary["kept"], summary["nearest"]) == ([1, 2], [None, None])
    assert "no window has a reconstruction" in summary["notes"][0]
    assert pd.read_csv(tmp_path / "none" / "windows.csv")["frame_start"].tolist() == [0, 80]
