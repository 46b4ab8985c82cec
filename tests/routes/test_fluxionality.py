"""The route from a raw movie to its report: end to end, stopped, killed, moved, with a broken movie beside."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomotion.cli import main
from atomotion.io import read_movie
from atomotion.io.writer import write_movie
from atomotion.project.repeat import command_to_repeat
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.movie import simulate_movie

STAGES = ("noise", "drift", "region", "denoise", "quality", "order", "periods")


def atomotion(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "atomotion", *map(str, arguments)], capture_output=True, text=True, timeout=300
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def start(*arguments: object) -> subprocess.Popen[str]:
    """The program in the background, with a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "atomotion", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=os.name == "posix",
    )


def states(project: Path) -> dict[str, dict]:
    """The status of every leaf of the project, by stage and subject."""
    found = {}
    for path in sorted((project / "stages").glob("*/*/status.json")):
        stage = path.parts[-3].split("_", 1)[1]
        found[f"{stage}/{path.parts[-2]}"] = json.loads(path.read_text())
    return found


@pytest.fixture(scope="session")
def movie(tmp_path_factory) -> Path:
    """48 frames of a particle that melts in the middle."""
    config = MovieConfig(
        diameter=14.0, frames=48, width_px=112, height_px=112, pixel_size=0.25, dose=64.0, image="transfer",
        atom_contrast=0.15, start="110", cone_deg=2.0, rotation_deg=0.2, drift_walk=0.02, periods="16 16 16",
    )  # fmt: skip
    path = tmp_path_factory.mktemp("movies") / "small.mrcs"
    write_movie(path, simulate_movie(config, np.random.default_rng(1)).movie)
    return path


def new_project(folder: Path, *movies: Path) -> Path:
    """A project of the movies, with a polygon and a vacuum, so that a test does not hang on finding them."""
    polygon, vacuum = folder.with_name("polygon.json"), folder.with_name("vacuum.json")
    polygon.write_text(json.dumps({"polygon": [[28, 28], [84, 28], [84, 84], [28, 84]]}))
    vacuum.write_text(json.dumps({"polygon": [[1, 1], [110, 1], [110, 20], [1, 20]]}))
    given = [word for movie in movies for word in ("--movie", str(movie))]
    assert main(["new", str(folder), *given, "--polygon", str(polygon), "--vacuum", str(vacuum)]) == 0
    # a filter: seconds, and the same numbers every time; networks have tests of their own
    with (folder / "project.toml").open("a") as settings:
        settings.write('\n[denoise]\nmethod = "gaussian"\n')
    return folder


@pytest.fixture(scope="session")
def finished(movie, tmp_path_factory) -> Path:
    """A project that ran to its end undisturbed."""
    folder = new_project(tmp_path_factory.mktemp("undisturbed") / "study", movie)
    atomotion("run", folder)
    return folder


def result(project: Path, stage: str, name: str, movie: str = "small") -> Path:
    return next((project / "stages").glob(f"*_{stage}")) / movie / "out" / name


def test_the_route_ends_in_a_report(finished):
    assert {each["state"] for each in states(finished).values()} == {"done"}
    table = pd.read_csv(result(finished, "order", "order.csv"))
    assert list(table["source"].unique()) == ["raw", "denoised"]
    denoised = table[table["source"] == "denoised"].set_index("frame")["alps_relative"]
    ordered, molten = denoised.drop(range(13, 35)), denoised.loc[19:28]
    assert ordered.mean() > molten.mean() + 0.3
    periods = pd.read_csv(result(finished, "periods", "periods.csv"))
    assert periods["label"].tolist() == ["ordered", "disordered", "ordered"]
    np.testing.assert_allclose(periods["frame_start"].tolist(), [0, 16, 32], atol=3)
    assert json.loads(result(finished, "periods", "periods.json").read_text())["kind"] == "changing"


def test_the_report_is_one_file_without_network(finished):
    text = (finished / "report.html").read_text()
    for outside in ("http://", "https://", 'src="/', "<script src", "<link"):
        assert outside not in text.replace("data:text", "").replace("https://www.w3.org", "")
    assert text.count("data:image/png;base64") >= 7
    assert "data:text/csv;base64" in text
    assert "atomotion order" in text
    for warning in states(finished)["noise/small"]["warnings"]:
        assert warning.split(":")[0].replace("'", "&#39;") in text


def test_its_commands_repeat_the_numbers(finished, tmp_path):
    folder = result(finished, "order", "order.csv").parents[1]
    words = command_to_repeat(folder, finished).split()
    assert words[:2] == ["atomotion", "order"]
    here = Path.cwd()
    os.chdir(finished)
    try:
        assert main([*words[1:-1], str(tmp_path / "order.csv"), "--quiet"]) == 0
    finally:
        os.chdir(here)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "order.csv"), pd.read_csv(folder / "out" / "order.csv"))


def test_nothing_is_done_twice(finished):
    before = states(finished)
    assert "kept" in atomotion("run", finished).stdout
    assert states(finished) == before


def test_a_moved_project_is_still_finished(finished, tmp_path, movie):
    moved = tmp_path / "elsewhere" / "study"
    moved.parent.mkdir()
    shutil.copytree(finished, moved)
    text = (moved / "project.toml").read_text()
    for path, name in ((movie, "small.mrcs"), (finished.with_name("polygon.json"), "polygon.json")):
        shutil.copy(path, moved.parent / name)
        text = text.replace(os.path.relpath(path, finished), f"../{name}")
    shutil.copy(finished.with_name("vacuum.json"), moved.parent / "vacuum.json")
    (moved / "project.toml").write_text(text)
    assert "8 kept" in atomotion("run", moved).stdout


def kill_when(process, project: Path, stage: str, delay: float) -> None:
    """SIGKILL the program and leave its workers to notice, `delay` seconds after the stage has begun."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        state = states(project).get(f"{stage}/small", {"state": "new"})["state"]
        if state in ("running", "done"):
            time.sleep(delay)
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL needs a POSIX system")
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment_it_finishes_with_the_same_numbers(finished, movie, tmp_path, seed):
    rng = np.random.default_rng(seed)
    project = new_project(tmp_path / "study", movie)
    for stage in rng.choice(STAGES, 2, replace=False):
        kill_when(start("run", project), project, str(stage), float(rng.uniform(0, 0.5)))
    interrupted = states(project)
    atomotion("run", project)
    after = states(project)
    assert {each["state"] for each in after.values()} == {"done"}
    for name, status in interrupted.items():
        if status["state"] == "done":
            assert after[name]["started"] == status["started"], f"{name} was done twice"
    for stage, name in (("order", "order.csv"), ("periods", "periods.csv"), ("drift", "drift.csv")):
        pd.testing.assert_frame_equal(
            pd.read_csv(result(project, stage, name)), pd.read_csv(result(finished, stage, name))
        )
    assert (
        result(project, "denoise", "denoised.mrcs").read_bytes()
        == result(finished, "denoise", "denoised.mrcs").read_bytes()
    )
    assert (project / "report.html").exists()


@pytest.mark.skipif(os.name != "posix", reason="SIGINT needs a POSIX system")
def test_ctrl_c_and_stop_end_it_with_130(movie, tmp_path):
    # several movies, so that there is something left to stop however fast the machine is
    copies = [Path(shutil.copy(movie, tmp_path / f"movie_{number}.mrcs")) for number in range(4)]
    project = new_project(tmp_path / "study", *copies)
    process = start("run", project)
    while not states(project):
        time.sleep(0.02)
    second = atomotion("run", project, check=False)
    assert second.returncode == 1
    assert "in use by process" in second.stderr
    assert atomotion("stop", project).stdout == "asked to stop\n"
    assert process.wait(30) == 130
    process = start("run", project)
    deadline = time.monotonic() + 60
    while "running" not in {each["state"] for each in states(project).values()} and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert "stopped" in {each["state"] for each in states(project).values()}
    assert atomotion("stop", project).stdout == "nothing is running\n"


def test_one_broken_movie_costs_only_itself(movie, tmp_path):
    broken = tmp_path / "broken.npy"
    np.save(broken, np.full((12, 112, 112), np.nan, dtype=np.float32))
    project = new_project(tmp_path / "study", movie, broken)
    done = atomotion("run", project, check=False)
    assert done.returncode == 1
    found = states(project)
    assert {found[f"{stage}/small"]["state"] for stage in STAGES} == {"done"}
    assert found["noise/broken"]["state"] == "failed"
    assert found["order/broken"]["state"] == "blocked"
    assert found["trend/all"]["state"] == "done"
    assert "broken" in (project / "report.html").read_text()


def test_bad_frames_cost_a_frame_each(tmp_path, movie):
    frames = read_movie(movie).frames[:].copy()
    frames[5], frames[20] = np.nan, 0
    np.savez(tmp_path / "bad.npz", frames=frames)
    project = new_project(tmp_path / "study", tmp_path / "bad.npz")
    atomotion("run", project)
    table = pd.read_csv(result(project, "order", "order.csv", "bad"))
    raw = table[table["source"] == "raw"]
    assert set(raw.loc[raw["alps"].isna(), "frame"]) == {5, 20}
    assert set(json.loads(result(project, "noise", "noise.json", "bad").read_text())["outlier_frames"]) == {5, 20}


def test_the_measured_movie(data_dir, tmp_path):
    """No pixel size is known: the route runs, and says what is missing for what."""
    source = data_dir / "pt_ceo2_movie" / "movie.npz"
    reference = json.loads((data_dir / "pt_ceo2_movie" / "reference.json").read_text())
    polygon = tmp_path / "P.json"
    polygon.write_text(json.dumps({"polygon": reference["polygon_xy"]}))
    done = atomotion(
        "new", tmp_path / "study", "--movie", source, "--array", "particle", "--polygon", polygon,
        "--vacuum", f"{source}:vacuum", "--contrast", "dark",
    )  # fmt: skip
    assert "pixel size is not known" in done.stdout
    assert "frame time is not known" in done.stdout
    toml = tmp_path / "study" / "project.toml"
    short = '\n[denoise]\nbudget = "20 s"\n[quality]\nbudget = "20 s"\n'
    toml.write_text(toml.read_text() + "\n[order]\ndivisor = 32\n" + short)
    atomotion("run", tmp_path / "study")
    table = pd.read_csv(result(tmp_path / "study", "order", "order.csv", "movie"))
    raw = table[table["source"] == "raw"]
    assert raw["time_s"].isna().all()
    values = json.loads(result(tmp_path / "study", "noise", "noise.json", "movie").read_text())
    assert values["units_per_electron"] == pytest.approx(32.6, rel=0.02)
    assert values["pixel_lag1"] == pytest.approx(-0.01, abs=0.005)
    assert (tmp_path / "study" / "report.html").stat().st_size > 500_000
