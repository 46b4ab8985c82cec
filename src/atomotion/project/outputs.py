"""What a stage writes: every file, column and key with one sentence, checked whenever it is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atomotion.data import AtomotionError


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or a key of a JSON file; the unit is part of the name."""

    name: str
    about: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputFile:
    """One file that a stage writes, or a numbered family of files.

    Parameters
    ----------
    name : str
        File name in the stage's ``out`` folder; ``NN`` in it stands for the numbers of a family, of which there may be
        none: ``particle_NN.csv``.
    about : str
        One sentence.
    columns : tuple of Column
        The columns of a CSV, or the keys of a JSON object, in order; empty for other files.
    optional : bool
        Whether the file may be missing; `about` then says when.
    """

    name: str
    about: str
    columns: tuple[Column, ...] = ()
    optional: bool = False

    def covers(self, name: str) -> bool:
        """Whether `name` is this file, or one of its family."""
        pattern = re.escape(self.name).replace("NN", r"\d+")
        return name == self.name or re.fullmatch(pattern, name) is not None

    @property
    def is_family(self) -> bool:
        """Whether there may be any number of such files."""
        return "NN" in self.name

    def check(self, names: list[str]) -> None:
        """Raise where `names` are not exactly the declared ones, so that the documentation stays true."""
        declared = [column.name for column in self.columns]
        if sorted(names) != sorted(declared):
            missing, unknown = set(declared) - set(names), set(names) - set(declared)
            raise AtomotionError(
                f"{self.name} is not as declared: missing {sorted(missing)}, unknown {sorted(unknown)}"
            )


def as_markdown(outputs: Mapping[str, tuple[OutputFile, ...]], titles: Mapping[str, str]) -> str:
    """The page that lists every file a stage writes, from the declarations themselves."""
    lines: list[str] = []
    for stage, files in outputs.items():
        lines += [f"## `{stage}`: {titles[stage]}", ""]
        for file in files:
            optional = " (not always)" if file.optional else ""
            lines += [f"### `{file.name}`{optional}", "", file.about, ""]
            if file.columns:
                word = "key" if file.name.endswith(".json") else "column"
                lines += [f"| {word} | meaning |", "|---|---|"]
                lines += [f"| `{column.name}` | {column.about} |" for column in file.columns]
                lines.append("")
    return "\n".join(lines)


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: numpy numbers and arrays as plain ones, NaN and infinities as null."""
    import numpy as np

    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)
