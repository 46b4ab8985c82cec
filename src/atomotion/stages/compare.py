"""How a particle changes from state to state: what stays, goes, comes and moves, and what kind of dynamics that is."""

from pathlib import Path
from typing import Any

import pandas as pd

from atomotion.data import InputError
from atomotion.io.atoms import write_atoms
from atomotion.project.leaf import read_json
from atomotion.project.stage import Stage, Task
from atomotion.report.page import Figure, Section, Table
from atomotion.stages import compare_tables as tables
from atomotion.stages.compare_densities import compare_densities
from atomotion.stages.compare_figures import draw
from atomotion.stages.compare_outputs import OUTPUTS
from atomotion.stages.compare_tables import Compared
from atomotion.stages.states import GivenState, Windows, read_series, time_windows
from atomotion.structure.comparison_config import CompareConfig
from atomotion.structure.disorder_trend import DisorderTrend, fit_disorder
from atomotion.structure.kinds import KIND_NAMES, kind_of_dynamics
from atomotion.structure.rates import linear_trend
from atomotion.structure.series_comparison import SeriesComparison, compare_series
from atomotion.structure.summary import summarise_particle
from atomotion.structure.table import measure_atoms

# less than this share of atoms in common is hardly one particle
_FEW_COMMON = 0.5
_NO_TIMES = "the times of the states are not known; pass --times, for example --times 0s:5s,6s:11s"


def run(task: Task) -> None:
    """Compare the ``states``, in the order of time, and their ``densities``; ``times`` overrules those in the files."""
    config: CompareConfig = task.config
    states = read_series(task.inputs["states"], element=task.inputs.get("element"))
    windows = time_windows(states, task.inputs.get("times"))
    species = _species(states) if config.by_element else None
    found = compare_series(
        [state.atoms.positions for state in states],
        config.alignment,
        species=species,
        farthest=config.farthest,
        on_step=task.steps("alignments"),
    )
    given = _measured(task, states, found, windows)
    densities, doubts = compare_densities(task, given, task.inputs.get("densities"))
    notes = _notes(given) + doubts
    for note in notes:
        task.warn(note)
    curves = tables.states_table(given)
    changes = tables.changes_table(given)
    moved = tables.displacements_table(given)
    by_coordination = tables.displacements_by_coordination(moved)
    correlations = tables.correlations_table(curves)
    trend = _disorder(curves, notes)
    task.write_table("compare_states.csv", curves)
    task.write_table("compare_changes.csv", changes)
    task.write_table("compare_composition.csv", tables.composition_table(given))
    task.write_table("compare_displacements.csv", moved)
    task.write_table("compare_displacements_by_coordination.csv", by_coordination)
    task.write_table("compare_tracks.csv", tables.tracks_table(given))
    task.write_table("compare_core.csv", tables.core_table(given))
    task.write_table("compare_correlations.csv", correlations)
    if windows is not None:
        task.write_table("compare_trends.csv", tables.trends_table(curves))
    write_atoms(task.output("compare_aligned.xyz"), tables.aligned_states(given))
    summary = _summary(given, changes, moved) | _rate(given) | _relations(correlations, trend) | _kind(given, curves)
    task.write_json("compare.json", summary | densities | {"notes": notes})
    draw(task, given, curves, changes, by_coordination, correlations, trend)


def _species(states: list[GivenState]) -> list[list[str]] | None:
    """The elements of every state, where there is more than one."""
    symbols = [state.atoms.get_chemical_symbols() for state in states]
    return symbols if len(set().union(*symbols)) > 1 else None


def _measured(task: Task, states: list[GivenState], found: SeriesComparison, windows: Windows | None) -> Compared:
    measures, summaries = [], []
    report = task.steps("states measured")
    for number, (state, positions) in enumerate(zip(states, found.positions, strict=True), start=1):
        atoms = state.atoms.copy()
        atoms.positions = positions
        try:
            table = measure_atoms(atoms, task.config.structure)
        except InputError as error:
            raise InputError(f"state {number} ({state.source}): {error}") from error
        measures.append(table)
        summaries.append(summarise_particle(atoms, task.config.structure, table=table))
        report(number, len(states))
    return Compared(
        states=states, found=found, atoms=measures, summaries=summaries, windows=windows, config=task.config
    )


def _notes(given: Compared) -> list[str]:
    """What a user should know before believing the numbers."""
    notes = [] if given.windows is not None else [f"no rates and no kind of dynamics: {_NO_TIMES}"]
    for number, summary in enumerate(given.summaries, start=1):
        notes += [f"state {number}: {note}" for note in summary["notes"]]
    for step, (changes, laid) in enumerate(zip(given.found.changes, given.found.alignments, strict=True), start=1):
        if changes.common < _FEW_COMMON:
            notes.append(
                f"states {step} and {step + 1} have {changes.common:.0%} of the smaller one's atoms in common; check "
                "that they are one particle, or try --alignment-mirror"
            )
        if laid.next_score >= laid.score - given.config.alignment.tie:
            notes.append(
                f"states {step} and {step + 1} lie on each other in more than one way equally well: the numbers of "
                "atoms are right, but not which atom is which"
            )
    return notes


def _summary(given: Compared, changes: pd.DataFrame, moved: pd.DataFrame) -> dict[str, Any]:
    matching, core = given.config.alignment.matching, given.found.core
    share = core.share(given.counts.astype(int).tolist())
    return {
        "states": len(given.states),
        "sources": [state.source for state in given.states],
        "elements": sorted(set().union(*given.symbols)),
        "times_known": given.windows is not None,
        "matching_limit_A": matching.limit,
        "matching_rule": matching.rule,
        "atoms_first": int(given.counts[0]),
        "atoms_last": int(given.counts[-1]),
        **{name: changes[name].tolist() for name in ("kept", "removed", "added", "rearranged")},
        "mean_displacement_A": float(moved["displacement_A"].mean()),
        "core_atoms": len(core.positions),
        "core_share_first": float(share[0]),
        "core_share_last": float(share[-1]),
        "core_spread_A": float(core.spread.mean()) if len(core.spread) else None,
    }


def _rate(given: Compared) -> dict[str, Any]:
    """The mean rate over all states; for two of them what their windows allow."""
    keys = ("rate_atoms_per_s", "rate_low_atoms_per_s", "rate_high_atoms_per_s")
    if given.windows is None:
        return dict.fromkeys(keys)
    rates = given.rates()
    if len(given.states) == 2 and rates is not None:
        return dict(zip(keys, (rates.rate[0], rates.low[0], rates.high[0]), strict=True))
    line = linear_trend(given.windows.middle, given.counts)
    return dict(zip(keys, (line.slope, line.low, line.high), strict=True))


def _disorder(curves: pd.DataFrame, notes: list[str]) -> DisorderTrend | None:
    try:
        return fit_disorder(curves["hull_diameter_A"], curves["disordered_fraction"])
    except InputError as error:
        notes.append(f"no fit of disorder against diameter: {error}")
        return None


def _relations(correlations: pd.DataFrame, trend: DisorderTrend | None) -> dict[str, Any]:
    row = correlations[correlations["second"] == "crystallinity_score_program"].iloc[0]
    return {
        "strain_crystallinity_r": row["r"],
        "strain_crystallinity_low": row["low"],
        "strain_crystallinity_high": row["high"],
        "disorder_amplitude": None if trend is None else trend.amplitude,
        "disorder_exponent": None if trend is None else trend.exponent,
        "disorder_critical_diameter_A": None if trend is None else trend.critical_diameter,
        "disorder_critical_diameter_error_A": None if trend is None else trend.critical_diameter_error,
        "disorder_rms": None if trend is None else trend.rms,
    }


def _kind(given: Compared, curves: pd.DataFrame) -> dict[str, Any]:
    if given.windows is None:
        return {
            "kind": "undetermined",
            "kind_name": KIND_NAMES["undetermined"],
            "reason": _NO_TIMES,
            "runner_up": None,
            "margin": None,
            "scores": {},
            "evidence": {"states": len(given.states)},
        }
    verdict = kind_of_dynamics(
        given.windows.middle, given.counts, curves["fraction_cn_above_8"], config=given.config.dynamics
    )
    judged = bool(verdict.scores)
    return {
        "kind": verdict.kind,
        "kind_name": KIND_NAMES[verdict.kind],
        "reason": verdict.reason,
        "runner_up": verdict.runner_up if judged else None,
        "margin": verdict.margin if judged else None,
        "scores": verdict.scores,
        "evidence": verdict.evidence,
    }


def section(folder: Path) -> Section:
    """The comparison in the report."""
    out, pictures = folder / "out", folder / "figures"
    values = read_json(out / "compare.json", {})
    changes = pd.read_csv(out / "compare_changes.csv")
    sentences = [
        f"{values['states']} states of {values['atoms_first']} to {values['atoms_last']} atoms; {values['core_atoms']} "
        "stay at their places in all of them.",
        f"Kind of dynamics: {values['kind_name']} ({values['kind']}): {values['reason']}."
        if values["kind"] != "undetermined"
        else f"Kind of dynamics: undetermined: {values['reason']}.",
    ]
    if values["runner_up"] is not None:
        sentences.append(f"The next kind is {values['runner_up']}; the margin is {values['margin']:.2f}.")
    if values["rate_atoms_per_s"] is not None:
        low, high = values["rate_low_atoms_per_s"], values["rate_high_atoms_per_s"]
        within = f" (95 %: {low:.3g} to {high:.3g})" if None not in (low, high) else ""
        sentences.append(f"The number of atoms changes by {values['rate_atoms_per_s']:.3g} per second{within}.")
    captions = {
        "compare": (
            "The states in one frame. Above, atoms that are gone, or elsewhere, in the next state; below, those that "
            "are new since the one before.",
            "compare_changes.csv",
        ),
        "compare_curves": (
            "Measures of the states. Bands are 95 %: of the numbers as the errors of the kind of dynamics have it, of "
            "the strain from the spread among atoms, of the depth from its fit.",
            "compare_states.csv",
        ),
        "compare_steps": (
            "Left, atoms that change in every step. Right, how far atoms that stay move, by coordination number.",
            "compare_displacements_by_coordination.csv",
        ),
        "compare_density": (
            "Above, how the densities of neighbouring states correlate when one is shifted along crystal directions. "
            "Below, the slices that change most; orange is what does not correlate.",
            "compare_density_offsets.csv",
        ),
        "compare_relations": (
            "Left, radial strain and crystallinity score of the states. Right, disordered atoms and size.",
            "compare_correlations.csv",
        ),
    }
    figures = [
        Figure(path=pictures / f"{name}.png", caption=caption, data=out / data)
        for name, (caption, data) in captions.items()
        if (pictures / f"{name}.png").exists()
    ]
    columns = ["state_before", "state_after", "kept", "removed", "added", "rearranged", "mean_displacement_A"]
    columns += ["rate_atoms_per_s"] if values["times_known"] else []
    steps = Table(columns=columns, rows=changes[columns].to_numpy(object).tolist())
    shown = [[name, score] for name, score in sorted(values["scores"].items(), key=lambda item: -item[1])]
    more = [Table(columns=["kind", "score"], rows=shown, caption="Scores of the kinds.")] if shown else []
    return Section(title=STAGE.title, sentences=sentences, figures=figures, tables=[steps, *more])


STAGE = Stage(
    name="compare",
    title="Changes between states",
    config=CompareConfig,
    run=run,
    section=section,
    positional=("states",),
    outputs=OUTPUTS,
)
