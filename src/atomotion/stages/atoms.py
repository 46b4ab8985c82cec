"""Atoms from a density map: the model, its measures, and pictures to judge it by."""

import difflib
from pathlib import Path

import pandas as pd

from atomotion.atoms.config import AtomsConfig
from atomotion.atoms.model import AtomModel, build_model
from atomotion.data import DensityMap, InputError, UsageError
from atomotion.io.atoms import write_atoms
from atomotion.io.maps import read_map, write_map
from atomotion.project.leaf import read_json
from atomotion.project.stage import Stage, Task
from atomotion.report.figures.map_atoms import displacement_depth, map_slices, model_quality
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.atoms_outputs import ATOM_COLUMNS, OUTPUTS

_POSITION = ("atom", "element", "x_A", "y_A", "z_A")
_B_FACTOR = "b_factor_A2"
_PDB_LIMITS = (-99.99, 999.99)


def run(task: Task) -> None:
    """Build the model of the file ``map`` of ``element``; ``voxel_size`` [Å] and ``b_factor`` are optional."""
    path: Path = task.inputs["map"]
    element = task.inputs.get("element")
    if not element:
        raise UsageError("the element of the atoms is not known; pass --element, for example Pt")
    b_factor = _measure_of_pdb(task.inputs.get("b_factor"))
    density = read_map(path, voxel_size=task.inputs.get("voxel_size"))
    if density.voxel_size == 1.0 and task.inputs.get("voxel_size") is None:
        task.warn(
            f"the voxel size of {path.name} is exactly 1 Å, which programs write that do not know it; pass --voxel-size"
        )
    try:
        model = build_model(density, element, task.config, on_step=task.steps("rounds of the fit"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    for note in model.notes:
        task.warn(note)
    table = _table(model)
    task.write_table("atoms.csv", table)
    task.write_json("atoms.json", {"file": path.name} | model.facts | {"notes": list(model.notes)})
    _write_models(task, model, table, b_factor)
    first = (float(model.grid.first[0]), float(model.grid.first[1]), float(model.grid.first[2]))
    write_map(
        task.output("atoms_simulated.mrc"),
        DensityMap(values=model.simulated, voxel_size=density.voxel_size, origin=first),
    )
    search, transfer = model.search, model.transfer
    task.write_table(
        "atoms_thresholds.csv",
        pd.DataFrame({"threshold": search.thresholds, "correlation": search.correlations, "atoms": search.atoms}),
    )
    task.write_table(
        "atoms_transfer.csv",
        pd.DataFrame(
            {"frequency_per_A": transfer.k, "transfer": transfer.transfer, "correlation": transfer.correlation}
        ),
    )
    _draw(task, model)


def _measure_of_pdb(name: str | None) -> str:
    """The measure that goes into the PDB file's B-factors."""
    known = [column.name for column in ATOM_COLUMNS if column.name not in _POSITION]
    if name is None or name in known:
        return name or _B_FACTOR
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    raise UsageError(f"{name!r} is no measure of an atom" + (f"; did you mean {nearest[0]}?" if nearest else ""))


def _table(model: AtomModel) -> pd.DataFrame:
    x, y, z = model.positions.T
    place = {"atom": range(len(x)), "element": model.element, "x_A": x, "y_A": y, "z_A": z}
    return pd.DataFrame(place | model.measures)


def _write_models(task: Task, model: AtomModel, table: pd.DataFrame, b_factor: str) -> None:
    from ase import Atoms

    atoms = Atoms(symbols=[model.element] * len(model.positions), positions=model.positions)
    for name in table.columns:
        if name not in _POSITION:
            atoms.set_array(name, table[name].to_numpy())
    write_atoms(task.output("atoms.xyz"), atoms)
    low, high = _PDB_LIMITS
    atoms.arrays[b_factor] = table[b_factor].clip(low, high).to_numpy(dtype=float)
    write_atoms(task.output("atoms.pdb"), atoms, b_factor=b_factor)


def _draw(task: Task, model: AtomModel) -> None:
    measures = model.measures
    places = model.grid.in_voxels(model.positions)
    save(
        map_slices(model.density, places, voxel_size=model.grid.voxel_size, occupancy=measures["occupancy"]),
        task.figure("atoms.png"),
    )
    figure = model_quality(
        measures["validation_correlation"],
        thresholds=(model.search.thresholds, model.search.correlations, model.search.atoms),
        chosen=float(model.facts["threshold"]),
    )
    save(figure, task.figure("atoms_validation.png"))
    figure = displacement_depth(
        model.positions, measures["u_iso_A2"], measures["u_iso_error_A2"], measures["degree_of_isotropy"]
    )
    save(figure, task.figure("atoms_displacements.png"))


_KEY_FACTS = {
    "atoms": "atoms",
    "validation_correlation_mean": "mean validation correlation",
    "validation_correlation_sd": "its standard deviation",
    "expected_false_atoms": "atoms that noise makes",
    "joined_atoms": "atoms split from others",
    "lonely_removed": "lonely atoms removed",
    "fit_resolution_A": "resolution of the fit (Å)",
    "u_iso_median_A2": "median U_iso (Å²)",
    "u_iso_error_median_A2": "its standard error (Å²)",
    "u_iso_published_median_A2": "median published U_iso (Å²)",
    "degree_of_isotropy_published_median": "median published degree of isotropy",
    "nearest_distance_median_A": "median nearest distance (Å)",
}


def section(folder: Path) -> Section:
    """The model in the report."""
    out, pictures = folder / "out", folder / "figures"
    values = read_json(out / "atoms.json", {})
    sentences = [
        f"{values['file']}: {values['atoms']} atoms of {values['element']}, validation correlation "
        f"{values['validation_correlation_mean']:.2f} ± {values['validation_correlation_sd']:.2f}."
    ]
    captions = {
        "atoms": (
            "Slabs of the map, 1.4 Å thick, and the atoms near them; smaller rings are atoms of less occupancy.",
            "atoms.csv",
        ),
        "atoms_validation": (
            "Validation correlation of all atoms, and how well atoms explain the map at each threshold.",
            "atoms_thresholds.csv",
        ),
        "atoms_displacements": (
            "Displacements and degrees of isotropy against the distance from the centre; noise lowers the latter.",
            "atoms.csv",
        ),
    }
    return Section(
        title=STAGE.title,
        sentences=sentences,
        warnings=values["notes"],
        figures=[
            Figure(path=pictures / f"{name}.png", caption=caption, data=out / data)
            for name, (caption, data) in captions.items()
        ],
        tables=[Table(columns=["measure", "value"], rows=[[name, values[key]] for key, name in _KEY_FACTS.items()])],
        downloads=[out / "atoms.xyz", out / "atoms.pdb"],
    )


STAGE = Stage(
    name="atoms",
    title="Atoms of a density",
    config=AtomsConfig,
    run=run,
    section=section,
    positional=("map",),
    outputs=OUTPUTS,
)
