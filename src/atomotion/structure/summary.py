"""The measures of a whole particle."""

from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms

from atomotion.data import InputError
from atomotion.structure.bonds import surface_contraction
from atomotion.structure.config import StructureConfig
from atomotion.structure.penetration import penetration_depth
from atomotion.structure.score import crystallinity_score
from atomotion.structure.table import measure_atoms

_ICOSAHEDRAL = -0.15  # normalised w6: -0.1698 for an icosahedron, -0.013 for FCC and HCP
_PLATEAU = (10.0, 12.0)


def summarise_particle(
    atoms: Atoms, config: StructureConfig | None = None, *, table: pd.DataFrame | None = None
) -> dict[str, Any]:
    """The measures of a whole particle, by names that carry their units.

    Medians, core ratio and penetration depth are those of paper 004, hull diameter and disordered atoms those of paper
    002, radial strain, coordination above 8 and crystallinity score those of paper 001; docs/methods/structure.md
    explains every key.

    Parameters
    ----------
    atoms : ase.Atoms
    config : StructureConfig
    table : DataFrame or None
        What `measure_atoms` returned for the same atoms and config, to save measuring again. A table read from a file
        has lost its `attrs`, and is measured again.

    Returns
    -------
    dict
        NaN for what is not known; ``notes`` says why.

    Raises
    ------
    InputError
        As `measure_atoms`.
    """
    config = StructureConfig() if config is None else config
    if table is None or "particle" not in table.attrs:
        table = measure_atoms(atoms, config)
    notes = list(table.attrs["notes"])
    facts: dict[str, Any] = dict(table.attrs["particle"])
    coordination = table["coordination_number"].to_numpy()
    exposed = table["surface"].to_numpy(dtype=bool)
    disordered = int((~table["crystalline"].to_numpy(dtype=bool)).sum())
    contraction = surface_contraction(table["mean_bond_A"].to_numpy(), exposed)
    kinds, sites = table["structure"], table["site"]
    return (
        {"atoms": len(table)}
        | facts
        | {
            "median_cn": float(np.median(coordination)),
            "mean_cn": float(coordination.mean()),
            "core_ratio": float((coordination == 12).mean()),
            "fraction_cn_above_8": float((coordination > 8).mean()),
            "surface_atoms": int(exposed.sum()),
            "layers": int(table["layer"].max()),
            "median_bond_length_A": _median(table["nearest_bond_A"]),
            "mean_bond_length_A": _mean(table["mean_bond_A"]),
            "surface_contraction_percent": contraction.percent,
            "surface_contraction_error_percent": contraction.error_percent,
            "bond_angle_deviation_deg": _mean(table["bond_angle_deviation_deg"]),
            "median_radial_strain_percent": _median(table["radial_strain_percent"]),
            "mean_radial_strain_percent": _mean(table["radial_strain_percent"]),
            "disordered_atoms": disordered,
            "disordered_fraction": disordered / len(table),
            "mean_q4": _mean(table["q4_averaged"]),
            "mean_q6": _mean(table["q6_averaged"]),
            "icosahedral_atoms": int((table["w6_normalised"] < _ICOSAHEDRAL).sum()),
            **{f"{kind}_atoms": int((kinds == kind).sum()) for kind in ("fcc", "hcp", "fivefold", "other")},
            **{f"{site}_atoms": int((sites == site).sum()) for site in ("step", "kink", "edge", "vertex")},
            "adatoms": int((sites == "adatom").sum()),
            **_penetration(table, config, notes),
            **_crystallinity(table, float(facts["bulk_lattice_A"]), notes),
            "notes": notes,
        }
    )


def _penetration(table: pd.DataFrame, config: StructureConfig, notes: list[str]) -> dict[str, float]:
    """Depths from coordination numbers, plain and generalised as published, with the interval of the former."""
    depth = table["radial_depth_A" if config.depth == "radial" else "depth_A"]
    found: dict[str, float] = {}
    for key, column in (
        ("penetration_depth", "coordination_number"),
        ("generalized_penetration_depth", "generalized_coordination_number_published"),
    ):
        try:
            fit = penetration_depth(depth, table[column], atoms_per_point=config.atoms_per_point, plateau=_PLATEAU)
            values, problem = (fit.depth, fit.low, fit.high), fit.problem
        except InputError as error:
            values, problem = (float("nan"),) * 3, str(error)
        if problem:
            notes.append(f"no {key.replace('_', ' ')}: {problem}")
        found |= {f"{key}_A": values[0], f"{key}_low_A": values[1], f"{key}_high_A": values[2]}
    return found


def _crystallinity(table: pd.DataFrame, bulk: float, notes: list[str]) -> dict[str, float]:
    keys = ("crystallinity_score_text", "crystallinity_score_program", "crystallinity_distance")
    try:
        if not np.isfinite(bulk):
            raise InputError("the bulk lattice constant is not known")
        score = crystallinity_score(table[["x_A", "y_A", "z_A"]].to_numpy(), bulk=bulk)
    except InputError as error:
        notes.append(f"no crystallinity score: {error}")
        return dict.fromkeys(keys, float("nan"))
    return dict(zip(keys, (score.text, score.program, score.text_distance), strict=True))


def _median(column: pd.Series) -> float:
    return float(column.median())


def _mean(column: pd.Series) -> float:
    return float(column.mean())
