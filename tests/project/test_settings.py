"""project.toml: written, read back, and answered when it is wrong."""

from pathlib import Path

import pytest

from atomotion.data import AtomotionError, InputError, UsageError
from atomotion.io.config import MovieSource
from atomotion.order.config import OrderConfig
from atomotion.project.lock import ask_to_stop, only_writer, stop_was_asked
from atomotion.project.settings import MovieEntry, check_tables, load_project, movie_name, write_project


def written(root: Path, **acquisition) -> Path:
    movies = [
        MovieEntry(
            name=name,
            source=MovieSource(path=root.parent / f"{name}.npz", array="particle", **acquisition),
            polygon=root.parent / "P.json",
            vacuum=f"{root.parent / name}.npz:vacuum",
        )
        for name in ("one", "two")
    ]
    return write_project(
        root,
        route="fluxionality",
        sample={"element": "Pt"},
        acquisition=MovieSource(**acquisition),
        movies=movies,
    )


def test_there_and_back(tmp_path):
    root = tmp_path / "study"
    path = written(root, pixel_size=0.358, frame_time=0.0025, contrast="dark", gain=tmp_path / "gain.mrc")
    text = path.read_text()
    assert 'pixel_size = "0.358 Å"' in text
    assert 'gain = "../gain.mrc"' in text
    project = load_project(root)
    assert project.sample == {"element": "Pt"}
    assert [each.name for each in project.movies] == ["one", "two"]
    first = project.movies[0]
    assert first.source == MovieSource(
        path=tmp_path / "one.npz", array="particle", pixel_size=0.358, frame_time=0.0025, contrast="dark",
        gain=tmp_path / "gain.mrc",
    )  # fmt: skip
    assert first.polygon == tmp_path / "P.json"
    assert first.vacuum == f"{tmp_path / 'one.npz'}:vacuum"


def test_a_movie_goes_before_the_acquisition(tmp_path):
    root = tmp_path / "study"
    path = written(root, pixel_size=0.358)
    path.write_text(path.read_text().replace('name = "two"', 'name = "two"\npixel_size = "0.2A"'))
    assert [each.source.pixel_size for each in load_project(root).movies] == [0.358, 0.2]


def test_stage_tables_become_configs(tmp_path):
    root = tmp_path / "study"
    path = written(root)
    path.write_text(path.read_text() + '\n[order]\nsigma = "3px"\ndivisor = 32\n')
    project = load_project(root)
    assert project.config_for("order", OrderConfig) == OrderConfig(sigma_px=3.0, divisor=32.0)
    assert project.config_for("drift", OrderConfig) == OrderConfig()


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("[ordre]\nsigma = 2", r"unknown table \[ordre\] .*; did you mean order\?"),
        ("[order]\nsgima = 2", r"unknown key 'sgima' in \[order\] in .*; did you mean sigma\?"),
        ('[order]\nsigma = "2A"', "unit 'A' is not one of px"),
        ("[[movie]]\nname = 'three'", "has no path"),
        ("[[movie]]\npath = 'x/one.npz'", "two movies .* are called one"),
        ("[[movie]]\npath = 'x'\npixle_size = 3", "did you mean pixel_size?"),
    ],
)
def test_mistakes_are_named(tmp_path, addition, message):
    root = tmp_path / "study"
    path = written(root)
    path.write_text(path.read_text() + f"\n{addition}\n")
    with pytest.raises(UsageError, match=message):
        project = load_project(root)
        check_tables(project, ["noise", "order"])
        project.config_for("order", OrderConfig)


def test_no_project(tmp_path):
    with pytest.raises(InputError, match="atomotion new"):
        load_project(tmp_path)
    (tmp_path / "project.toml").write_text("schema_version = 1\n[[movie]\n")
    with pytest.raises(InputError, match="cannot be read"):
        load_project(tmp_path)
    (tmp_path / "project.toml").write_text("schema_version = 99\n")
    with pytest.raises(InputError, match="schema_version 99"):
        load_project(tmp_path)


def test_a_project_is_not_overwritten(tmp_path):
    written(tmp_path / "study")
    with pytest.raises(UsageError, match="holds a project already"):
        written(tmp_path / "study")


@pytest.mark.parametrize(
    ("path", "name"), [("a/movie.tif", "movie"), ("b.mrc.gz", "b"), ("x y (1).mrcs", "x_y_1"), ("frames", "frames")]
)
def test_names_that_folders_can_have(path, name):
    assert movie_name(Path(path)) == name


def test_two_writers_are_refused(tmp_path):
    assert not ask_to_stop(tmp_path)
    with only_writer(tmp_path):
        with pytest.raises(AtomotionError, match="in use by process"), only_writer(tmp_path):
            pass
        assert not stop_was_asked(tmp_path)
        assert ask_to_stop(tmp_path)
        assert stop_was_asked(tmp_path)
    with only_writer(tmp_path):
        assert not stop_was_asked(tmp_path)
