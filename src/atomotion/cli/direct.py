"""Run stages on files, put the results where the user wants them, and say where that is."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atomotion.cli.flags import Run
from atomotion.cli.machine import cores
from atomotion.cli.progress import Progress
from atomotion.project.direct import (
    StageFailed,
    check_ending,
    deliver,
    read_summary,
    run_directly,
    working_folder,
)
from atomotion.project.leaf import read_status
from atomotion.project.plan import Leaf
from atomotion.project.pools import InlinePool
from atomotion.project.stage import Stage


@dataclass
class Command:
    """One command's stages, run one after the other in this process.

    A killed command leaves a hidden folder beside `out`; the same command goes on from it.

    Parameters
    ----------
    out : Path or None
        Where results go; without it only the summaries are kept.
    run : Run
    """

    out: Path | None
    run: Run
    leaves: list[Leaf] = field(default_factory=list)
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._work = Path(tempfile.mkdtemp(prefix="atomotion-")) if self.out is None else working_folder(self.out)

    def stage(self, stage: Stage, config: Any, subject: str = "", **inputs: Any) -> Leaf:
        """Add a stage; its inputs may be results of earlier ones."""
        leaf = Leaf(
            stage=stage, subject=subject, folder=self._work / subject / stage.name, config=config, inputs=inputs
        )
        self.leaves.append(leaf)
        return leaf

    def execute(self, main: Leaf) -> bool:
        """Run the stages and put the results in place, those of `main` first; False where it was only a dry run."""
        if self.out is not None:
            check_ending(main, self.out)
        if self.run.dry_run:
            for leaf in self.leaves:
                given = ", ".join(role for role, value in leaf.inputs.items() if value is not None)
                print(f"would run {leaf.stage.name} {leaf.subject} with {given}")
            return False
        several = len({leaf.subject for leaf in self.leaves}) > 1
        try:
            with Progress(quiet=self.run.quiet or self.run.json, verbose=self.run.verbose, several=several) as progress:
                failure = self._run(progress, several=several)
            for leaf in self.leaves:
                for file in leaf.stage.outputs:
                    if file.name.endswith(".json") and (leaf.folder / "out" / file.name).exists():
                        self.summaries.setdefault(file.name, read_summary(leaf, file.name))
            if self.out is not None:
                done = [each for each in self.leaves if read_status(each.folder)["state"] == "done"]
                first = main if main in done else done[0]
                self.files = deliver([first, *(each for each in done if each is not first)], self.out)
            if failure is not None:
                # what the other subjects gave is in place
                raise failure
        finally:
            if self.out is None:
                shutil.rmtree(self._work, ignore_errors=True)
        shutil.rmtree(self._work, ignore_errors=True)
        return True

    def _run(self, progress: Progress, *, several: bool) -> StageFailed | None:
        """Run the leaves; the failure of one subject where others have ended well."""
        pool = InlinePool(self.run.threads or cores(), self.run.device)
        try:
            run_directly(self.leaves, pool=pool, listen=progress)
        except StageFailed as failure:
            whole = {each.subject for each in self.leaves}
            for leaf in self.leaves:
                if read_status(leaf.folder)["state"] != "done":
                    whole.discard(leaf.subject)
            if self.out is None or not several or not whole:
                raise
            return failure
        return None

    def say(self, *, summary: str = "", next_command: str = "") -> None:
        """The last lines: the JSON that was asked for, or where the result is and what to do next."""
        if self.run.json:
            merged: dict[str, Any] = {}
            for values in self.summaries.values():
                merged = values | merged
            print(json.dumps(merged, indent=1))
            return
        if summary:
            print(summary)
        if self.files:
            more = f" and {len(self.files) - 1} more beside it" if len(self.files) > 1 else ""
            print(f"result: {self.files[0]}{more}")
        if next_command:
            print(f"next: {next_command}")


def facts_in_words(values: Mapping[str, Any]) -> str:
    """A few numbers on a line each."""
    return "\n".join(
        f"{name:22} {'not known' if value is None else f'{value:.4g}' if isinstance(value, float) else value}"
        for name, value in values.items()
    )
