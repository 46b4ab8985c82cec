"""The commands background and track: what they write and say, and one sentence where something is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomotion.cli import main
from atomotion.data import Movie
from atomotion.io import read_movie, read_series, write_movie
from atomotion.simulate import recipe, simulate_movie

FRAMES = 48


@pytest.fixture(scope="module")
def cell(tmp_path_factory) -> tuple[Path, Path, object]:
    """A liquid cell with two particles, a denoised copy (a running mean), and the truth."""
    folder = tmp_path_factory.mktemp("cell")
    config = replace(
        recipe("liquid_cell"), frames=FRAMES, particles=2, width_px=384, height_px=256, diameter=18.0, rotation_deg=6.0
    )
    simulated = simulate_movie(config, np.random.default_rng(3))
    movie, frames = simulated.movie, np.asarray(simulated.movie.frames[:])
    write_movie(folder / "movie.mrcs", movie)
    mean = np.stack([frames[max(0, i - 1) : i + 2].mean(axis=0) for i in range(FRAMES)])
    write_movie(folder / "denoised.mrcs", replace(movie, frames=mean, metadata={"processing": "denoised: mean"}))
    return folder / "movie.mrcs", folder / "denoised.mrcs", simulated


def error_of(capfd, *arguments: object) -> tuple[int, str]:
    code = main([str(each) for each in arguments])
    return code, capfd.readouterr().err.strip()


def test_track_writes_boxes_tables_and_pictures(cell, tmp_path, capfd):
    movie, denoised, simulated = cell
    out = tmp_path / "tracks"
    assert main(["track", str(movie), "--denoised", str(denoised), "-o", str(out), "--box", "96px", "--quiet"]) == 0
    last = capfd.readouterr().out.splitlines()
    assert last[-1].startswith(f"next: atomotion reconstruct {out / 'particle_01.mrcs'}")
    summary = json.loads((out / "tracks.json").read_text())
    assert [row["number"] for row in summary["particles"]] == [1, 2]
    assert summary["evidence"] == "lattice"
    truths = np.stack([each.mass_centres for each in simulated.particles], axis=1)
    frames = read_movie(movie).frames
    owners = []
    for number in (1, 2):
        series = read_series(out / f"particle_{number:02d}.mrcs")
        assert series.images.shape == (FRAMES, 96, 96)
        assert series.frame_time == 2.5e-3 and series.defocus == -80.0
        away = np.sqrt(np.mean((series.centres[:, None] - truths[series.frame_index]) ** 2, axis=(0, 2)))
        owners.append(int(away.argmin()))
        assert away.min() < 0.6
        # raw boxes are the movie's own pixels, denoised ones lie on the same centres
        table = pd.read_csv(out / f"particle_{number:02d}.csv")
        row = table.iloc[-1]
        y, x, frame = (int(row[name]) for name in ("box_y_px", "box_x_px", "frame"))
        assert int(series.frame_index[-1]) == frame
        for boxes, whole in ((series.raw, frames), (series.images, read_movie(denoised).frames)):
            np.testing.assert_array_equal(boxes[-1][32:64, 32:64], whole[frame, y + 32 : y + 64, x + 32 : x + 64])
        np.testing.assert_allclose(np.rint(row["x_px"]) - x, 48)
        assert (out / f"particle_{number:02d}.png").stat().st_size > 10_000
    assert sorted(owners) == [0, 1]
    assert (out / "tracks.png").exists()


def test_given_boxes(cell, tmp_path):
    movie, _, simulated = cell
    x, y = np.rint(simulated.particles[1].mass_centres[0] / 0.358).astype(int)
    (tmp_path / "start.box").write_text(f"{x - 40}\t{y - 40}\t80\t80\n")
    pd.DataFrame({"x_px": [float(x)], "y_px": [float(y)]}).to_csv(tmp_path / "start.csv", index=False)
    for name in ("start.box", "start.csv"):
        out = tmp_path / name.replace(".", "_")
        assert main(["track", str(movie), "-o", str(out), "--boxes", str(tmp_path / name), "--quiet"]) == 0
        assert json.loads((out / "tracks.json").read_text())["places_given"] == 1
        series = read_series(out / "particle_01.mrcs")
        truth = simulated.particles[1].mass_centres[series.frame_index]
        assert np.sqrt(np.mean((series.centres - truth) ** 2)) < 0.6
        assert len(list(out.glob("particle_*.mrcs"))) - len(list(out.glob("*_background.mrcs"))) == 1


def test_background_removes_graphene_and_checks_the_pixel_size(cell, tmp_path, capfd):
    movie, _, simulated = cell
    clean = tmp_path / "clean.mrcs"
    assert main(["background", str(movie), "-o", str(clean), "--quiet"]) == 0
    values = json.loads((tmp_path / "clean_background.json").read_text())
    for angle in simulated.graphene_deg:
        assert min(abs((found - angle + 30) % 60 - 30) for found in values["angles_deg"]) < 0.3
    assert values["score_left"] < 7.5 < values["best_score"]
    assert values["graphene_pixel_size_A"] == pytest.approx(0.358, rel=2e-3)
    found = read_movie(clean)
    assert found.frames.shape == read_movie(movie).frames.shape
    assert "graphene removed: inpaint" in found.metadata["processing"]
    assert found.pixel_size == pytest.approx(0.358, rel=1e-6)
    capfd.readouterr()
    code, said = error_of(capfd, "background", movie, "-o", tmp_path / "other.mrcs", "--pixel-size", "0.365A")
    assert code == 0
    assert "the pixel size is 0.365 Å, but graphene says 0.357" in said or "graphene says 0.358" in said
    assert error_of(capfd, "background", movie, "-o", movie)[0] == 2


def test_wrong_input_is_one_sentence(cell, tmp_path, capfd):
    movie = cell[0]
    out = tmp_path / "tracks"

    def refused(*arguments: object) -> str:
        code, said = error_of(capfd, "track", *arguments, "-o", out, "--quiet")
        assert code == 3
        assert len(said.splitlines()) == 1
        assert not out.exists()
        return said

    empty = tmp_path / "empty.mrcs"
    write_movie(empty, Movie(frames=np.zeros((30, 128, 128), dtype=np.uint16), pixel_size=0.358))
    assert "no frame has a picture in it" in refused(empty)
    noise = tmp_path / "noise.mrcs"
    frames = np.random.default_rng(0).poisson(4, (30, 160, 160)).astype(np.uint16)
    write_movie(noise, Movie(frames=frames, pixel_size=0.358))
    assert "no particle was found" in refused(noise)
    unknown = tmp_path / "unknown.mrcs"
    write_movie(unknown, Movie(frames=frames))
    assert "--pixel-size" in refused(unknown)
    assert "box of 300 px is larger than the frames" in refused(movie, "--box", "300px")
    assert "give the denoised movie of the same frames" in refused(movie, "--denoised", noise)
    (tmp_path / "start.box").write_text("9000 10 80 80\n")
    assert "place 1" in refused(movie, "--boxes", tmp_path / "start.box")
    (tmp_path / "start.box").write_text("90 10\n")
    assert "line 1 has 2 numbers" in refused(movie, "--boxes", tmp_path / "start.box")
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "start.csv", index=False)
    assert "its columns are a" in refused(movie, "--boxes", tmp_path / "start.csv")


def test_a_movie_without_graphene_stays_as_it_is(tmp_path, capfd):
    frames = np.random.default_rng(0).poisson(4, (20, 128, 128)).astype(np.float32)
    write_movie(tmp_path / "plain.mrcs", Movie(frames=frames, pixel_size=0.358))
    code, said = error_of(capfd, "background", tmp_path / "plain.mrcs", "-o", tmp_path / "clean.mrcs")
    assert code == 0
    assert "no graphene was found" in said
    found = read_movie(tmp_path / "clean.mrcs")
    np.testing.assert_array_equal(found.frames[:], frames)
    assert "processing" not in found.metadata
