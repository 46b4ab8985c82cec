"""The density maps of states beside their atoms: laid on one grid, and compared from state to state."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import DensityMap, InputError, UsageError
from atomotion.geometry.alignment import Alignment, align
from atomotion.io.maps import read_map, write_map
from atomotion.neighbours import find_grains
from atomotion.project.stage import Task
from atomotion.report.figures.density_changes import density_changes
from atomotion.report.figures.style import save
from atomotion.stages.compare_tables import Compared
from atomotion.structure.aligned_densities import (
    FAMILIES,
    DensityStep,
    check_frames,
    common_grid,
    density_step,
    on_grid,
    values_at,
)
from atomotion.structure.changes import StateChanges
from atomotion.structure.density_correlation import family_directions

_DIRECTIONS = {
    family: [
        " ".join(str(round(each * np.sqrt(family.count("1")))) for each in vector)
        for vector in family_directions(family)
    ]
    for family in FAMILIES
}
_NO_DENSITIES = {"density_correlation": None, "density_next_peak": None}


def compare_densities(task: Task, given: Compared, paths: Sequence[Path] | None) -> tuple[dict[str, Any], list[str]]:
    """Write tables, maps and the picture of the densities; what the summary says of them, and notes.

    Raises
    ------
    UsageError
        For another number of maps than of states.
    InputError
        As `read_map`, and for a map that does not belong to its atoms.
    """
    if paths is None:
        return dict(_NO_DENSITIES), []
    if len(paths) != len(given.states):
        raise UsageError(f"{len(paths)} densities were given for {len(given.states)} states; give one of each")
    report = task.steps("densities")
    grid, maps = None, []
    for number, path in enumerate(paths):
        density, motion = _read(path, given, number)
        if grid is None:
            grid = common_grid(given.found.positions, density.voxel_size)
        maps.append(on_grid(density, motion, grid))
        write_map(task.output(f"compare_density_{number + 1:02d}.mrc"), _like(grid, maps[-1]))
        report(number + 1, len(paths))
    assert grid is not None
    cell, notes = _cell(given)
    steps = [
        density_step(before, after, cell=cell, voxel_size=grid.voxel_size, width=given.config.local_width)
        for before, after in pairwise(maps)
    ]
    for number, step in enumerate(steps, start=1):
        local = _like(grid, np.nan_to_num(step.local))
        write_map(task.output(f"compare_local_correlation_{number:02d}.mrc"), local)
        if step.next_peak >= step.correlation:
            notes.append(
                f"the densities of states {number} and {number + 1} lie better on each other when shifted by a lattice "
                "vector: the atoms may have been laid on the wrong copy"
            )
    table = _steps_table(given, steps, grid)
    task.write_table("compare_density_steps.csv", table)
    task.write_table("compare_density_offsets.csv", _offsets_table(steps))
    figure = density_changes(steps, maps, voxel_size=grid.voxel_size)
    save(figure, task.figure("compare_density.png"))
    return {name: [float(value) for value in table[name.removeprefix("density_")]] for name in _NO_DENSITIES}, notes


def _read(path: Path, given: Compared, number: int) -> tuple[DensityMap, Alignment]:
    """A state's map, and the motion from its frame to that of the first state."""
    density, atoms = read_map(path), given.states[number].atoms.positions
    try:
        check_frames(density, atoms)
    except InputError as error:
        raise InputError(f"{path} and state {number + 1} ({given.states[number].source}): {error}") from error
    return density, align(atoms, given.found.positions[number], mirror=True)


def _like(grid: DensityMap, values: NDArray[np.floating]) -> DensityMap:
    return DensityMap(values=values, voxel_size=grid.voxel_size, origin=grid.origin)


def _cell(given: Compared) -> tuple[NDArray[np.float64], list[str]]:
    try:
        return find_grains(given.found.positions[0]).lattices[0].cell, []
    except InputError as error:
        spacing = float(np.median([summary["nearest_neighbour_distance_A"] for summary in given.summaries]))
        note = f"the first state has no lattice ({error}): densities are shifted along x, y, z instead of its axes"
        return np.sqrt(2.0) * spacing * np.eye(3), [note]


def _steps_table(given: Compared, steps: list[DensityStep], grid: DensityMap) -> pd.DataFrame:
    rows = []
    for number, (step, changes) in enumerate(zip(steps, given.found.changes, strict=True)):
        local = _like(grid, np.nan_to_num(step.local))
        before, after = (
            values_at(local, points)[0] for points in (given.found.positions[number], given.found.positions[number + 1])
        )
        rows.append(
            {
                "state_before": number + 1,
                "state_after": number + 2,
                "correlation": step.correlation,
                "next_peak": step.next_peak,
                **_by_fate(before, after, changes),
            }
        )
    return pd.DataFrame(rows)


def _by_fate(before: NDArray[np.float64], after: NDArray[np.float64], changes: StateChanges) -> dict[str, float]:
    """Mean local correlation at the atoms that stay, go and come; NaN where there are none."""
    groups = {"kept": before[changes.kept[:, 0]], "removed": before[changes.removed], "added": after[changes.added]}
    return {
        f"local_at_{name}": float(values.mean()) if len(values) else float("nan") for name, values in groups.items()
    }


def _offsets_table(steps: list[DensityStep]) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                "state_before": number,
                "state_after": number + 1,
                "family": family,
                "direction": direction,
                "offset_A": step.offsets,
                "correlation": curve,
            }
        )
        for number, step in enumerate(steps, start=1)
        for family, curves in step.curves.items()
        for direction, curve in zip(_DIRECTIONS[family], curves, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)
