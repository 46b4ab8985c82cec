"""Files in, files out: run stages without a project, with the same leaves, checkpoints and checks."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from atomotion.data import AtomotionError, UsageError
from atomotion.io.formats import writer_of
from atomotion.io.movie import read_movie
from atomotion.io.writer import write_movie
from atomotion.project.executor import Happening, Outcome, run_leaves
from atomotion.project.leaf import read_status
from atomotion.project.plan import Leaf
from atomotion.project.pools import Pool

# movies are made in this format, which work can go on in after a kill
_MOVIE = ".mrcs"


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
    """Run the leaves; `StageFailed` with the first error where one fails, once all that can be done is done."""
    outcomes = run_leaves(lambda: leaves, pool=pool, listen=listen)
    for leaf, outcome in outcomes.items():
        if outcome == "failed":
            status = read_status(leaf.folder)
            subject = f"{leaf.subject}: " if len({each.subject for each in leaves}) > 1 else ""
            raise StageFailed(subject + status.get("error", f"{leaf} failed"), status.get("exit_code", 1))
    return outcomes


def check_ending(main: Leaf, out: Path) -> None:
    """Raise `UsageError` where the main result cannot be written under the name `out`."""
    own = Path(main.stage.main_output).suffix
    if not out.suffix or out.is_dir() or out.suffix == own:
        return
    if own != _MOVIE:
        raise UsageError(f"{main.stage.name} writes {own} files, not {out.suffix}; name one with -o, or a folder")
    writer_of(out)


def deliver(leaves: Sequence[Leaf], out: Path) -> list[Path]:
    """Put the leaves' results at `out`; the paths, the first leaf's main result first.

    Where `out` is a folder (or has no suffix) the files keep their names, with the subject's in front where there is
    one. Else the first leaf's main result gets the name `out`, and every other file its stem in front: ``order.csv`` to
    ``-o pt.csv`` brings ``pt.json``, ``pt.png``, ``pt_periods.csv``. A movie is written in the format that the name
    asks for.
    """
    first = leaves[0]
    as_folder = out.is_dir() or not out.suffix
    folder = out if as_folder else out.parent
    folder.mkdir(parents=True, exist_ok=True)
    delivered: list[Path] = []
    for leaf in leaves:
        for path in sorted([*(leaf.folder / "out").glob("*"), *(leaf.folder / "figures").glob("*")]):
            subject = f"{leaf.subject}_" if leaf.subject else ""
            target = folder / (subject + path.name if as_folder else _renamed(path.name, first, leaf, out))
            _put(path, target)
            if leaf is first and path.name == first.stage.main_output:
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


def _put(path: Path, target: Path) -> None:
    if path.suffix == _MOVIE and target.suffix != _MOVIE:
        write_movie(target, read_movie(path))
        return
    if target.is_dir():
        raise UsageError(f"{target} is a folder; a file of that name is to be written")
    # the work lies beside the target, on the same file system
    path.replace(target)


def read_summary(leaf: Leaf, name: str) -> dict[str, Any]:
    """A JSON result of a finished leaf."""
    return dict(json.loads((leaf.folder / "out" / name).read_text()))
