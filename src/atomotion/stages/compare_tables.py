"""The tables of a comparison of states, from what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.stages.states import GivenState, Windows
from atomotion.structure.binned import by_coordination
from atomotion.structure.changes import composition_changes
from atomotion.structure.comparison_config import CompareConfig
from atomotion.structure.rates import (
    ChangeRates,
    change_rates,
    correlation_over_states,
    linear_trend,
    means_over_states,
)
from atomotion.structure.series_comparison import SeriesComparison

if TYPE_CHECKING:
    from ase import Atoms

# measures of a state that are given as they are in its summary
CURVES = (
    "hull_diameter_A", "largest_distance_A", "lattice_parameter_A", "mean_cn", "core_ratio", "fraction_cn_above_8",
    "median_bond_length_A", "mean_radial_strain_percent", "penetration_depth_A", "penetration_depth_low_A",
    "penetration_depth_high_A", "crystallinity_score_text", "crystallinity_score_program", "crystallinity_distance",
    "disordered_atoms", "disordered_fraction", "mean_q6",
)  # fmt: skip
_TRENDS = (
    "atoms", "fraction_cn_above_8", "core_ratio", "mean_radial_strain_percent", "penetration_depth_A",
    "disordered_fraction", "crystallinity_score_program", "crystallinity_distance", "mean_q6", "hull_diameter_A",
)  # fmt: skip
_AGAINST_STRAIN = (
    "crystallinity_score_program",
    "crystallinity_distance",
    "disordered_fraction",
    "fraction_cn_above_8",
)
_PER_ATOM = (
    "coordination_number", "generalized_coordination_number", "nearest_bond_A", "radial_strain_percent", "q6_averaged",
    "crystalline", "surface",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """Everything that is known of the states.

    Parameters
    ----------
    states : sequence of GivenState
    found : SeriesComparison
    atoms : sequence of DataFrame
        The table of `measure_atoms` of every aligned state.
    summaries : sequence of dict
        `summarise_particle` of each.
    windows : Windows or None
    config : CompareConfig
    """

    states: Sequence[GivenState]
    found: SeriesComparison
    atoms: Sequence[pd.DataFrame]
    summaries: Sequence[dict[str, Any]]
    windows: Windows | None
    config: CompareConfig

    @property
    def counts(self) -> NDArray[np.float64]:
        """(states,) numbers of atoms."""
        return np.array([len(state.atoms) for state in self.states], dtype=float)

    @property
    def symbols(self) -> list[NDArray[np.str_]]:
        """The elements of every state's atoms."""
        return [np.array(state.atoms.get_chemical_symbols()) for state in self.states]

    def rates(self) -> ChangeRates | None:
        """Atoms per second from each state to the next; None without times."""
        if self.windows is None:
            return None
        errors = self.config.dynamics.atoms_error * self.counts
        return change_rates(self.counts, self.windows.t0, self.windows.t1, errors=errors)


def states_table(given: Compared) -> pd.DataFrame:
    """One row per state."""
    number, none = len(given.states), np.full(len(given.states), np.nan)
    windows, core = given.windows, given.found.core
    strain = means_over_states([table["radial_strain_percent"].to_numpy(float) for table in given.atoms])
    table = pd.DataFrame(
        {
            "state": np.arange(1, number + 1),
            "source": [state.source for state in given.states],
            "t0_s": none if windows is None else windows.t0,
            "t1_s": none if windows is None else windows.t1,
            "time_s": none if windows is None else windows.middle,
            "atoms": given.counts.astype(int),
            "core_share": core.share(given.counts.astype(int).tolist()),
            **{name: [summary[name] for summary in given.summaries] for name in CURVES},
            "notes": ["; ".join(summary["notes"]) for summary in given.summaries],
        }
    )
    table.insert(list(table.columns).index("penetration_depth_A"), "mean_radial_strain_error_percent", strain.error)
    return table


def changes_table(given: Compared) -> pd.DataFrame:
    """One row per step from a state to the next."""
    rates, rows = given.rates(), []
    for step, (changes, laid) in enumerate(zip(given.found.changes, given.found.alignments, strict=True)):
        distance = changes.distances
        rows.append(
            {
                "state_before": step + 1,
                "state_after": step + 2,
                "atoms_before": int(given.counts[step]),
                "atoms_after": int(given.counts[step + 1]),
                "kept": len(changes.kept),
                "removed": len(changes.removed),
                "added": len(changes.added),
                "rearranged": len(changes.rearranged),
                "lost": len(changes.lost),
                "gained": len(changes.gained),
                "common_share": changes.common,
                "mean_displacement_A": float(distance.mean()),
                "median_displacement_A": float(np.median(distance)),
                "largest_displacement_A": float(distance.max()),
                "rms_displacement_A": float(np.sqrt(np.mean(distance**2))),
                "alignment_score": laid.score,
                "alignment_next_score": laid.next_score,
                "mirrored": laid.motion.mirrored,
                "rate_atoms_per_s": np.nan if rates is None else rates.rate[step],
                "rate_low_atoms_per_s": np.nan if rates is None else rates.low[step],
                "rate_high_atoms_per_s": np.nan if rates is None else rates.high[step],
            }
        )
    return pd.DataFrame(rows)


def composition_table(given: Compared) -> pd.DataFrame:
    """One row per step and element."""
    rows = []
    for step, (changes, (before, after)) in enumerate(zip(given.found.changes, pairwise(given.symbols), strict=True)):
        for element, counts in composition_changes(before, after, changes).items():
            rows.append({"state_before": step + 1, "state_after": step + 2, "element": element} | counts)
    return pd.DataFrame(rows)


def displacements_table(given: Compared) -> pd.DataFrame:
    """One row per atom that is kept in a step."""
    tables = []
    for step, changes in enumerate(given.found.changes):
        before, after = changes.kept.T
        tables.append(
            pd.DataFrame(
                {
                    "state_before": step + 1,
                    "state_after": step + 2,
                    "atom_before": before,
                    "atom_after": after,
                    "element": given.symbols[step][before],
                    "coordination_number": given.atoms[step]["coordination_number"].to_numpy()[before],
                    **{f"displacement_{axis}_A": changes.displacements[:, i] for i, axis in enumerate("xyz")},
                    "displacement_A": changes.distances,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def displacements_by_coordination(moved: pd.DataFrame) -> pd.DataFrame:
    """Mean displacement by coordination number: in every step, and in all together."""
    steps = [(f"{first} to {second}", each) for (first, second), each in moved.groupby(["state_before", "state_after"])]
    tables = [
        by_coordination(each["coordination_number"], each["displacement_A"]).assign(step=name)
        for name, each in [*steps, ("all", moved)]
    ]
    table = pd.concat(tables, ignore_index=True)
    named = table.rename(columns={"mean": "mean_A", "sd": "sd_A", "standard_error": "standard_error_A"})
    return named[["step", "coordination_number", "atoms", "mean_A", "sd_A", "standard_error_A"]]


def tracks_table(given: Compared) -> pd.DataFrame:
    """One row per atom ever seen: the states between which it is there, and its mean place."""
    rows = []
    for track, indices in enumerate(given.found.atoms):
        present = np.flatnonzero(indices >= 0)
        places = np.array([given.found.positions[state][indices[state]] for state in present])
        element = given.symbols[present[0]][indices[present[0]]]
        rows.append((track, element, int(present[0]) + 1, int(present[-1]) + 1, *places.mean(axis=0)))
    return pd.DataFrame(rows, columns=["track", "element", "first_state", "last_state", "x_A", "y_A", "z_A"])


def core_table(given: Compared) -> pd.DataFrame:
    """One row per atom of the time-invariant core."""
    core = given.found.core
    return pd.DataFrame(
        {
            "core_atom": np.arange(len(core.positions)),
            "element": given.symbols[0][core.indices[0]],
            **{f"{axis}_A": core.positions[:, i] for i, axis in enumerate("xyz")},
            "spread_A": core.spread,
        }
    )


def trends_table(states: pd.DataFrame) -> pd.DataFrame:
    """The straight line of every curve against time; curves with fewer than two values are left out."""
    rows = []
    for measure in _TRENDS:
        try:
            line = linear_trend(states["time_s"], states[measure])
        except InputError:
            continue
        rows.append((measure, line.slope, line.low, line.high, line.intercept, line.r_squared))
    return pd.DataFrame(rows, columns=["measure", "slope_per_s", "low_per_s", "high_per_s", "intercept", "r_squared"])


def correlations_table(states: pd.DataFrame) -> pd.DataFrame:
    """The mean radial strain against other measures, over the states."""
    rows = []
    for measure in _AGAINST_STRAIN:
        row: tuple[Any, ...] = (np.nan, np.nan, np.nan, np.nan)
        count, problem = 0, ""
        try:
            found = correlation_over_states(states["mean_radial_strain_percent"], states[measure])
            row, count = (found.r, found.low, found.high, found.p_value), found.states
        except InputError as error:
            problem = str(error)
        rows.append(("mean_radial_strain_percent", measure, *row, count, problem))
    return pd.DataFrame(rows, columns=["first", "second", "r", "low", "high", "p_value", "states", "problem"])


def fates(given: Compared) -> list[tuple[NDArray[np.str_], NDArray[np.str_]]]:
    """Per state: how its atoms came since the one before, and what becomes of them until the next.

    Words: kept, added, removed, rearranged; none where there is no state before or after.
    """
    since = [
        np.full(len(state.atoms), "none" if not n else "kept", dtype="<U10") for n, state in enumerate(given.states)
    ]
    until = [np.full(len(state.atoms), "kept", dtype="<U10") for state in given.states]
    until[-1][:] = "none"
    for step, changes in enumerate(given.found.changes):
        until[step][changes.removed] = "removed"
        since[step + 1][changes.added] = "added"
        until[step][changes.rearranged[:, 0]] = "rearranged"
        since[step + 1][changes.rearranged[:, 1]] = "rearranged"
    return list(zip(since, until, strict=True))


def aligned_states(given: Compared) -> "list[Atoms]":
    """The states in the frame of the first, with what was found of every atom as arrays, for one extXYZ series."""
    from ase import Atoms

    series = []
    for number, (state, (since, until)) in enumerate(zip(given.states, fates(given), strict=True)):
        info: dict[str, Any] = {"state": number + 1, "source": state.source}
        if given.windows is not None:
            info |= {"t0": float(given.windows.t0[number]), "t1": float(given.windows.t1[number])}
        atoms = Atoms(symbols=state.atoms.symbols, positions=given.found.positions[number], info=info)
        track = np.full(len(atoms), -1)
        rows = np.flatnonzero(given.found.atoms[:, number] >= 0)
        track[given.found.atoms[rows, number]] = rows
        core = np.zeros(len(atoms), dtype=bool)
        core[given.found.core.indices[number]] = True
        moved = np.full((len(atoms), 3), np.nan)
        if number < len(given.found.changes):
            changes = given.found.changes[number]
            moved[changes.kept[:, 0]] = changes.displacements
        arrays = {"track": track, "core": core, "since": since, "until": until}
        arrays |= {"is_new": np.isin(since, ["added", "rearranged"])}
        arrays |= {"is_gone_next": np.isin(until, ["removed", "rearranged"]), "displacement": moved}
        for name, values in arrays.items():
            atoms.set_array(name, values)
        for name in _PER_ATOM:
            atoms.set_array(name, given.atoms[number][name].to_numpy())
        series.append(atoms)
    return series
