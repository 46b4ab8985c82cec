"""What a reconstruction leaves behind: files, pictures, and its part of the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import ParticleSeries
from atomotion.geometry.rotations import matrices_from_quaternions
from atomotion.io.atoms import write_atoms
from atomotion.io.maps import write_map
from atomotion.io.star import write_poses
from atomotion.neighbours import coordination_numbers, coordination_radius, first_minimum, neighbour_pairs
from atomotion.project.leaf import read_json
from atomotion.project.stage import Task
from atomotion.report.figures.reconstructed import density_slices, evidence_over_time, how_sure
from atomotion.report.figures.style import save
from atomotion.report.figures.turning_atoms import save_turning
from atomotion.report.figures.window_evidence import rotation_over_time as draw_rotation
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.window_boxes import Boxes
from atomotion.tomography.coverage import SEEN_WITHIN_DEG, UNCERTAIN, worst_errors
from atomotion.tomography.reconstruction import Reconstruction
from atomotion.tomography.turning import RotationOverTime

_PDB_LARGEST = 999.99


def write_results(
    task: Task,
    series: ParticleSeries,
    stack: Path,
    boxes: Boxes,
    result: Reconstruction,
    turning: RotationOverTime | None,
) -> None:
    """Write atoms, density, poses and tables; `stack` is the file of boxes that the poses name."""
    from ase import Atoms

    atoms = Atoms(symbols=[result.element] * len(result), positions=result.positions)
    atoms.set_array("occupancy", result.occupancies)
    atoms.set_array("position_sigma_A", result.sigmas)
    if result.covariances is not None:
        atoms.set_array("worst_sigma_A", worst_errors(result.covariances)[0])
    if result.agreement is not None:
        atoms.set_array("validation_correlation", result.agreement)
    if result.widths is not None:
        atoms.set_array("u_iso_A2", result.widths.u_iso)
        atoms.set_array("u_iso_sigma_A2", result.widths.u_errors)
    for name, key in (("t0", "t0_s"), ("t1", "t1_s")):
        if boxes.facts[key] is not None:
            atoms.info[name] = boxes.facts[key]
    write_atoms(task.output("atoms.xyz"), atoms)
    atoms.arrays["position_sigma_A"] = np.nan_to_num(result.sigmas, nan=_PDB_LARGEST).clip(0.0, _PDB_LARGEST)
    write_atoms(task.output("atoms.pdb"), atoms, b_factor="position_sigma_A")
    write_map(task.output("density.mrc"), result.density)
    assert series.pixel_size is not None
    write_poses(
        task.output("poses.star"),
        result.poses,
        stack=stack.name,
        numbers=boxes.box + 1,
        pixel_size=series.pixel_size,
        image_size=int(boxes.images.shape[-1]),
        voltage=series.voltage,
        cs=series.cs,
    )
    turned, shifts = result.poses.quaternions, result.poses.shifts
    task.write_table(
        "poses.csv",
        pd.DataFrame(
            {
                "box": boxes.box,
                "frame": boxes.frame,
                "time_s": np.nan if boxes.times is None else boxes.times,
                **{f"q_{axis}": turned[:, i] for i, axis in enumerate("wxyz")},
                "dx_A": shifts[:, 0],
                "dy_A": shifts[:, 1],
                "z": result.poses.score,
                "copy_margin": result.copy_margins,
                "weight": result.poses.weight,
                "turn_deg": _steps_of(turning, len(boxes.box)),
            }
        ),
    )
    if turning is not None:
        names = {"middle_s": "middles", "diffusion_rad2_per_s": "diffusion", "low_rad2_per_s": "low"}
        names |= {"high_rad2_per_s": "high", "pose_error_deg": "pose_error_deg"}
        task.write_table("rotation.csv", pd.DataFrame({name: getattr(turning, of) for name, of in names.items()}))
    if result.halves is not None:
        shells = result.halves.shells
        task.write_table("fsc.csv", pd.DataFrame({"frequency_per_A": shells.k, "correlation": shells.correlation}))


def _steps_of(turning: RotationOverTime | None, count: int) -> NDArray[np.float64]:
    """(n,) turn [deg] since the image before; NaN for the first, and without order."""
    return np.full(count, np.nan) if turning is None else np.concatenate([[np.nan], turning.steps_deg])


def draw_results(task: Task, boxes: Boxes, result: Reconstruction, turning: RotationOverTime | None) -> None:
    """Draw the density, the evidence against time, the rotation, how sure the atoms are, and the atoms turning."""
    density = result.density
    figure = density_slices(density.values, result.positions, voxel_size=density.voxel_size, first=density.first_voxel)
    save(figure, task.figure("density.png"))
    time = boxes.frame.astype(float) if boxes.times is None else boxes.times
    assert result.poses.score is not None
    figure = evidence_over_time(
        time,
        label="frame" if boxes.times is None else "time (s)",
        z=result.poses.score,
        margin=result.copy_margins,
        step_deg=_steps_of(turning, len(boxes.box)),
    )
    save(figure, task.figure("evidence.png"))
    if turning is not None and np.isfinite(turning.diffusion).sum() > 1:
        figure = draw_rotation(
            time[1:],
            turning.steps_deg,
            label="frame" if boxes.times is None else "time (s)",
            middles=turning.middles if boxes.times is not None else time[0] + turning.middles,
            diffusion=turning.diffusion,
            low=turning.low,
            high=turning.high,
            unit="rad² per image" if boxes.times is None else "rad²/s",
        )
        save(figure, task.figure("rotation.png"))
    views = matrices_from_quaternions(result.poses.quaternions)[:, 2, :]
    shells = None if result.halves is None else result.halves.shells
    figure = how_sure(
        views=views,
        sigmas=result.sigmas,
        k=np.zeros(0) if shells is None else shells.k,
        shells=None if shells is None else shells.correlation,
    )
    save(figure, task.figure("sure.png"))
    spacing = first_minimum(result.positions).peak
    shown = coordination_numbers(neighbour_pairs(result.positions, coordination_radius(np.sqrt(2.0) * spacing)))
    save_turning(task.figure("atoms.gif"), result.positions, shown, radius=0.42 * spacing)


def section(folder: Path) -> Section:
    """The reconstruction in the report."""
    values, pictures = read_json(folder / "out" / "summary.json", {}), folder / "figures"
    agreement = values["half_atom_agreement"]
    rows = [
        ["images", values["images"], f"frames {values['frame_start']} to {values['frame_stop'] - 1}"],
        ["fit of images to what has not seen them", values["held_out_z"], "standard deviations of noise"],
        ["images on an ambiguous lattice copy", values["copy_ambiguity"], "share"],
        ["atoms on which both halves agree", agreement, "share, within 0.5 Å"],
        ["error of the atoms by the halves (Å)", values["half_rmsd_A"], "root mean square"],
        ["directions that nobody looked from", values["unseen_directions_fraction"], "share"],
        ["turn per image (°)", values["rotation_step_deg"], "root mean square"],
        ["half maps correlate by 0.143 (Å)", values["fsc_0143_A"], "how repeatable, not how right"],
    ]
    captions = {
        "atoms.gif": ("The atoms, coloured by coordination number.", "atoms.xyz"),
        "density.png": ("Slices of the density, with the atoms within 1 Å.", "density.mrc"),
        "evidence.png": (
            "Fit of every image to the atoms, its margin over other lattice copies, and the turn since the one before.",
            "poses.csv",
        ),
        "rotation.png": (
            "Turn since the box before, and the rotational diffusion in running windows of a hundred boxes, with its "
            "95 % interval and without the errors of the poses.",
            "rotation.csv",
        ),
        "sure.png": (
            "Directions of view (equal areas are equal), standard errors of the positions, correlation of the halves.",
            "atoms.xyz",
        ),
    }
    return Section(
        title="Atoms in three dimensions",
        sentences=[f"{values['atoms']} atoms of {values['element']}.", *_unseen(values["facts"])],
        figures=[
            Figure(path=pictures / name, caption=caption, data=folder / "out" / data)
            for name, (caption, data) in captions.items()
            if (pictures / name).exists()
        ],
        tables=[Table(columns=["", "", ""], rows=rows)],
    )


def _unseen(facts: Mapping[str, Any]) -> list[str]:
    """What no image looked at, and what that makes of the atoms; nothing where no errors are known."""
    if not facts or facts["uncertain_atoms"] is None:
        return []
    axis = ", ".join(f"{facts[f'worst_seen_{each}']:.2f}" for each in "xyz")
    return [
        f"{facts['unseen_directions_fraction']:.0%} of all directions have no view within {SEEN_WITHIN_DEG:g}°: errors "
        f"are largest along ({axis}), {facts['error_stretch']:.1f} times those of even views. "
        f"{facts['uncertain_atoms']} atoms are uncertain by more than {UNCERTAIN:g} Å along some direction; the "
        f"largest error is {facts['largest_error_A']:.2f} Å (`worst_sigma_A` of every atom in `atoms.xyz`)."
    ]
