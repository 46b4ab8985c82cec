"""What the atoms of one state say: every measure of every atom, and of the particle."""

import difflib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from atomotion.data import InputError, UsageError
from atomotion.io.atoms import write_atoms
from atomotion.neighbours import radial_distribution
from atomotion.project.leaf import read_json
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.coordination_means import coordination_means
from atomotion.report.figures.measured_atoms import measured_atoms
from atomotion.report.figures.pair_distances import pair_distances
from atomotion.report.figures.penetration_fits import penetration_fits
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.states import read_state
from atomotion.stages.structure_outputs import ATOM_COLUMNS, OUTPUTS
from atomotion.structure.binned import by_coordination
from atomotion.structure.config import StructureConfig
from atomotion.structure.penetration import Penetration, penetration_depth
from atomotion.structure.summary import summarise_particle
from atomotion.structure.table import measure_atoms

if TYPE_CHECKING:
    from ase import Atoms

# measure: (label, bounds of its plateau); those of paper 004 for coordination numbers
_OVER_DEPTH: dict[str, tuple[str, tuple[float, float] | None]] = {
    "coordination_number": ("coordination number", (10.0, 12.0)),
    "generalized_coordination_number_published": ("generalised CN (published)", (10.0, 12.0)),
    "nearest_bond_A": ("nearest bond (Å)", None),
    "mean_bond_A": ("mean bond (Å)", None),
    "radial_strain_percent": ("radial strain (%)", None),
    "q6_averaged": ("averaged q6", None),
}
_OVER_COORDINATION = {
    "nearest_bond_A": "nearest bond (Å)",
    "mean_bond_A": "mean bond (Å)",
    "bond_angle_deviation_deg": "bond angle deviation (°)",
    "radial_strain_percent": "radial strain (%)",
    "q6_averaged": "averaged q6",
    "radial_depth_A": "radial depth (Å)",
}
_SHOWN = ("coordination_number", "radial_strain_percent", "q6_averaged")
_LABELS = {key: label for key, (label, _) in _OVER_DEPTH.items()} | _OVER_COORDINATION
_POSITION = ("atom", "element", "x_A", "y_A", "z_A")


def run(task: Task) -> None:
    """Measure the atoms of one ``state`` (from 1) of the file ``atoms``, with the ``element`` that overrules it."""
    path: Path = task.inputs["atoms"]
    asked = shown_measures(task.inputs.get("show"))
    number = task.inputs.get("state")
    state, states = read_state(path, element=task.inputs.get("element"), number=number)
    if states > 1 and number is None:
        task.warn(f"{path.name} holds {states} states, and the first was measured; pass --state N for another")
    config: StructureConfig = task.config
    try:
        table = measure_atoms(state.atoms, config)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    summary = summarise_particle(state.atoms, config, table=table)
    for note in summary["notes"]:
        task.warn(note)
    elements = dict(Counter(state.atoms.get_chemical_symbols()))
    task.write_table("structure.csv", table)
    task.write_json("structure.json", {"file": state.source, "elements": elements} | summary)
    write_atoms(task.output("structure_atoms.xyz"), measured(state.atoms, table))
    _pairs(task, state.atoms, summary)
    _over_coordination(task, table)
    _over_depth(task, table, config)
    shown = [(_LABELS.get(name, name), table[name].to_numpy()) for name in asked if table[name].notna().any()]
    if task.inputs.get("show") is None:
        inside = np.where(table["surface"], table["site"], table["structure"])
        shown.append(("site; inside, structure", inside))
    spacing = float(summary["nearest_neighbour_distance_A"])
    save(measured_atoms(state.atoms.positions, shown, spacing=spacing), task.figure("structure.png"))


def shown_measures(words: str | None) -> list[str]:
    """The columns to colour atoms by, from their names with commas between; the usual three where none are given.

    Raises
    ------
    UsageError
        For a name that is no column.
    """
    if words is None:
        return list(_SHOWN)
    known = [column.name for column in ATOM_COLUMNS if column.name != "atom"]
    names = [word.strip() for word in words.split(",")]
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            raise UsageError(
                f"{name!r} is no measure of an atom" + (f"; did you mean {nearest[0]}?" if nearest else "")
            )
    return names


def measured(atoms: "Atoms", table: pd.DataFrame) -> "Atoms":
    """The atoms with the table's columns as arrays; arrays of numbers that they came with are kept."""
    from ase import Atoms

    result = Atoms(symbols=atoms.symbols, positions=atoms.positions, info=dict(atoms.info))
    for name, values in atoms.arrays.items():
        if name not in ("numbers", "positions") and values.dtype.kind in "fiub":
            result.set_array(name, values)
    for name in table.columns:
        if name not in _POSITION:
            values = table[name].to_numpy()
            if values.dtype.kind in "OSU" or not isinstance(values, np.ndarray):
                words = np.asarray(values, dtype=str)
                values = np.where(words == "", "none", np.char.replace(words, " ", "_"))
            result.arrays.pop(name, None)
            result.set_array(name, values)
    return result


def _pairs(task: Task, atoms: "Atoms", summary: dict[str, Any]) -> None:
    found = radial_distribution(atoms.positions)
    task.write_table("structure_gr.csv", pd.DataFrame({"r_A": found.r, "g": found.g, "pairs": found.pairs}))
    figure = pair_distances(
        found.r, found.g, minimum=summary["rdf_first_minimum_A"], lattice=summary["lattice_parameter_A"]
    )
    save(figure, task.figure("structure_gr.png"))


def _over_coordination(task: Task, table: pd.DataFrame) -> None:
    means = {name: by_coordination(table["coordination_number"], table[name]) for name in _OVER_COORDINATION}
    rows = pd.concat([each.assign(measure=name) for name, each in means.items()], ignore_index=True)
    columns = [column.name for column in STAGE.output("structure_by_coordination.csv").columns]
    task.write_table("structure_by_coordination.csv", rows[columns])
    drawn = [(_OVER_COORDINATION[name], each) for name, each in means.items() if len(each)]
    if drawn:
        save(coordination_means(drawn), task.figure("structure_by_coordination.png"))


def _over_depth(task: Task, table: pd.DataFrame, config: StructureConfig) -> None:
    depth = "radial_depth_A" if config.depth == "radial" else "depth_A"
    rows: list[dict[str, Any]] = []
    drawn: list[tuple[str, Penetration]] = []
    for name, (label, plateau) in _OVER_DEPTH.items():
        row: dict[str, Any] = {"measure": name, "depth": depth}
        row |= dict.fromkeys(("penetration_depth_A", "low_A", "high_A", "plateau", "slope_per_A"), np.nan)
        try:
            fit = penetration_depth(table[depth], table[name], atoms_per_point=config.atoms_per_point, plateau=plateau)
        except InputError as error:
            rows.append(row | {"problem": str(error)})
            continue
        drawn.append((label, fit))
        row |= {"penetration_depth_A": fit.depth, "low_A": fit.low, "high_A": fit.high}
        rows.append(row | {"plateau": fit.plateau, "slope_per_A": fit.slope, "problem": fit.problem})
    task.write_table("structure_penetration.csv", pd.DataFrame(rows))
    if drawn:
        words = "radial depth (Å)" if config.depth == "radial" else "depth below the surface (Å)"
        save(penetration_fits(drawn, xlabel=words), task.figure("structure_penetration.png"))


_KEY_FACTS = {
    "atoms": "atoms",
    "hull_diameter_A": "hull diameter (Å)",
    "largest_distance_A": "largest distance (Å)",
    "lattice_parameter_A": "lattice parameter (Å)",
    "rdf_first_minimum_A": "first minimum of g(r) (Å)",
    "median_bond_length_A": "median bond length (Å)",
    "median_cn": "median CN",
    "core_ratio": "core ratio (CN = 12)",
    "fraction_cn_above_8": "share with CN > 8",
    "disordered_atoms": "disordered atoms",
    "mean_q6": "mean averaged q6",
    "mean_radial_strain_percent": "mean radial strain (%)",
    "penetration_depth_A": "penetration depth (Å)",
    "crystallinity_score_program": "crystallinity score (program)",
    "crystallinity_score_text": "crystallinity score (text)",
}


def section(folder: Path) -> Section:
    """The structure in the report."""
    out, pictures = folder / "out", folder / "figures"
    values = read_json(out / "structure.json", {})
    defects = [("twin_planes", "twin planes"), ("intrinsic_faults", "intrinsic faults")]
    defects += [("extrinsic_faults", "extrinsic faults"), ("surface_faults", "surface faults")]
    found = ", ".join(f"{values[key]} {name}" for key, name in defects if values[key]) or "no planar defect"
    elements = ", ".join(f"{count} {name}" for name, count in values["elements"].items())
    sentences = [f"{values['file']}: {elements}. {values['grains']} grains, {found}."]
    if values["strain_method"] == "published" and values["strain_retained_radial"] is not None:
        sentences.append(
            f"The published strain shows {values['strain_retained_radial']:.0%} of an even radial dilation of this "
            "particle; nothing is corrected."
        )
    captions = {
        "structure": (
            "Atoms coloured by their measures; pale ones are farther away. Below, the half in front is left out.",
            "structure.csv",
        ),
        "structure_gr": ("Radial distribution function, smoothed for the eye.", "structure_gr.csv"),
        "structure_penetration": (
            "Measures against depth, in means of a few atoms, with the penetration depth and its 95 % interval.",
            "structure_penetration.csv",
        ),
        "structure_by_coordination": (
            "Means over atoms of the same coordination number, with standard errors.",
            "structure_by_coordination.csv",
        ),
    }
    figures = [
        Figure(path=pictures / f"{name}.png", caption=caption, data=out / data)
        for name, (caption, data) in captions.items()
        if (pictures / f"{name}.png").exists()
    ]
    rows = [[name, values[key]] for key, name in _KEY_FACTS.items()]
    return Section(
        title=STAGE.title, sentences=sentences, figures=figures, tables=[Table(columns=["measure", "value"], rows=rows)]
    )


STAGE = Stage(
    name="structure",
    title="What the atoms say",
    config=StructureConfig,
    run=run,
    section=section,
    positional=("atoms",),
    outputs=OUTPUTS,
)
