"""The commands denoise and quality with networks: files, models for other movies, refusals, a killed training."""

import json
import os
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
from atomotion.project.direct import working_folder
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.movie import simulate_movie

NETWORK = ["--network-width", "4", "--network-window", "3", "--network-crop", "32", "--network-epochs", "6"]


def simulated(folder: Path, seed: int) -> Path:
    config = MovieConfig(
        diameter=10.0, frames=12, width_px=64, height_px=48, pixel_size=0.3, dose=40.0, atom_contrast=0.2, start="110"
    )
    path = folder / f"movie{seed}.mrcs"
    write_movie(path, simulate_movie(config, np.random.default_rng(seed)).movie)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    """A movie, and its denoised copy with what was written beside it."""
    folder = tmp_path_factory.mktemp("denoised")
    movie = simulated(folder, 0)
    assert main(["denoise", str(movie), "-o", str(folder / "d.mrcs"), "--quiet", *NETWORK]) == 0
    return movie, folder / "d.mrcs"


def test_denoise_writes_movie_model_and_curve(made):
    movie, denoised = made
    found, raw = read_movie(denoised), read_movie(movie)
    assert found.frames.shape == raw.frames.shape
    assert found.pixel_size == raw.pixel_size
    assert found.frame_time == raw.frame_time
    assert found.contrast == raw.contrast
    assert "denoised: hybrid" in found.metadata["processing"]
    assert found.frames[:].std() < 0.6 * raw.frames[:].std()
    names = {path.name for path in denoised.parent.glob("d*")}
    assert names == {"d.mrcs", "d.png", "d_denoise.json", "d_model.pt", "d_training.csv", "d_training.png"}
    info = json.loads((denoised.parent / "d_denoise.json").read_text())
    assert info["frames_each_side"] == 1
    assert info["is_blind"] is True
    assert info["settings"]["network_width"] == 4
    assert pd.read_csv(denoised.parent / "d_training.csv")["best"].any()


def test_model_is_applied_to_another_movie(made, tmp_path, capfd):
    _, denoised = made
    other = simulated(tmp_path, 1)
    model = denoised.parent / "d_model.pt"
    out = tmp_path / "other.tif"
    assert main(["denoise", str(other), "-o", str(out), "--model", str(model), "--quiet"]) == 0
    assert read_movie(out).frames[:].std() < 0.6 * read_movie(other).frames[:].std()
    assert not (tmp_path / "other_training.csv").exists()
    words = ["denoise", str(other), "-o", str(out), "--model"]
    assert main([*words, str(model), "--method", "gaussian"]) == 2
    assert "--model is for networks" in capfd.readouterr().err
    assert main([*words, str(model), "--method", "blindspot"]) == 3
    assert "holds a model of the method hybrid" in capfd.readouterr().err
    assert main([*words, str(other)]) == 3
    assert "is not a model" in capfd.readouterr().err


def test_error_bars_are_written(tmp_path):
    movie = simulated(tmp_path, 2)
    words = ["denoise", str(movie), "-o", str(tmp_path / "p.mrcs"), "--network-loss", "poisson_gaussian", "--quiet"]
    assert main([*words, "--units-per-electron", "1", *NETWORK]) == 0
    sd = read_movie(tmp_path / "p_sd.mrcs").frames[:]
    assert sd.shape == (12, 48, 64)
    assert (sd > 0).all()
    assert sd.mean() < read_movie(movie).frames[:].std()


def test_series_methods(tmp_path):
    movie = simulated(tmp_path, 3)
    for method in ("kpca", "kpca_published", "ppca", "diffusion"):
        out = tmp_path / f"{method}.mrcs"
        assert main(["denoise", str(movie), "-o", str(out), "--method", method, "--quiet"]) == 0
        assert np.isfinite(read_movie(out).frames[:]).all()


def test_quality_refuses_what_is_not_valid(made, capfd):
    movie, denoised = made
    assert main(["quality", str(movie), str(denoised), "--json", "--budget", "0"]) == 0
    values = json.loads(capfd.readouterr().out)
    assert "within the 1 frames on each side" in values["upsnr_published_db"]["refused"]
    assert "--budget 0" in values["upsnr_thinning_db"]["refused"]
    assert values["upsnr_thinning_db"]["value"] is None
    assert "--vacuum" in values["vacuum_snr_raw"]["refused"]
    assert "learned from the very pixels" in values["umse_blind"]["warning"]
    assert values["umse_gaussian"]["value"] > 0
    assert values["units_per_electron"] == pytest.approx(1.0, rel=0.1)
    assert values["disagreement"] is None


def test_quality_of_a_network_is_judged_by_others(made, tmp_path, capfd):
    movie, denoised = made
    out = tmp_path / "q"
    assert main(["quality", str(movie), str(denoised), "-o", str(out), "--budget", "30", "--json"]) == 0
    values = json.loads(capfd.readouterr().out)
    for key in ("umse_thinning", "umse_blind", "against_gaussian_thinning", "lattice_correlation", "vacuum_noise_kept"):
        assert values[key]["refused"] is None, key
        low, high = (values[key]["value"] if values[key][end] is None else values[key][end] for end in ("low", "high"))
        assert low <= values[key]["value"] <= high
    assert values["against_gaussian_thinning"]["verdict"] in ("first", "second", "undecided")
    assert values["vacuum_noise_kept"]["value"] < 0.5
    assert values["disagreement_relative"] > 0
    names = {path.name for path in out.iterdir()}
    assert {"quality.json", "quality.png", "trust.png", "disagreement.mrcs", "disagreement.csv"} <= names


def test_quality_of_a_filter_needs_no_training(tmp_path, capfd):
    movie = simulated(tmp_path, 4)
    smooth = tmp_path / "g.mrcs"
    words = ["--method", "gaussian", "--sigma", "1px", "--sigma-frames", "0", "--quiet"]
    assert main(["denoise", str(movie), "-o", str(smooth), *words]) == 0
    capfd.readouterr()
    assert main(["quality", str(movie), str(smooth), "--json"]) == 0
    values = json.loads(capfd.readouterr().out)
    # a filter of single frames may be judged by its neighbours
    assert values["upsnr_published_db"]["refused"] is None or "moves" in values["upsnr_published_db"]["refused"]
    assert values["umse_thinning"]["refused"] is None
    assert "sees" in values["umse_blind"]["refused"]


def test_quality_without_knowing_the_denoiser(made, tmp_path, capfd):
    movie, denoised = made
    alone = tmp_path / "alone.mrcs"
    alone.write_bytes(denoised.read_bytes())
    assert main(["quality", str(movie), str(alone), "--json"]) == 0
    values = json.loads(capfd.readouterr().out)
    assert "not known" in values["upsnr_adjacent_db"]["refused"]
    assert "not known" in values["upsnr_thinning_db"]["refused"]
    assert values["sum_slope"]["refused"] is None
    other = tmp_path / "short.npy"
    np.save(other, np.ones((3, 48, 64), dtype=np.float32))
    assert main(["quality", str(movie), str(other)]) == 3
    assert "same frames and pixels" in capfd.readouterr().err


def test_component_methods_are_not_run_on_other_frames(tmp_path, capfd):
    movie, out = simulated(tmp_path, 6), tmp_path / "p.mrcs"
    assert main(["denoise", str(movie), "-o", str(out), "--method", "ppca", "--quiet"]) == 0
    capfd.readouterr()
    assert main(["quality", str(movie), str(out), "--json"]) == 0
    values = json.loads(capfd.readouterr().out)
    assert "ppca works on one series as a whole" in values["umse_thinning"]["refused"]
    assert "ppca works on one series as a whole" in values["vacuum_noise_kept"]["refused"]


def test_files_that_say_something_else_are_refused(made, tmp_path, capfd):
    movie, denoised = made
    text, other = tmp_path / "text.json", tmp_path / "other.json"
    text.write_text("no JSON")
    other.write_text('{"polygon": []}')
    out = str(tmp_path / "x.mrcs")
    for wrong, words in ((text, "no JSON object"), (other, "has no 'outlier_frames'")):
        assert main(["denoise", str(movie), "-o", out, "--method", "gaussian", "--noise", str(wrong)]) == 3
        assert words in capfd.readouterr().err
    assert main(["quality", str(movie), str(denoised), "--info", str(other)]) == 3
    assert "is no denoise.json that atomotion wrote" in capfd.readouterr().err


def test_two_frames_without_anything_kept_aside_are_denoised(tmp_path):
    """20 x 20 px hold one block: often none of it is kept aside, and then there is no loss to judge by."""
    movie = tmp_path / "two.npy"
    np.save(movie, np.random.default_rng(0).poisson(4, (2, 20, 20)).astype(np.float32))
    assert main(["denoise", str(movie), "-o", str(tmp_path / "d.mrcs"), "--quiet", *NETWORK]) == 0
    assert pd.read_csv(tmp_path / "d_training.csv")["loss_kept_aside"].isna().all()
    assert np.isfinite(read_movie(tmp_path / "d.mrcs").frames[:]).all()
    assert (tmp_path / "d_training.png").exists()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_training_goes_on_from_its_checkpoint(tmp_path):
    movie, out = simulated(tmp_path, 5), tmp_path / "k.mrcs"
    words = [sys.executable, "-m", "atomotion", "denoise", str(movie), "-o", str(out), "--quiet"]
    words += ["--network-width", "4", "--network-crop", "32", "--network-epochs", "4000", "--budget", "10s"]
    first = subprocess.Popen(words, start_new_session=True)
    checkpoint = working_folder(out) / "denoise" / "work" / "training.pt"
    waited = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < waited:
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert checkpoint.exists()
    from atomotion.io.models import read_state

    steps = read_state(checkpoint)["step"]
    assert steps > 0
    assert not out.exists()
    # the same command goes on; stopped again soon after, it has more steps behind it
    second = subprocess.Popen(words, start_new_session=True)
    more, waited = steps, time.monotonic() + 60
    while more <= steps and time.monotonic() < waited:
        time.sleep(0.2)
        more = read_state(checkpoint)["step"]
    os.killpg(second.pid, signal.SIGKILL)
    second.wait()
    assert more > steps
