"""From the raw movie of a particle that loses atoms several times to its compared states, without any hand work.

A liquid cell with one Pt particle of 314 atoms that loses 15 % and more of them at once, up to four times, at its
surface: 314, 262, 215, 165, 120 atoms, 400 frames each. The route finds the particle, its windows and its atoms by
itself. Goals at 50 e/Å² per frame, for every state down to 200 atoms: 95 % found, 2 % false, 0.12 Å, of the atoms with
nine neighbours or fewer 92 %; for that of 120 atoms: 90 %, 3 %, 0.15 Å; boundaries within 15 frames. Beside each state
stands what a sphere with the right number of atoms scores that has seen nothing.

    python benchmarks/whole_way.py [--states 5] [--frames 400] [--dose 50] [--seeds 1] [--folder DIR] [--start auto]

Movies and projects stay in the folder: a second run scores what is there, and goes on with what is not. Times are of
the processor, of one thread.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.geometry.symmetry import consistent_part
from atomotion.io.atoms import read_atoms, read_states, write_atoms
from atomotion.io.config import MovieSource
from atomotion.io.writer import write_movie
from atomotion.particles.ideal import particle
from atomotion.particles.surface_changes import displaced, etched
from atomotion.project.leaf import read_status, write_json
from atomotion.project.settings import MovieEntry, Project, load_project, write_project
from atomotion.project.worker import run_leaf
from atomotion.simulate import recipe, simulate_movie
from atomotion.structure import null_score, score_model
from atomotion.workflows import routes

ATOMS = (314, 262, 215, 165, 120)
LATTICE, WIDTH, DISORDER = 3.92, 192, 0.1  # Å, pixels, Å
CELL, PARTICLE = "cell", "particle_01"


class OneByOne:
    """A pool that runs one leaf after the other here, and writes beside each how long the processor took."""

    slots = 1

    def __init__(self) -> None:
        self._ended: list[Path] = []

    def submit(self, folder: Path) -> None:
        """Run the leaf in `folder`."""
        begun = time.process_time()
        status = run_leaf(folder, threads=1, device="cpu")
        seconds = time.process_time() - begun
        write_json(folder / "processor.json", {"seconds": seconds})
        print(f"  {folder.relative_to(folder.parents[3])}: {status['state']}, {seconds:.0f} s", flush=True)
        self._ended.append(folder)

    def finished(self) -> list[Path]:
        """The leaves that ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """Nothing runs beside the caller."""


def simulated(folder: Path, seed: int, options: argparse.Namespace) -> Path:
    """The movie, with its states and poses beside it."""
    movie = folder / f"{CELL}.mrcs"
    if movie.exists():
        return movie
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    states = [displaced(particle("truncated_octahedron", "Pt", 20.8), surface=DISORDER, inner=0.0, rng=rng)]
    for count in ATOMS[1 : options.states]:
        states.append(etched(states[-1], len(states[-1]) - count, rng))
    config = replace(
        recipe("liquid_cell"),
        frames=options.frames * len(states),
        dose=options.dose,
        width_px=WIDTH,
        height_px=WIDTH,
    )
    made = simulate_movie(config, rng, states=[(state, options.frames) for state in states], lazy=True)
    write_atoms(folder / "states.xyz", states)
    body = made.particles[0]
    np.savez(folder / "poses.npz", quaternions=body.poses.quaternions, centres=body.centres)
    beside = folder / "unfinished.mrcs"
    write_movie(beside, made.movie)
    beside.rename(movie)
    return movie


def project_of(folder: Path, movie: Path, options: argparse.Namespace) -> Project:
    """As ``atomotion new`` makes it; the denoiser is a filter, since nothing is measured in what it makes."""
    root = folder / f"study_{options.start}"
    if not (root / "project.toml").exists():
        write_project(
            root,
            route="tomography",
            sample={"element": "Pt"},
            acquisition=MovieSource(),
            movies=[MovieEntry(name=CELL, source=MovieSource(path=movie))],
            stages={
                "denoise": {"method": "gaussian"},
                "frames": {"classes_frames": 0},
                "reconstruct": {"start": options.start},
            },
        )
    return load_project(root)


def report(root: Path, truth: Path, frames: int) -> None:
    """Windows against the truth, then every reconstruction."""
    states = read_states(truth / "states.xyz")
    poses = np.load(truth / "poses.npz")
    edges = [frames * number for number in range(1, len(states))]
    proposed = pd.read_csv(root / "stages/05_frames" / CELL / PARTICLE / "out/windows.csv")
    print(f"  boundaries: true {edges}, proposed {proposed['frame_start'].tolist()[1:]}", end="")
    settled = root / "stages/07_boundaries" / CELL / PARTICLE / "out"
    if not (settled / "windows.csv").exists():
        print(", not settled")
        return
    windows = pd.read_csv(settled / "windows.csv")
    found = windows["frame_start"].to_numpy()[1:]
    apart = [int(np.abs(found - edge).min()) if len(found) else frames for edge in edges]
    print(f", settled {found.tolist()}, apart {apart}")
    summary = json.loads((settled / "boundaries.json").read_text())
    for note in summary["notes"]:
        print(f"    {note}")
    nulls = [null_score(state.positions, LATTICE) for state in states]
    made = root / "stages/06_reconstruct" / CELL / PARTICLE
    final = [
        f"final_{number:02d}" if kept is None else f"window_{kept:02d}"
        for number, kept in enumerate(summary["kept"], start=1)
    ]
    for leaf in sorted(each.name for each in made.glob("*_[0-9][0-9]")):
        if leaf not in final:
            print("  first pass only, ", end="")
            _print_model(made / leaf, states, poses, frames)
    for leaf in final:
        number = _print_model(made / leaf, states, poses, frames)
        if number is not None:
            null = nulls[number]
            print(
                f"    a sphere without data: found {null.found:.3f}  false {null.false:.3f}  rms {null.rms:.3f} Å  "
                f"surface {null.surface_found:.3f}"
            )
    _print_comparison(root, states)


def _print_model(leaf: Path, states: list, poses: Mapping[str, NDArray[np.floating]], frames: int) -> int | None:
    """One window's atoms against the state of most of its frames; the number of that state."""
    status = read_status(leaf)
    if status["state"] != "done":
        print(f"{leaf.name}: {status['state']}: {status.get('error', '')}")
        return None
    summary = json.loads((leaf / "out/summary.json").read_text())
    start, stop = summary["frame_start"], summary["frame_stop"]
    shares = np.bincount(np.arange(start, stop) // frames, minlength=len(states)) / (stop - start)
    number = int(shares.argmax())
    state, model = states[number], read_atoms(leaf / "out/atoms.xyz")
    score = score_model(model.positions, state.positions)
    table = pd.read_csv(leaf / "out/poses.csv")
    true = poses["quaternions"][table["frame"].to_numpy(int)]
    right = consistent_part(table[["q_w", "q_x", "q_y", "q_z"]].to_numpy(), true, within_deg=4.0)
    facts = summary["facts"]
    print(
        f"{leaf.name}: frames {start} to {stop} ({shares[number]:.0%} of one state), {len(state)} atoms: "
        f"found {score.found:.3f}  false {score.false:.3f}  rms {score.rms:.3f} Å  surface {score.surface_found:.3f}"
    )
    print(
        f"    {'trusted' if summary['trusted'] else 'refused'}, explained {facts['explained']:.3f}, poses within 4° "
        f"{right:.2f}, unseen {facts['missing_frequencies_fraction']:.2f}, diameter {summary['diameter_A']:.1f} Å, "
        f"held-out z {summary['held_out_z']:.1f}, start {summary['start']}"
    )
    for reason in summary["reasons"]:
        print(f"    {reason}")
    return number


def _print_comparison(root: Path, states: list) -> None:
    path = root / "stages/09_compare" / CELL / PARTICLE / "out/compare.json"
    if not path.exists():
        print("  states are not compared")
        return
    found = json.loads(path.read_text())
    first, last = found["atoms_first"], found["atoms_last"]
    print(f"  compared: {first} atoms at first, {last} at last; true {len(states[0])} and {len(states[-1])}")


def print_times(root: Path) -> None:
    """Seconds of the processor, of each stage."""
    seconds: dict[str, float] = defaultdict(float)
    for path in sorted((root / "stages").rglob("processor.json")):
        seconds[path.relative_to(root / "stages").parts[0][3:]] += json.loads(path.read_text())["seconds"]
    each = ", ".join(f"{name} {value:.0f}" for name, value in seconds.items())
    print(f"  processor: {each}; in all {sum(seconds.values()):.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=int, default=len(ATOMS), choices=range(2, len(ATOMS) + 1))
    parser.add_argument("--frames", type=int, default=400, help="of each state")
    parser.add_argument("--dose", type=float, default=50.0, help="e/Å² per frame")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--start", default="auto", help="auto, or fcc, which takes less time")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "atomotion_whole_way")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    for seed in range(options.first, options.first + options.seeds):
        folder = options.folder / f"states{options.states}_frames{options.frames}_dose{options.dose:g}_seed{seed}"
        print(f"{folder.name}, start {options.start}", flush=True)
        movie = simulated(folder, seed, options)
        project = project_of(folder, movie, options)
        routes.run(project, pool=OneByOne())
        report(project.root, folder, options.frames)
        print_times(project.root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
