"""``atomotion reconstruct``: from boxes of one tumbling particle to its atoms."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from atomotion.cli.direct import Command
from atomotion.cli.flags import Out, Run, with_flags
from atomotion.data import InputError, UsageError
from atomotion.io.config import MovieSource
from atomotion.project.plan import Leaf
from atomotion.tomography.config import ReconstructionConfig


@with_flags(config=ReconstructionConfig, source=MovieSource, run=Run)
def reconstruct(
    series: Annotated[Path, Parameter(help="The boxes of one particle, as atomotion track writes them.")],
    /,
    *,
    out: Out,
    windows: Annotated[
        Path | None, Parameter(help="Time windows, as atomotion frames writes them; without it all boxes are one.")
    ] = None,
    window: Annotated[int | None, Parameter(help="Only this one of the windows, from 1.")] = None,
    mtf: Annotated[
        Path | None,
        Parameter(help="The camera's transfer: two columns of text, parts of the Nyquist frequency and value."),
    ] = None,
    config: ReconstructionConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Find the positions of all atoms of a particle in every time window, with how sure each one is."""
    from dataclasses import replace

    from atomotion.stages.reconstruct import STAGE
    from atomotion.stages.window_boxes import numbers_of_windows
    from atomotion.tomography.start_models import STARTS

    source = replace(source, path=series)
    numbers = [window] if windows is None or window is not None else numbers_of_windows(windows)
    if windows is None and window is not None:
        raise InputError("a window was named but no table of windows; pass --windows, as atomotion frames writes it")
    start = None
    if config.start not in ("auto", *STARTS):
        start = Path(config.start)
        if not start.is_file():
            known = ", ".join(("auto", *STARTS))
            raise UsageError(f"{config.start} is neither a file of atoms nor one of the starts {known}")
        config = replace(config, start="auto")
    command = Command(out, run)
    leaves: list[Leaf] = []
    for number in numbers:
        subject = "" if len(numbers) == 1 else f"window_{number:02d}"
        inputs = {"series": source, "windows": windows, "window": number, "start": start, "mtf": mtf}
        leaves.append(command.stage(STAGE, config, subject, **inputs))
    if command.execute(leaves[0]):
        models = [path for path in command.files if path.name.endswith("atoms.xyz")]
        nexts = f"atomotion structure {models[0]} -o structure/"
        if len(models) > 1:
            names = " ".join(map(str, models))
            nexts = f"atomotion boundaries {series} {names} --windows {windows} -o settled/"
        values = command.summaries["summary.json"]
        command.say(
            summary=f"{values['atoms']} atoms from {values['images']} images{_agreement(values)}"
            if len(models) == 1
            else f"{len(models)} windows reconstructed",
            next_command=nexts,
        )
    return 0


def _agreement(values: dict[str, Any]) -> str:
    return "" if values["half_rmsd_A"] is None else f"; halves agree to {values['half_rmsd_A']:.3f} Å"
