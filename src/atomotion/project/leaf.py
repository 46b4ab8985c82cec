"""A leaf's folder: what it was given, how far it came, what it made.

``leaf.json`` holds the resolved parameters and inputs (by relative path), ``status.json`` the state, ``events.jsonl``
and ``log.txt`` what happened, ``out/`` and ``figures/`` the results, ``work/`` the checkpoints of an unfinished run.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from atomotion.data import from_mapping, to_mapping
from atomotion.io.config import MovieSource, with_paths
from atomotion.project.fingerprint import digest_of, fingerprint
from atomotion.project.plan import Leaf, Result

UNKNOWN: dict[str, Any] = {"state": "new"}


def resolve(leaf: Leaf) -> dict[str, Any]:
    """The leaf's inputs with the results of other leaves put in; a missing optional result becomes None."""
    return {role: _resolve(value) for role, value in leaf.inputs.items()}


def _resolve(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [each for each in (_resolve(each) for each in value) if each is not None]
    if isinstance(value, Result):
        # an old result of a leaf that has failed since is no result
        if not value.path.exists() or read_status(value.leaf.folder)["state"] != "done":
            return None
        return MovieSource(path=value.path, **value.facts) if value.as_movie else value.path
    return value


def describe(leaf: Leaf) -> dict[str, Any]:
    """What goes into ``leaf.json``: the stage, its parameters and inputs, and their digest.

    The digest does not contain where the files lie, so that a moved project keeps its finished leaves.
    """
    inputs = resolve(leaf)
    values = {
        "stage": leaf.stage.name,
        "version": leaf.stage.version,
        "parameters": to_mapping(leaf.config),
        "inputs": {role: _content(value) for role, value in inputs.items()},
    }
    return {
        "stage": leaf.stage.name,
        "title": leaf.stage.title,
        "subject": leaf.subject,
        "version": leaf.stage.version,
        "parameters": to_mapping(leaf.config),
        "inputs": {role: _written(value, leaf.folder) for role, value in inputs.items()},
        "hash": digest_of(values),
    }


def _content(value: Any) -> Any:
    if isinstance(value, list):
        return [_content(each) for each in value]
    if isinstance(value, MovieSource):
        return to_mapping(value, only_changed=True) | _each_path(value, fingerprint)
    return fingerprint(value) if isinstance(value, Path) else value


def _written(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_written(each, folder) for each in value]
    if isinstance(value, MovieSource):
        places = _each_path(value, lambda path: os.path.relpath(path, folder))
        return {"movie": to_mapping(value, only_changed=True) | places}
    if isinstance(value, Path):
        return {"path": os.path.relpath(value, folder)}
    return value


def _each_path(source: MovieSource, function: Callable[[Path], str]) -> dict[str, str]:
    paths = {"path": source.path, "dark": source.dark, "gain": source.gain}
    return {key: function(path) for key, path in paths.items() if path is not None}


def read_inputs(written: Any, folder: Path) -> Any:
    """The inputs of a ``leaf.json`` with their paths made whole again."""
    if isinstance(written, list):
        return [read_inputs(each, folder) for each in written]
    if isinstance(written, dict) and set(written) == {"path"}:
        return _place(folder, written["path"])
    if isinstance(written, dict) and set(written) == {"movie"}:
        source = from_mapping(MovieSource, written["movie"], where=str(folder / "leaf.json"))
        return with_paths(source, lambda path: _place(folder, path))
    return written


def _place(folder: Path, path: str | Path) -> Path:
    # normpath and not resolve: links in a user's folders stay as they are
    return Path(os.path.normpath(folder / path))


def read_status(folder: Path) -> dict[str, Any]:
    """The leaf's ``status.json``; state "new" where it has none."""
    return read_json(folder / "status.json", UNKNOWN)


def read_json(path: Path, missing: dict[str, Any]) -> dict[str, Any]:
    """A JSON object, or `missing` where there is no such file."""
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return missing


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file beside and rename it, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + f".{os.getpid()}.partial")
    beside.write_text(json.dumps(values, indent=1) + "\n")
    beside.replace(path)


def is_finished(folder: Path, digest: str) -> bool:
    """Whether the leaf was finished with these very inputs and parameters, and its results are still there."""
    status = read_status(folder)
    if status["state"] != "done" or status.get("hash") != digest:
        return False
    return all(
        (folder / "out" / name).exists() and (size is None or (folder / "out" / name).stat().st_size == size)
        for name, size in status.get("outputs", {}).items()
    )
