"""``project.toml``: the sample, the acquisition, the movies, the route and the parameters of its stages."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atomotion.data import InputError, UsageError, from_mapping, parameters_of, to_mapping
from atomotion.io.config import MovieSource, with_paths

SCHEMA_VERSION = 1
_TABLES = ("schema_version", "route", "sample", "acquisition", "movie", "cluster")
# facts of one movie only, which make no sense for all of them
_OWN_FACTS = ("path", "array")


@dataclass(frozen=True, kw_only=True, slots=True)
class MovieEntry:
    """A ``[[movie]]`` entry: the movie, and what the user knows of its parts.

    Parameters
    ----------
    name : str
        Unique in the project; names the movie's folders.
    source : MovieSource
        With the facts of ``[acquisition]`` where the entry has none of its own.
    polygon : Path or None
        The particle's outline.
    vacuum : str or None
        A polygon file of an empty region, or ``FILE[:ARRAY]`` with frames of one.
    """

    name: str
    source: MovieSource
    polygon: Path | None = None
    vacuum: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project folder as ``project.toml`` describes it; paths are whole."""

    root: Path
    route: str
    movies: tuple[MovieEntry, ...]
    sample: Mapping[str, Any] = field(default_factory=dict)
    stage_tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cluster: Mapping[str, Any] = field(default_factory=dict)

    def config_for(self, stage: str, config: type) -> Any:
        """The parameters of a stage: its table in ``project.toml`` over the defaults."""
        return from_mapping(
            config, self.stage_tables.get(stage, {}), where=f"[{stage}] in {self.root / 'project.toml'}"
        )


def load_project(root: Path) -> Project:
    """Read ``project.toml``.

    Raises
    ------
    InputError
        Where there is none, or it is no TOML.
    UsageError
        For an unknown table or key, naming the nearest one.
    """
    path = root / "project.toml"
    try:
        values = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(
            f"{root} is no project: it has no project.toml; make one with: atomotion new {root} --movie M"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    version = values.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(f"{path} has schema_version {version}; this program reads {SCHEMA_VERSION}")
    shared = dict(values.get("acquisition", {}))
    for key in _OWN_FACTS:
        if key in shared:
            raise UsageError(f"{key} in [acquisition] of {path} belongs in a [[movie]] entry")
    entries = values.get("movie", [])
    if not entries:
        raise InputError(f'{path} names no movie; add a [[movie]] entry with path = "..."')
    movies = tuple(_entry(dict(each), shared, root) for each in entries)
    names = [each.name for each in movies]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise UsageError(f"two movies in {path} are called {doubled[0]}; give them names of their own")
    return Project(
        root=root,
        route=values.get("route", "fluxionality"),
        movies=movies,
        sample=values.get("sample", {}),
        stage_tables={key: table for key, table in values.items() if key not in _TABLES},
        cluster=values.get("cluster", {}),
    )


def check_tables(project: Project, stages: Sequence[str]) -> None:
    """Raise `UsageError` for a table of ``project.toml`` that is neither a stage of the route nor known."""
    for name in project.stage_tables:
        if name not in stages:
            nearest = difflib.get_close_matches(name, [*stages, *_TABLES], n=1, cutoff=0.4)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise UsageError(f"unknown table [{name}] in {project.root / 'project.toml'}{hint}")


def _entry(values: dict[str, Any], shared: dict[str, Any], root: Path) -> MovieEntry:
    where = f"[[movie]] in {root / 'project.toml'}"
    name = values.pop("name", None)
    polygon, vacuum = values.pop("polygon", None), values.pop("vacuum", None)
    if "path" not in values:
        raise UsageError(f"{where} has no path")
    source = from_mapping(MovieSource, {**shared, **values}, where=where)
    source = with_paths(source, lambda path: _inside(root, path))
    assert source.path is not None
    return MovieEntry(
        name=name or movie_name(source.path),
        source=source,
        polygon=_inside(root, polygon) if polygon else None,
        vacuum=_vacuum_inside(root, vacuum) if vacuum else None,
    )


def _inside(root: Path, path: str | Path) -> Path:
    return Path(os.path.normpath(root / path))


def _vacuum_inside(root: Path, vacuum: str) -> str:
    return str(_inside(root, vacuum))


def movie_name(path: Path) -> str:
    """A name for a movie that can be a folder's: its file name without endings and odd characters."""
    stem = path.name
    for ending in (".gz", *path.suffixes):
        stem = stem.removesuffix(ending)
    return re.sub(r"[^\w.-]+", "_", stem).strip("_.") or "movie"


def write_project(
    root: Path,
    *,
    route: str,
    sample: Mapping[str, Any],
    acquisition: MovieSource,
    movies: Sequence[MovieEntry],
    stages: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Make the folder and its ``project.toml``; `stages` are parameters of stages that are not the defaults.

    Raises
    ------
    UsageError
        Where the folder holds a project already.
    """
    path = root / "project.toml"
    if path.exists():
        raise UsageError(f"{root} holds a project already; edit {path} or choose another folder")
    root.mkdir(parents=True, exist_ok=True)
    lines = [f"schema_version = {SCHEMA_VERSION}", f"route = {_toml(route)}", ""]
    if sample:
        lines += ["[sample]", *(f"{key} = {_toml(value)}" for key, value in sample.items()), ""]
    facts = {key: value for key, value in to_mapping(acquisition, only_changed=True).items() if key not in _OWN_FACTS}
    lines += ["[acquisition]  # facts of every movie; an entry of a movie goes before", *_facts(facts, root), ""]
    for movie in movies:
        lines += ["[[movie]]", f"name = {_toml(movie.name)}"]
        own = {key: value for key, value in to_mapping(movie.source, only_changed=True).items() if key in _OWN_FACTS}
        lines += _facts(own, root)
        if movie.polygon is not None:
            lines.append(f"polygon = {_toml(_relative(movie.polygon, root))}")
        if movie.vacuum is not None:
            lines.append(f"vacuum = {_toml(_relative(movie.vacuum, root))}")
        lines.append("")
    lines += ["# Parameters of a stage go into a table of its name, for example", "# [order]", '# sigma = "2px"', ""]
    for stage, values in (stages or {}).items():
        lines += [f"[{stage}]", *(f"{key} = {_toml(value)}" for key, value in values.items()), ""]
    path.write_text("\n".join(lines))
    return path


def _facts(facts: Mapping[str, Any], root: Path) -> list[str]:
    units = {each.key: each.unit for each in parameters_of(MovieSource)}
    lines = []
    for key, value in facts.items():
        if key in ("path", "gain", "dark"):
            value = _relative(value, root)
        elif units[key] is not None and isinstance(value, float):
            value = f"{value:.10g} {units[key]}"
        lines.append(f"{key} = {_toml(value)}")
    return lines


def _relative(path: str | Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # a JSON string is a TOML basic string
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
