"""The exact command that repeats one leaf outside the project."""

import os
import shlex
from pathlib import Path
from typing import Any

from atomotion.data import parameters_of, to_mapping
from atomotion.io.config import MovieSource
from atomotion.project.leaf import read_inputs, read_json
from atomotion.project.worker import load_stage


def command_to_repeat(folder: Path, root: Path) -> str:
    """The shell command, with paths relative to `root`, that does again what the leaf in `folder` did."""
    description = read_json(folder / "leaf.json", {})
    stage = load_stage(description["stage"])
    words = ["atomotion", stage.command or stage.name]
    flags: list[str] = []
    for role, written in description["inputs"].items():
        value = read_inputs(written, folder)
        if role in stage.positional:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, MovieSource):
                    words.append(_relative(each.path, root))
                    flags += _flags(MovieSource, to_mapping(each, only_changed=True), root, without=("path",))
                elif each is not None:
                    words.append(_relative(each, root))
        elif value is not None:
            flags += [f"--{role.replace('_', '-')}", _as_word(value, root)]
    config = description["parameters"]
    defaults = to_mapping(stage.config())
    changed = {key: value for key, value in config.items() if value != defaults[key]}
    flags += _flags(stage.config, changed, root)
    return shlex.join([*words, *flags, "-o", stage.main_output])


def _flags(config: type, values: dict[str, Any], root: Path, without: tuple[str, ...] = ()) -> list[str]:
    words: list[str] = []
    for each in parameters_of(config):
        if each.key not in values or each.key in without:
            continue
        value = values[each.key]
        if each.kind is bool:
            words.append(each.flag if value else each.flag.replace("--", "--no-", 1))
        elif each.kind is Path:
            words += [each.flag, _relative(value, root)]
        elif each.unit and isinstance(value, (int, float)):
            words += [each.flag, f"{value:.10g}{each.unit.replace('Å', 'A').replace('²', '2')}"]
        else:
            words += [each.flag, str(value)]
    return words


def _as_word(value: Any, root: Path) -> str:
    if isinstance(value, MovieSource):
        array = f":{value.array}" if value.array else ""
        return _relative(value.path, root) + array
    return _relative(value, root) if isinstance(value, Path) else str(value)


def _relative(path: Any, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()
