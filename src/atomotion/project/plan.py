"""Leaves: a stage applied to one movie (or to the whole project), with its inputs, before anything runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atomotion.project.stage import Stage


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaf:
    """One stage of one subject. Leaves are equal where their folders are.

    Parameters
    ----------
    stage : Stage
    subject : str
        The movie's name, with its particle and time window where it has them, ``movie/particle_01/window_02``; or
        "all" for a stage that looks at the whole project.
    folder : Path
        Where its parameters, state, results and figures lie.
    config
        An instance of ``stage.config``.
    inputs : mapping
        Role to a path, a `MovieSource`, a `Result` of another leaf, a list of these, or None.
    tolerant : bool
        Whether it runs with what there is when a leaf that it needs has failed.
    """

    stage: Stage
    subject: str
    folder: Path
    config: Any
    inputs: Mapping[str, Any] = field(default_factory=dict)
    tolerant: bool = False

    def result(self, name: str) -> "Result":
        """The output `name` of this leaf, as an input of another."""
        self.stage.output(name)
        return Result(leaf=self, file=name)

    def needs(self) -> list["Leaf"]:
        """The leaves whose results this one reads."""
        return list(dict.fromkeys(each.leaf for each in _flat(self.inputs.values()) if isinstance(each, Result)))

    def __eq__(self, other: object) -> bool:
        # a route is planned again while it runs: the same folder is the same leaf
        return isinstance(other, Leaf) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def __str__(self) -> str:
        return f"{self.stage.name}/{self.subject}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """An output file of a leaf; it may be missing where the stage declares it optional.

    `facts` are given to the movie that the file is read as (``array``, ``contrast``, ...); with `as_movie` the stage
    gets a `MovieSource`, else a path.
    """

    leaf: Leaf
    file: str
    as_movie: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the file lies once the leaf is finished."""
        return self.leaf.folder / "out" / self.file


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value
