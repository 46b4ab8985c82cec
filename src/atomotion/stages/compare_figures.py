"""The pictures of a comparison of states."""

import numpy as np
import pandas as pd

from atomotion.project.stage import Task
from atomotion.report.figures.state_changes import state_changes
from atomotion.report.figures.state_curves import Curve, state_curves
from atomotion.report.figures.state_relations import Scatter, state_relations
from atomotion.report.figures.state_steps import state_steps
from atomotion.report.figures.style import save
from atomotion.stages.compare_tables import Compared, fates
from atomotion.structure.disorder_trend import DisorderTrend

_TWO_SIDED = 1.96


def draw(
    task: Task,
    given: Compared,
    curves: pd.DataFrame,
    changes: pd.DataFrame,
    by_coordination: pd.DataFrame,
    correlations: pd.DataFrame,
    trend: DisorderTrend | None,
) -> None:
    """Draw the states, their curves, their steps and their relations."""
    titles = [_title(row) for row in curves.itertuples()]
    since_and_until = fates(given)
    spacing = float(np.median([summary["nearest_neighbour_distance_A"] for summary in given.summaries]))
    figure = state_changes(
        given.found.positions,
        [until for _, until in since_and_until],
        [since for since, _ in since_and_until],
        titles,
        spacing=spacing,
    )
    save(figure, task.figure("compare.png"))
    times = None if given.windows is None else (given.windows.t0, given.windows.t1)
    save(state_curves(_curves(given, curves), times=times, rates=given.rates()), task.figure("compare_curves.png"))
    save(state_steps(changes, by_coordination), task.figure("compare_steps.png"))
    scatters = _scatters(curves, correlations, trend)
    if len(curves) > 2 and scatters:
        save(state_relations(scatters), task.figure("compare_relations.png"))


def _title(row: object) -> str:
    number, atoms, t0, t1 = (getattr(row, name) for name in ("state", "atoms", "t0_s", "t1_s"))
    window = "" if not np.isfinite(t0) else f"\n{t0:g} s" if t0 == t1 else f"\n{t0:g} to {t1:g} s"
    return f"state {number}: {atoms} atoms{window}"


def _curves(given: Compared, curves: pd.DataFrame) -> list[Curve]:
    dynamics = given.config.dynamics
    atoms = curves["atoms"].to_numpy(float)
    core = curves["fraction_cn_above_8"].to_numpy(float)
    strain = curves["mean_radial_strain_percent"].to_numpy(float)
    depth, low, high = (curves[f"penetration_depth{end}_A"].to_numpy(float) for end in ("", "_low", "_high"))
    return [
        Curve(
            "atoms",
            atoms,
            atoms * (1 - _TWO_SIDED * dynamics.atoms_error),
            atoms * (1 + _TWO_SIDED * dynamics.atoms_error),
        ),
        _with_error("share with CN > 8", core, np.full(len(core), dynamics.core_error)),
        _with_error("radial strain (%)", strain, curves["mean_radial_strain_error_percent"].to_numpy(float)),
        Curve("hull diameter (Å)", curves["hull_diameter_A"].to_numpy(float)),
        Curve("penetration depth (Å)", depth, low, high),
        Curve("disordered fraction", curves["disordered_fraction"].to_numpy(float)),
        Curve("crystallinity score (program)", curves["crystallinity_score_program"].to_numpy(float)),
    ]


def _with_error(label: str, values: np.ndarray, error: np.ndarray) -> Curve:
    return Curve(label, values, values - _TWO_SIDED * error, values + _TWO_SIDED * error)


def _scatters(curves: pd.DataFrame, correlations: pd.DataFrame, trend: DisorderTrend | None) -> list[Scatter]:
    found = []
    strain, score = (
        curves[name].to_numpy(float) for name in ("mean_radial_strain_percent", "crystallinity_score_program")
    )
    row = correlations.set_index("second").loc["crystallinity_score_program"]
    if np.isfinite(row["r"]):
        interval = f" ({row['low']:.2f} to {row['high']:.2f})" if np.isfinite(row["low"]) else ""
        text = f"R = {row['r']:.2f}{interval}"
        found.append(Scatter(strain, score, "radial strain (%)", "crystallinity score (program)", text))
    diameter, share = (curves[name].to_numpy(float) for name in ("hull_diameter_A", "disordered_fraction"))
    line, text = None, ""
    if trend is not None:
        x = np.linspace(diameter.min() - 0.02 * np.ptp(diameter), diameter.max(), 200)
        line = (x, trend.share(x))
        text = f"1 - A (d - {trend.critical_diameter:.1f} Å)^{-trend.exponent:.2f}"
    found.append(Scatter(diameter, share, "hull diameter (Å)", "disordered fraction", text, line))
    return found
