"""What the command answers where no atoms can be given: the exit code, the reason, and no file of atoms."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import atomotion.tomography.chain as chain
from atomotion.cli import main
from atomotion.data import Movie
from atomotion.io.writer import write_movie
from atomotion.tomography.preparation import prepare

BRIEFLY = ["--element", "Pt", "--diameter", "15", "--start", "fcc", "--no-scan", "--no-half-sets"]
BRIEFLY += ["--resolution", "1.15", "--rounds", "1", "--sweeps", "1", "-q"]


def refused(capfd, images: np.ndarray, pixel_size: float, folder: Path) -> str:
    write_movie(folder / "boxes.mrcs", Movie(frames=images.astype(np.float32), pixel_size=pixel_size))
    code = main(["reconstruct", str(folder / "boxes.mrcs"), *BRIEFLY, "-o", str(folder / "model")])
    errors = capfd.readouterr().err
    assert code == 1, errors
    assert not (folder / "model" / "atoms.xyz").exists()
    return errors


def test_noise(tmp_path, capfd):
    noise = np.random.default_rng(0).normal(size=(60, 64, 64))
    assert "there is no particle in the boxes or too little signal" in refused(capfd, noise, 0.358, tmp_path)


def test_one_orientation(phantom, tmp_path, capfd):
    still = phantom.simulate(60, atoms=120, size=64, seed=3, removed=8, step_deg=0.0)
    assert "from 1.0 distinct directions only" in refused(capfd, still.images, still.pixel_size, tmp_path)


def test_a_run_stuck_on_mixed_copies(tumbling, mixed_copies, tmp_path, capfd, monkeypatch: pytest.MonkeyPatch):
    found = chain.reconstruct

    def stuck(images, config, *, pixel_size, **others):
        result = found(images, config, pixel_size=pixel_size, **others)
        with torch.no_grad():
            observations, _ = prepare(images, config, pixel_size=pixel_size, generator=torch.Generator().manual_seed(0))
            moved = mixed_copies.moved_to(result, np.arange(len(images)) >= len(images) // 2, copy=5)
            return mixed_copies.stuck(observations, replace(result, halves=None), moved)

    monkeypatch.setattr(chain, "reconstruct", stuck)
    assert "copies" in refused(capfd, tumbling.images, tumbling.pixel_size, tmp_path)
    model = tmp_path / "model"
    assert main(["reconstruct", str(tmp_path / "boxes.mrcs"), *BRIEFLY, "--doubtful", "-o", str(model)]) == 0
    assert (model / "atoms.xyz").exists()
    assert json.loads((model / "summary.json").read_text())["trusted"] is False
