"""Files in, files out: run stages without a project, with the same leaves, checkpoints and checks."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from atomotion.data import AtomotionError, InputError
from atomotion.project.executor import Happening, Outcome, run_leaves
from atomotion.project.leaf import read_status
from atomotion.project.plan import Leaf
from atomotion.project.pools import Pool


class StageFailed(AtomotionError):
    """A stage ended with an error; the exit code is the error's own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def working_folder(out: Path) -> Path:
    """The hidden folder beside `out` that keeps an unfinished run, so that the same command goes on from there."""
    mark = hashlib.blake2b(out.name.encode(), digest_size=4).hexdigest()
    return out.resolve().parent / f".atomotion-{mark}"


def run_directly(
    leaves: Sequence[Leaf],
    *,
    pool: Pool,
    listen: Callable[[Happening], None],
) -> dict[Leaf, Outcome]:
    """Run the leaves; `StageFailed` with the first error where one fails."""
    outcomes = run_leaves(leaves, pool=pool, listen=listen)
    for leaf, outcome in outcomes.items():
        if outcome == "failed":
            status = read_status(leaf.folder)
            raise StageFailed(status.get("error", f"{leaf} failed"), status.get("exit_code", 1))
    return outcomes


def deliver(leaves: Sequence[Leaf], out: Path) -> list[Path]:
    """Put the leaves' results at `out`; the paths, the first leaf's main result first.

    Where `out` is a folder (or has no suffix) the files keep their names. Else the first leaf's main result gets the
    name `out`, and every other file its stem in front: ``order.csv`` to ``-o pt.csv`` brings ``pt.json``, ``pt.png``,
    ``pt_periods.csv``.
    """
    first = leaves[0]
    as_folder = out.is_dir() or not out.suffix
    folder = out if as_folder else out.parent
    folder.mkdir(parents=True, exist_ok=True)
    delivered: list[Path] = []
    for leaf in leaves:
        for kind in ("out", "figures"):
            for path in sorted((leaf.folder / kind).glob("*")):
                name = path.name if as_folder else _renamed(path.name, first, leaf, out)
                target = folder / name
                _move(path, target)
                if leaf is first and path.name == first.stage.main_output and kind == "out":
                    delivered.insert(0, target)
                else:
                    delivered.append(target)
    return delivered


def _renamed(name: str, first: Leaf, leaf: Leaf, out: Path) -> str:
    main = first.stage.main_output
    if leaf is first and name == main:
        return out.name
    own = Path(main).stem
    if leaf is first and Path(name).stem == own:
        return out.stem + Path(name).suffix
    return f"{out.stem}_{name.removeprefix(own + '_') if leaf is first else name}"


def _move(path: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    try:
        path.replace(target)
    except OSError as error:  # the work lay on another file system
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            beside = target.with_name(target.name + ".partial")
            shutil.copy2(path, beside)
            beside.replace(target)
        if not target.exists():
            raise InputError(f"{target} cannot be written") from error


def read_summary(leaf: Leaf, name: str) -> dict[str, Any]:
    """A JSON result of a finished leaf."""
    return dict(json.loads((leaf.folder / "out" / name).read_text()))
