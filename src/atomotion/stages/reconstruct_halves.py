"""Both halves in time of a window, reconstructed apart, as files."""

from typing import Any

import numpy as np
from ase import Atoms

from atomotion.io.atoms import write_atoms
from atomotion.project.stage import Task
from atomotion.tomography.halves_in_time import TimeHalves


def write_time_halves(task: Task, halves: TimeHalves) -> dict[str, Any]:
    """Write the atoms of both halves in the frame of the first, with what becomes of each; the facts of the comparison.

    Parameters
    ----------
    task : Task
    halves : TimeHalves
    """
    element, changes = halves.first.element, halves.changes
    states = []
    for number, (result, positions) in enumerate(
        ((halves.first, halves.first.positions), (halves.second, halves.positions))
    ):
        fate = np.full(len(positions), "common", dtype="<U9")
        fate[changes.kept[halves.displaced, number]] = "displaced"
        fate[changes.removed if number == 0 else changes.added] = "lost" if number == 0 else "gained"
        atoms = Atoms(symbols=[element] * len(positions), positions=positions, info={"half": number + 1})
        atoms.set_array("fate", fate)
        atoms.set_array("occupancy", result.occupancies)
        atoms.set_array("position_sigma_A", result.sigmas)
        states.append(atoms)
    write_atoms(task.output("time_halves.xyz"), states)
    return dict(halves.facts)
