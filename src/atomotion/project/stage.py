"""A stage: one step of a route, and what it is given when it runs."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomotion.data import AtomotionError
from atomotion.project.events import EventLog
from atomotion.project.outputs import OutputFile, plain

if TYPE_CHECKING:
    import pandas as pd

    from atomotion.report.page import Section


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One step that commands and routes share.

    Parameters
    ----------
    name : str
        Its folder, its table in ``project.toml``, its command.
    title : str
        Its heading in the report.
    config : type
        The frozen dataclass of its parameters.
    run : callable
        Does the work: ``run(task)``.
    section : callable
        Its part of the report, from a finished leaf's folder: ``section(leaf_folder)``.
    outputs : tuple of OutputFile
        What it writes; the first is the main result.
    positional : tuple of str
        The roles that its command takes as arguments; the other inputs are flags.
    command : str
        Its command, where that is called otherwise than the stage.
    branches : bool
        Whether what it finds decides which leaves come after it (particles, time windows).
    version : int
        Raised when the same parameters and inputs give another result, so that old leaves are run again.
    """

    name: str
    title: str
    config: type
    run: Callable[["Task"], None]
    section: Callable[[Path], "Section"]
    outputs: tuple[OutputFile, ...]
    positional: tuple[str, ...] = ("movie",)
    command: str = ""
    branches: bool = False
    version: int = 1

    @property
    def main_output(self) -> str:
        """File name of the main result."""
        return self.outputs[0].name

    def output(self, name: str) -> OutputFile:
        """The declaration of the output file `name`."""
        for file in self.outputs:
            if file.covers(name):
                return file
        raise AtomotionError(f"stage {self.name} declares no output {name}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What a stage gets: its config, its inputs by role, and where results go.

    Parameters
    ----------
    stage : Stage
    config
        An instance of ``stage.config``.
    inputs : mapping
        Role to a path, a `MovieSource`, or a list of them; an absent optional input is missing or None.
    folder : Path
        The attempt: results go below it and are put in place when the stage has ended well.
    work : Path
        Survives a killed run with the same inputs and parameters: checkpoints go here.
    events : EventLog
        Where progress and warnings go.
    threads : int
        How many cores the stage may use.
    device : str
        Where networks are computed: "auto", "cpu" or "cuda".
    subject : str
        The movie's name in the project; empty outside one.
    """

    stage: Stage
    config: Any
    inputs: Mapping[str, Any]
    folder: Path
    work: Path
    events: EventLog
    threads: int = 1
    device: str = "auto"
    subject: str = ""
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("atomotion"))

    def output(self, name: str) -> Path:
        """Where the declared output `name` is to be written."""
        self.stage.output(name)
        return self._below("out", name)

    def figure(self, name: str) -> Path:
        """Where the picture `name` is to be written."""
        return self._below("figures", name)

    def _below(self, kind: str, name: str) -> Path:
        path = self.folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def steps(self, name: str) -> Callable[[int, int], None]:
        """A callback ``(done, total)`` that reports the progress of the step `name`."""
        return lambda done, total: self.events.progress(name, done, total)

    def warn(self, sentence: str) -> None:
        """Tell the user something that does not stop the work."""
        self.log.warning(sentence)
        self.events.warning(sentence)

    def write_table(self, name: str, table: "pd.DataFrame") -> Path:
        """Write a CSV with exactly the declared columns."""
        self.stage.output(name).check([str(column) for column in table.columns])
        path = self.output(name)
        table.to_csv(path, index=False)
        return path

    def write_json(self, name: str, values: Mapping[str, Any]) -> Path:
        """Write a JSON object with exactly the declared keys."""
        self.stage.output(name).check(list(values))
        path = self.output(name)
        path.write_text(json.dumps(plain(values), indent=1, allow_nan=False) + "\n")
        return path
