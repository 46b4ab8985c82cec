"""Commands on files: what they write, say, and answer when something is wrong."""

import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest

from atomotion.cli import main
from atomotion.io import read_movie
from atomotion.io.writer import write_movie
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.movie import simulate_movie


@pytest.fixture(scope="module")
def movie(tmp_path_factory) -> Path:
    config = MovieConfig(
        diameter=12.0, frames=10, width_px=80, height_px=72, pixel_size=0.25, dose=64.0, image="transfer",
        atom_contrast=0.15, start="110",
    )  # fmt: skip
    path = tmp_path_factory.mktemp("movies") / "small.mrcs"
    write_movie(path, simulate_movie(config, np.random.default_rng(3)).movie)
    return path


@pytest.fixture
def polygon(tmp_path) -> Path:
    path = tmp_path / "P.json"
    path.write_text(json.dumps({"polygon": [[20, 16], [60, 16], [60, 56], [20, 56]]}))
    return path


def error_of(capfd, *arguments: object) -> tuple[int, str]:
    code = main([str(each) for each in arguments])
    return code, capfd.readouterr().err.strip()


def test_order_writes_its_table_and_says_where(movie, polygon, tmp_path, capfd):
    out = tmp_path / "results" / "pt.csv"
    assert main(["order", str(movie), "--polygon", str(polygon), "-o", str(out)]) == 0
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "pt.csv", "pt.json", "pt.png", "pt_periods.csv", "pt_periods.json", "pt_periods.png", "pt_typical.png",
    ]  # fmt: skip
    last = capfd.readouterr().out.splitlines()[-2:]
    assert last[0].startswith(f"result: {out}")
    assert last[1].startswith("next: atomotion new")
    table = pd.read_csv(out)
    assert table["frame"].tolist() == list(range(10))
    assert table["time_s"].iloc[-1] == pytest.approx(9 * 0.0133)


def test_json_is_all_that_is_printed(movie, polygon, tmp_path, capfd):
    assert main(["order", str(movie), "--polygon", str(polygon), "-o", str(tmp_path / "o.csv"), "--json"]) == 0
    values = json.loads(capfd.readouterr().out)
    assert values["frames"] == 10
    assert values["mean_alps"]["raw"] > 0


def test_quality_prints_without_a_file(movie, capfd):
    assert main(["quality", str(movie), "--json"]) == 0
    values = json.loads(capfd.readouterr().out)
    assert {"units_per_electron", "pixel_lag1", "frame_lag1", "outlier_frames", "warnings"} <= set(values)
    assert values["units_per_electron"] == pytest.approx(1.0, rel=0.05)
    assert main(["quality", str(movie)]) == 0
    assert "units per electron" in capfd.readouterr().out


@pytest.mark.parametrize("ending", [".mrcs", ".tif", ".npz", ".zarr"])
def test_denoise_writes_the_format_that_is_asked_for(movie, tmp_path, ending):
    out = tmp_path / f"denoised{ending}"
    assert (
        main(
            [
                "denoise",
                str(movie),
                "-o",
                str(out),
                "--method",
                "gaussian",
                "--sigma",
                "2px",
                "--sigma-frames",
                "0",
                "--quiet",
            ]
        )
        == 0
    )
    found = read_movie(out)
    assert found.frames.shape == (10, 72, 80)
    assert found.pixel_size == pytest.approx(0.25)
    assert found.contrast == "dark"
    assert "denoised: gaussian" in found.metadata["processing"]
    assert found.frames[:].std() < 0.3 * read_movie(movie).frames[:].std()


def test_a_denoised_movie_is_known_as_such(movie, polygon, tmp_path, capfd):
    denoised = tmp_path / "denoised.mrcs"
    assert main(["denoise", str(movie), "-o", str(denoised), "--method", "gaussian", "--quiet"]) == 0
    assert main(["order", str(denoised), "--polygon", str(polygon), "-o", str(tmp_path / "o.csv"), "--quiet"]) == 0
    assert set(pd.read_csv(tmp_path / "o.csv")["source"]) == {"denoised"}
    assert (
        main(
            [
                "order",
                str(movie),
                "--denoised",
                str(denoised),
                "--polygon",
                str(polygon),
                "-o",
                str(tmp_path / "b.csv"),
                "-q",
            ]
        )
        == 0
    )
    assert list(pd.read_csv(tmp_path / "b.csv")["source"].unique()) == ["raw", "denoised"]


def test_several_movies_make_a_trend(movie, polygon, tmp_path):
    second = tmp_path / "second.mrcs"
    second.write_bytes(movie.read_bytes())
    out = tmp_path / "many"
    assert main(["order", str(movie), str(second), "--polygon", str(polygon), "-o", str(out), "--quiet"]) == 0
    names = {path.name for path in out.iterdir()}
    assert {"trend.csv", "trend.json", "trend.png", "small_order.csv", "second_order.csv", "small_periods.csv"} <= names
    table = pd.read_csv(out / "trend.csv")
    assert sorted(table["movie"]) == ["second", "small"]
    assert table["size_A"].iloc[0] == pytest.approx(2 * np.sqrt(1600 / np.pi) * 0.25)


def test_drift_and_region_feed_order(movie, tmp_path):
    drift, region = tmp_path / "drift.csv", tmp_path / "region.json"
    assert main(["drift", str(movie), "-o", str(drift), "--quiet"]) == 0
    assert main(["region", str(movie), "--drift", str(drift), "-o", str(region), "--quiet"]) == 0
    assert len(json.loads(region.read_text())["polygon"]) >= 3
    out = tmp_path / "o.csv"
    words = ["order", movie, "--polygon", region, "--drift", drift, "-o", out, "--quiet"]
    assert main([str(word) for word in words]) == 0
    again = tmp_path / "periods.csv"
    words = ["periods", out, "--movie", movie, "--polygon", region, "--drift", drift, "-o", again, "--quiet"]
    assert main([str(word) for word in words]) == 0
    assert again.read_text() == (tmp_path / "o_periods.csv").read_text()


def test_info_and_convert(movie, tmp_path, capfd):
    target = tmp_path / "cut.tif"
    words = ["convert", movie, target, "--crop", "10:50,0:40", "--bin", 2, "--last", 4, "--quiet"]
    assert main([str(word) for word in words]) == 0
    capfd.readouterr()
    assert main(["info", str(target), "--json"]) == 0
    values = json.loads(capfd.readouterr().out)
    assert values["shape"] == [4, 20, 20]
    assert values["pixel_sizes_A"]["x"] == pytest.approx(0.5)
    assert main(["info", str(movie)]) == 0
    assert "10 x 72 x 80" in capfd.readouterr().out


def test_dry_run_writes_nothing(movie, tmp_path, capfd):
    assert main(["order", str(movie), "-o", str(tmp_path / "o.csv"), "--dry-run"]) == 0
    assert "would run region" in capfd.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_simulate_and_doctor(tmp_path, capfd):
    out = tmp_path / "sim.mrcs"
    words = ["simulate", "movie", "-o", out, "--recipe", "rotating_pt", "--frames", 3, "--seed", 4, "--quiet"]
    assert main([str(word) for word in words]) == 0
    assert read_movie(out).frames.shape == (3, 128, 128)
    assert len(pd.read_csv(tmp_path / "sim_truth.csv")) == 3
    assert main(["simulate", "particle", "-o", str(tmp_path / "p.xyz"), "--kind", "icosahedron"]) == 0
    capfd.readouterr()
    assert main(["doctor"]) == 0
    assert "torch" in capfd.readouterr().out


WRONG = {
    "missing": (lambda folder: None, "does not exist"),
    "two_dimensional.npy": (lambda path: np.save(path, np.zeros((40, 40))), "one image"),
    "truncated.mrcs": (lambda path: path.write_bytes(_truncated()), "truncated|cut short|expected"),
    "nan.npy": (lambda path: np.save(path, _with(np.nan)), "frame 2 .*not finite.*--bad-frames skip"),
    "constant.npy": (lambda path: np.save(path, _with(7)), "frame 2 .*constant.*--bad-frames skip"),
    "pickle.pkl": (lambda path: path.write_bytes(pickle.dumps([1])), "pickle"),
    "objects.npy": (lambda path: np.save(path, np.array([{}, 1], dtype=object)), "pickle|object"),
    "movie.xyz9": (lambda path: path.write_text("?"), "no known format"),
}


def _with(value: float) -> np.ndarray:
    frames = np.random.default_rng(0).poisson(5.0, (6, 72, 80)).astype(np.float32)
    frames[2] = value
    return frames


def _truncated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mrcs"
        with mrcfile.new(path) as mrc:
            mrc.set_data(np.zeros((6, 40, 40), dtype=np.float32))
        return path.read_bytes()[:20_000]


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_give_one_sentence_and_exit_code_3(name, tmp_path, polygon, capfd):
    make, message = WRONG[name]
    path = tmp_path / name
    make(path)
    code, said = error_of(capfd, "order", path, "--polygon", polygon, "-o", tmp_path / "o.csv", "--quiet")
    assert code == 3
    lines = [line for line in said.splitlines() if line.startswith("atomotion:")]
    assert len(lines) == 1
    assert re.search(message, lines[0]), lines[0]
    assert "Traceback" not in said
    assert not (tmp_path / "o.csv").exists()


def test_bad_frames_can_be_skipped(tmp_path, polygon):
    np.save(tmp_path / "nan.npy", _with(np.nan))
    words = [
        "order",
        tmp_path / "nan.npy",
        "--polygon",
        polygon,
        "--bad-frames",
        "skip",
        "-o",
        tmp_path / "o.csv",
        "-q",
    ]
    assert main([str(word) for word in words]) == 0
    table = pd.read_csv(tmp_path / "o.csv")
    assert table.loc[table["alps"].isna(), "frame"].tolist() == [2]
    assert "not finite" in table.loc[2, "note"]


@pytest.mark.parametrize("value", [np.nan, 7])
def test_denoise_refuses_bad_frames_or_replaces_them(value, tmp_path, capfd):
    np.save(tmp_path / "bad.npy", _with(value))
    words = ["denoise", tmp_path / "bad.npy", "-o", tmp_path / "d.npy", "--method", "gaussian", "--quiet"]
    code, said = error_of(capfd, *words)
    assert code == 3
    assert "frame 2" in said
    assert not (tmp_path / "d.npy").exists()
    assert main([*map(str, words), "--bad-frames", "skip"]) == 0
    assert np.isfinite(np.load(tmp_path / "d.npy")).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["order", "--sgima", "2px"], "sigma"),
        (["order", "--sigma", "2A"], "unit 'A' is not one of px"),
        (["order", "--sigma", "-3"], "--sigma is -3; allowed is 0 to 100 px"),
        (["order", "--null", "possion"], "did you mean poisson?"),
        (["ordre"], "order"),
        (["denoise", "--method", "gauss"], "did you mean gaussian?"),
    ],
)
def test_wrong_usage_is_exit_code_2(words, message, movie, tmp_path, capfd):
    arguments = [words[0], movie, "-o", tmp_path / "o.csv", *words[1:]] if words[0] != "ordre" else words
    code, said = error_of(capfd, *arguments)
    assert code == 2
    assert message in " ".join(said.replace("│", " ").split())


def test_facts_that_are_needed_are_named(tmp_path, polygon):
    np.save(tmp_path / "m.npy", np.random.default_rng(0).poisson(5.0, (6, 72, 80)))
    words = ["order", tmp_path / "m.npy", "--polygon", polygon, "-o", tmp_path / "o.csv", "-q"]
    assert main([str(word) for word in words]) == 0  # no pixel size, no frame time: it runs
    assert pd.read_csv(tmp_path / "o.csv")["time_s"].isna().all()


def test_a_closed_pipe_is_no_error(movie):
    command = f"{sys.executable} -m atomotion info {movie} | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_the_exit_code_reaches_the_shell(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "atomotion", "info", str(tmp_path / "nothing.tif")], capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stderr.startswith("atomotion: ")
    assert os.linesep.join(done.stderr.splitlines()[1:]) == ""
