"""Which windows the route tomography reconstructs once, and which a second time."""

import json
from pathlib import Path

import numpy as np
import pytest

from atomotion.cli import main
from atomotion.data import Movie
from atomotion.io.writer import write_movie
from atomotion.project.plan import Leaf
from atomotion.project.settings import Project, load_project
from atomotion.workflows.routes import plan

PARTICLE = "cell/particle_01"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose movie was tracked and cut into two windows."""
    path = tmp_path / "cell.mrcs"
    facts = {"pixel_size": 0.358, "voltage": 300e3, "defocus": -80.0, "frame_time": 2.5e-3, "contrast": "bright"}
    write_movie(path, Movie(frames=np.ones((4, 32, 32), dtype=np.float32), **facts))
    root = tmp_path / "study"
    assert main(["new", str(root), "--movie", str(path), "--route", "tomography", "--element", "Pt"]) == 0
    found = load_project(root)
    finish(leaf_of(found, "track/cell"), "tracks.json", json.dumps({"particles": [{"file": "particle_01.mrcs"}]}))
    finish(leaf_of(found, f"frames/{PARTICLE}"), "windows.csv", "window,frame_start,frame_stop\n1,0,100\n2,100,250\n")
    return found


def leaf_of(project: Project, name: str) -> Leaf:
    return next(leaf for leaf in plan(project) if str(leaf) == name)


def finish(leaf: Leaf, name: str, text: str, state: str = "done") -> None:
    (leaf.folder / "out").mkdir(parents=True, exist_ok=True)
    (leaf.folder / "out" / name).write_text(text)
    (leaf.folder / "status.json").write_text(json.dumps({"state": state}))


def after_frames(project: Project) -> set[str]:
    names = {str(leaf) for leaf in plan(project)}
    return {name for name in names if name.split("/")[0] in ("reconstruct", "boundaries", "structure", "compare")}


FIRST = {
    f"reconstruct/{PARTICLE}/window_01",
    f"reconstruct/{PARTICLE}/window_02",
    f"boundaries/{PARTICLE}",
}  # fmt: skip


def test_structures_wait_for_the_boundaries(project):
    assert after_frames(project) == FIRST
    settling = leaf_of(project, f"boundaries/{PARTICLE}")
    assert settling.tolerant  # one window that cannot be reconstructed does not stop the others


def settle(project: Project, windows: str, **summary: list[int | None]) -> None:
    settled = leaf_of(project, f"boundaries/{PARTICLE}")
    finish(settled, "boundaries.json", json.dumps(summary))
    finish(settled, "windows.csv", f"window,frame_start,frame_stop\n{windows}\n")


def test_only_windows_that_changed_are_reconstructed_again(project):
    settle(project, "1,0,100\n2,100,180\n3,180,250", kept=[1, None, None], nearest=[1, 2, 2])
    inside = ("window_01", "final_02", "final_03")
    again = {f"reconstruct/{PARTICLE}/final_02", f"reconstruct/{PARTICLE}/final_03"}
    measured = {f"structure/{PARTICLE}/{each}" for each in inside}
    assert after_frames(project) == FIRST | again | measured | {f"compare/{PARTICLE}"}
    final = leaf_of(project, f"reconstruct/{PARTICLE}/final_03")
    assert final.inputs["window"] == 3
    assert final.inputs["windows"].leaf.stage.name == "boundaries"
    compared = leaf_of(project, f"compare/{PARTICLE}")
    assert [each.leaf.subject for each in compared.inputs["states"]] == [f"{PARTICLE}/{each}" for each in inside]


def test_a_window_begins_with_its_own_lattice_or_its_neighbours_atoms(project):
    found = json.dumps({"start": "twin"})
    finish(leaf_of(project, f"reconstruct/{PARTICLE}/window_01"), "summary.json", found)
    # the second has no model of its own
    settle(project, "1,0,90\n2,100,250", kept=[None, None], nearest=[1, 1])
    own, other = (leaf_of(project, f"reconstruct/{PARTICLE}/final_0{number}") for number in (1, 2))
    assert "start" not in own.inputs
    assert own.config.start == "twin"
    assert other.inputs["start"].leaf.subject == f"{PARTICLE}/window_01"
    assert other.config.start == "auto"


def test_windows_stay_where_boundaries_cannot_be_settled(project):
    finish(leaf_of(project, f"boundaries/{PARTICLE}"), "boundaries.json", "{}", state="failed")
    measured = {f"structure/{PARTICLE}/window_01", f"structure/{PARTICLE}/window_02"}
    assert after_frames(project) == FIRST | measured | {f"compare/{PARTICLE}"}


def test_the_published_method_has_one_pass(project):
    with (project.root / "project.toml").open("a") as settings:
        settings.write('\n[reconstruct]\nmethod = "published"\n')
    project = load_project(project.root)
    measured = {f"structure/{PARTICLE}/window_01", f"structure/{PARTICLE}/window_02", f"compare/{PARTICLE}"}
    assert after_frames(project) == FIRST - {f"boundaries/{PARTICLE}"} | measured


def test_the_band_is_that_of_the_reconstructions(project):
    with (project.root / "project.toml").open("a") as settings:
        settings.write('\n[reconstruct]\nresolution = "1.4A"\n\n[boundaries]\nlongest = "4A"\n')
    config = leaf_of(load_project(project.root), f"boundaries/{PARTICLE}").config
    assert (config.resolution, config.longest) == (1.4, 4.0)
