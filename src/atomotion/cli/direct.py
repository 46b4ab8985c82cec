"""Run stages on files, and say where the results are."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atomotion.cli.flags import Run
from atomotion.cli.machine import cores
from atomotion.cli.progress import Progress
from atomotion.project.direct import deliver, read_summary, run_directly, working_folder
from atomotion.project.plan import Leaf, Result
from atomotion.project.pools import InlinePool
from atomotion.project.stage import Stage

# a stage, its config, and its inputs; an input may be ("stage", "file") of a stage before it
Step = tuple[Stage, Any, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command made: JSON summaries by file name, and the files that were put in place."""

    summaries: Mapping[str, dict[str, Any]]
    files: Sequence[Path]
    run: Run

    def summary(self, name: str) -> dict[str, Any]:
        """One JSON result."""
        return self.summaries[name]

    def say(self, *, next_command: str = "", also: Mapping[str, Any] | None = None) -> None:
        """The last lines of a command: the JSON that was asked for, or where the result is and what to do next."""
        if self.run.json:
            merged: dict[str, Any] = {}
            for values in self.summaries.values():
                merged |= {key: value for key, value in values.items() if key not in merged}
            print(json.dumps(merged | dict(also or {}), indent=1))
            return
        if self.files:
            more = f" and {len(self.files) - 1} more beside it" if len(self.files) > 1 else ""
            print(f"result: {self.files[0]}{more}")
        if next_command:
            print(f"next: {next_command}")


def run_stages(steps: Sequence[Step], *, out: Path | None, run: Run, main: int = 0, subject: str = "") -> Done:
    """Run the stages one after the other; the results at `out`, or only their summaries where `out` is None.

    A killed command leaves a hidden folder beside `out`; the same command goes on from it.
    """
    temporary = Path(tempfile.mkdtemp(prefix="atomotion-")) if out is None else None
    work = temporary if out is None or temporary is not None else working_folder(out)
    assert work is not None
    leaves = plan_steps(steps, work, subject)
    if run.dry_run:
        for leaf in leaves:
            print(f"would run {leaf}: {', '.join(role for role, value in leaf.inputs.items() if value is not None)}")
        return Done(summaries={}, files=[], run=run)
    try:
        with Progress(quiet=run.quiet or run.json, verbose=run.verbose) as progress:
            run_directly(leaves, pool=InlinePool(run.threads or cores()), listen=progress)
        summaries = {
            file.name: read_summary(leaf, file.name)
            for leaf in leaves
            for file in leaf.stage.outputs
            if file.name.endswith(".json") and (leaf.folder / "out" / file.name).exists()
        }
        files = (
            [] if out is None else deliver([leaves[main], *(each for each in leaves if each is not leaves[main])], out)
        )
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    return Done(summaries=summaries, files=files, run=run)


def plan_steps(steps: Sequence[Step], work: Path, subject: str = "") -> list[Leaf]:
    """The steps as leaves below `work`, with references to earlier steps put in."""
    leaves: dict[str, Leaf] = {}
    for stage, config, inputs in steps:
        name = f"{stage.name}/{subject}" if subject else stage.name
        leaves[stage.name] = Leaf(
            stage=stage,
            subject=subject,
            folder=work / name,
            config=config,
            inputs={role: _refer(value, leaves) for role, value in inputs.items()},
        )
    return list(leaves.values())


def _refer(value: Any, leaves: Mapping[str, Leaf]) -> Any:
    if isinstance(value, tuple) and len(value) == 2 and value[0] in leaves:
        return Result(leaf=leaves[value[0]], file=value[1])
    return value
