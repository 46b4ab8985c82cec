"""``atomotion frames``: what it writes, says, and answers when something is wrong."""

import json

import numpy as np
import pandas as pd
import pytest

from atomotion.cli import main
from atomotion.cli.direct import Command
from atomotion.cli.flags import Run
from atomotion.data import ParticleSeries
from atomotion.frames.config import ClassesConfig, FramesConfig
from atomotion.geometry.rotations import random_quaternions, rotate
from atomotion.io.config import MovieSource
from atomotion.io.series import write_series
from atomotion.particles.ideal import fcc_sphere
from atomotion.project.direct import run_directly
from atomotion.project.pools import InlinePool
from atomotion.scattering import peng_atoms, project_atoms, weak_phase_contrast
from atomotion.stages.frames import STAGE

PIXEL = 0.358


def boxes(count, size=80, seed=0):
    rng = np.random.default_rng(seed)
    atoms = fcc_sphere("Pt", 16.0).positions.astype(np.float32)
    gaussians = peng_atoms(["Pt"] * len(atoms), u_iso=0.008)
    frames = np.empty((count, size, size), dtype=np.float32)
    for index, pose in enumerate(random_quaternions(count, rng)):
        potential = project_atoms(rotate(pose, atoms), gaussians, shape=(size, size), pixel_size=PIXEL)
        image = 1 + weak_phase_contrast(
            potential, pixel_size=PIXEL, voltage=3e5, cs=-1.1e5, defocus=-80.0, focal_spread=10.0
        )
        frames[index] = rng.poisson(np.maximum(image, 0.02) * 6.4)
    return frames


def series_at(path, frames, *, first=0, pixel_size=PIXEL, frame_time=2.5e-3):
    write_series(
        path,
        ParticleSeries(
            images=frames, raw=frames, frame_index=np.arange(first, first + len(frames)),
            centres=np.zeros((len(frames), 2)), pixel_size=pixel_size, frame_time=frame_time, contrast="bright",
        ),
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return series_at(tmp_path_factory.mktemp("tracks") / "particle_01.mrcs", boxes(90), first=40)


def test_it_writes_its_tables_and_says_what_comes_next(series, tmp_path, capfd):
    out = tmp_path / "frames"
    words = ["frames", series, "-o", out, "--element", "Pt", "--windows-given", "0-40,50-90", "-q"]
    assert main([str(each) for each in words]) == 0
    assert {path.name for path in out.iterdir()} == {
        "frames.csv", "windows.csv", "frames.json", "classes.mrcs", "frames.png", "frames_peaks.png", "windows.png",
        "classes.png",
    }  # fmt: skip
    said = capfd.readouterr().out.splitlines()
    assert said[-1].startswith(f"next: atomotion reconstruct {series} --element Pt --windows {out / 'windows.csv'}")
    table = pd.read_csv(out / "frames.csv")
    assert table["frame"].tolist() == list(range(40, 130))
    assert table["time_s"].iloc[0] == pytest.approx(0.1)
    assert table["diameter_A"].mean() == pytest.approx(16.0, rel=0.05)
    assert table["window"].isna().sum() == 10
    windows = pd.read_csv(out / "windows.csv")
    assert windows[["frame_start", "frame_stop"]].to_numpy().tolist() == [[40, 80], [90, 130]]
    assert windows["t1_s"].iloc[0] == pytest.approx(80 * 2.5e-3)
    assert windows["reason"].tolist() == ["given", "given"]
    summary = json.loads((out / "frames.json").read_text())
    assert summary["frames"] == 90
    assert summary["lattice_parameter_A"] == pytest.approx(3.92, rel=0.01)


def test_the_report_has_a_section(series, tmp_path):
    config = FramesConfig(classes=ClassesConfig(frames=0))
    leaf = Command(tmp_path / "o", Run(quiet=True)).stage(STAGE, config, series=MovieSource(path=series))
    run_directly([leaf], pool=InlinePool(1, "cpu"), listen=lambda happening: None)
    found = STAGE.section(leaf.folder)
    assert "frames show the lattice" in found.sentences[0]
    assert [figure.path.name for figure in found.figures] == ["windows.png", "frames_peaks.png", "frames.png"]
    assert len(found.tables[0].rows) == 1


def error_of(capfd, *arguments):
    code = main([str(each) for each in arguments])
    return code, capfd.readouterr().err.strip()


def test_bad_input_is_answered_in_one_sentence_and_nothing_is_lost(series, tmp_path, capfd):
    out = tmp_path / "frames"
    out.mkdir()
    (out / "windows.csv").write_text("mine\n")
    noise = np.random.default_rng(0).poisson(6.0, (80, 64, 64)).astype(np.float32)
    cases = {
        "few": (series_at(tmp_path / "few.mrcs", boxes(8)), "8 boxes"),
        "noise": (series_at(tmp_path / "noise.mrcs", noise), "look like noise"),
        "constant": (series_at(tmp_path / "constant.mrcs", np.full((40, 64, 64), 3.0, np.float32)), "no box"),
        "unscaled": (series_at(tmp_path / "unscaled.mrcs", noise, pixel_size=None), "pass --pixel-size"),
        "coarse": (series_at(tmp_path / "coarse.mrcs", noise, pixel_size=1.5), "cannot show a lattice"),
        "missing": (tmp_path / "missing.mrcs", "does not exist"),
    }
    for name, (path, words) in cases.items():
        code, said = error_of(capfd, "frames", path, "-o", out, "-q")
        assert code == 3, name
        assert words in said and str(path.name) in said, said
        assert len(said.splitlines()) == 1
    assert error_of(capfd, "frames", series, "-o", out, "-q", "--windows-given", "0-900")[0] == 2
    assert [path.name for path in out.iterdir()] == ["windows.csv"]
    assert (out / "windows.csv").read_text() == "mine\n"
