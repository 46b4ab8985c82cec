"""Accuracy and speed of the reconstruction on simulated movies, each beside an FCC sphere without any data.

Goals: kinematic images, 300 atoms, tumbling by 6°: all atoms, none false, 0.03 Å at 10 dB and 0.05 Å at 3 dB; unordered
images, 10 dB: 99 %, 1 %, 0.05 Å. Raw liquid-cell frames, 314 atoms, centres with an error of 0.5 Å: at 50 e/Å² 99 %,
1 %, 0.10 Å, surface 0.97; at 15 e/Å² 98 %, 2 %, 0.15 Å, 0.95; the same (off) with the diameter wrong by 8 % and the
focus by 20 Å. Multislice images of the measured 314-atom particle, 600 frames, clean (30 dB) and 5 dB: 99 %, 1 %,
0.05 Å, surface 0.97. Unseen: no order in time, views within 65° of the particle's z axis, so that 30 % of all
directions have none within 10°: it runs, and says which atoms are uncertain. One standard error holds 60 to 75 % of the
true coordinates. 1,500 clean images in 60 s and 2 GB on two cores from FCC, 180 s with all starts; 400 raw frames in
180 s.

    python benchmarks/reconstruction.py [CASE ...] [--seeds N] [--threads N] [--device cuda] [--start fcc]
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "tomography"))
from phantom import LATTICE, irregular_particle, simulate
from raw_boxes import raw_boxes

from atomotion.geometry.alignment import align
from atomotion.geometry.rotations import random_quaternions
from atomotion.geometry.symmetry import consistent_part
from atomotion.io.atoms import read_atoms
from atomotion.simulate import CameraConfig, MultisliceConfig, SurroundingsConfig, recipe, simulate_movie
from atomotion.stages.simulate_cache import WaveFolder
from atomotion.structure import AlignmentConfig, align_states, null_score, score_model
from atomotion.tomography import Optics, Reconstruction, ReconstructionConfig, reconstruct
from atomotion.tomography.coverage import coverage_of, view_directions, worst_errors
from atomotion.tomography.verdict import judge_reconstruction

DATA = Path(os.environ.get("ATOMOTION_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
# multislice exit waves, which take long, are kept here
WAVES = Path(os.environ.get("ATOMOTION_WAVES", Path(tempfile.gettempdir()) / "atomotion_waves"))
KINEMATIC = ReconstructionConfig(diameter=20.0, resolution=1.15)
RAW = ReconstructionConfig(diameter=20.8, rounds=4)


def kinematic(seed: int, *, n: int, snr_db: float, ordered: bool = True) -> tuple[dict, ReconstructionConfig, object]:
    simulated = simulate(n, snr_db=snr_db, seed=seed, step_deg=6.0 if ordered else None)
    given = {"images": simulated.images, "pixel_size": simulated.pixel_size}
    return given, replace(KINEMATIC, ordered=ordered), simulated


def unseen(seed: int, *, n: int, reach_deg: float) -> tuple[dict, ReconstructionConfig, object]:
    """Views evenly within `reach_deg` of the particle's z axis, and none elsewhere."""
    turned = random_quaternions(40 * n, np.random.default_rng(1000 + seed))
    turned = turned[np.abs(view_directions(turned)[:, 2]) > np.cos(np.deg2rad(reach_deg))][:n]
    simulated = simulate(n, snr_db=10.0, seed=seed, turned=turned)
    return (
        {"images": simulated.images, "pixel_size": simulated.pixel_size},
        replace(KINEMATIC, ordered=False),
        simulated,
    )


def raw(seed: int, *, dose: float) -> tuple[dict, ReconstructionConfig, object]:
    boxes = raw_boxes(irregular_particle(314, np.random.default_rng(seed)), dose=dose, seed=seed)
    names = ("images", "pixel_size", "background", "box_centres", "optics")
    return {name: getattr(boxes, name) for name in names}, RAW, boxes


def off(seed: int, *, dose: float) -> tuple[dict, ReconstructionConfig, object]:
    given, config, truth = raw(seed, dose=dose)
    given["optics"] = replace(given["optics"], defocus=given["optics"].defocus + 20.0)
    return given, replace(config, diameter=0.92 * config.diameter), truth


def multislice(seed: int, *, snr_db: float) -> tuple[dict, ReconstructionConfig, object]:
    """The measured particle alone, 600 frames of 96 x 96; its exit waves are kept in WAVES."""
    atoms = read_atoms(DATA / "pt_nanocrystal_stage1" / "stage1.pdb")
    atoms.positions -= atoms.positions.mean(axis=0)
    config = replace(
        recipe("liquid_cell"), frames=600, width_px=96, height_px=96, drift_walk=0.0, diffusion=0.0, noise="none",
        surroundings=SurroundingsConfig(graphene=0, water="none"), camera=CameraConfig(mode="ideal"),
        image="multislice", multislice=MultisliceConfig(phonons=2),
    )  # fmt: skip
    made = simulate_movie(config, np.random.default_rng(5 + seed), states=[(atoms, 600)], waves=WaveFolder(WAVES))
    images = np.asarray(made.movie.frames[:], dtype=np.float32)
    images = images / images.mean() - 1.0
    axis = (np.arange(96) - 48) * config.pixel_size
    inside = np.hypot(axis[:, None], axis) < 11.5
    noise = np.random.default_rng(seed).normal(size=images.shape).astype(np.float32)
    images += noise * np.sqrt(images[:, inside].var() / 10.0 ** (snr_db / 10.0))
    optics = Optics(voltage=config.voltage, cs=config.cs, defocus=config.defocus, focal_spread=config.focal_spread)
    body = made.particles[0]
    truth = SimpleNamespace(positions=body.states[0].positions, poses=body.poses)
    return {"images": images, "pixel_size": config.pixel_size, "optics": optics}, RAW, truth


CASES = {
    "ms_clean": lambda seed: multislice(seed, snr_db=30.0),
    "ms_5dB": lambda seed: multislice(seed, snr_db=5.0),
    "raw50_off": lambda seed: off(seed, dose=50.0),
    "raw15_off": lambda seed: off(seed, dose=15.0),
    "10dB": lambda seed: kinematic(seed, n=300, snr_db=10.0),
    "3dB": lambda seed: kinematic(seed, n=300, snr_db=3.0),
    "unordered": lambda seed: kinematic(seed, n=320, snr_db=10.0, ordered=False),
    "unseen": lambda seed: unseen(seed, n=300, reach_deg=65.0),
    "raw50": lambda seed: raw(seed, dose=50.0),
    "raw15": lambda seed: raw(seed, dose=15.0),
    "1500": lambda seed: kinematic(seed, n=1500, snr_db=10.0),
}


def by_direction(result: Reconstruction, truth: np.ndarray) -> str:
    """Errors along the true z axis and across it, beside the stated ones, and what the verdict says of it."""
    laid = align_states(result.positions, truth, AlignmentConfig(mirror=True))
    found, true = laid.pairs.T
    motion = align(result.positions[found], truth[true], mirror=True)
    apart = motion.apply(result.positions[found]) - truth[true]
    sigmas, axes = worst_errors(result.covariances[found])

    def turn(vectors: np.ndarray) -> np.ndarray:
        return motion.apply(vectors) - motion.apply(np.zeros_like(vectors))

    along = np.abs(np.sum(turn(axes) * apart, axis=1))
    axis = coverage_of(result.poses.quaternions, ordered=False).axes[0]
    worst = np.argsort(-sigmas)[: len(sigmas) // 10]
    rest = np.setdiff1d(np.arange(len(sigmas)), worst)
    verdict = judge_reconstruction(result)
    lines = [
        f"unseen {verdict.facts['unseen_directions_fraction']:.2f}  missing frequencies "
        f"{verdict.facts['missing_frequencies_fraction']:.2f}  rms along z {np.sqrt(np.mean(apart[:, 2] ** 2)):.4f} Å  "
        f"across {np.sqrt(np.mean(apart[:, :2] ** 2)):.4f} Å  worst seen axis from z "
        f"{np.rad2deg(np.arccos(min(1.0, abs(float(turn(axis[None])[0, 2]))))):.0f}°",
        f"along each atom's worst axis: stated {np.sqrt(np.mean(sigmas**2)):.4f} Å, true "
        f"{np.sqrt(np.mean(along**2)):.4f} Å; tenth with the largest stated errors: stated "
        f"{np.sqrt(np.mean(sigmas[worst] ** 2)):.4f}, true {np.sqrt(np.mean(along[worst] ** 2)):.4f}, all others "
        f"{np.sqrt(np.mean(along[rest] ** 2)):.4f}; uncertain atoms {verdict.facts['uncertain_atoms']}",
    ]
    lines += [
        f"{kind}: {each}"
        for kind, told in (("reason", verdict.reasons), ("warning", verdict.warnings))
        for each in told
    ]
    return "\n".join(f"    {line}" for line in lines)


def covered(positions: np.ndarray, sigmas: np.ndarray, truth: np.ndarray) -> float:
    """Share of coordinates within one standard error of the true ones, after the rigid motion that fits best."""
    laid = align_states(positions, truth, AlignmentConfig(mirror=True))
    found, true = laid.pairs.T
    apart = align(positions[found], truth[true], mirror=True).apply(positions[found]) - truth[true]
    return float(np.mean(np.abs(apart) < sigmas[found][:, None]))


def run(name: str, seed: int, device: str, start: str) -> None:
    given, config, truth = CASES[name](seed)
    config = replace(config, start=start)
    before, cpu = time.perf_counter(), time.process_time()
    result = reconstruct(given.pop("images"), config, device=device, seed=seed, **given)
    wall, cpu = time.perf_counter() - before, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    null = null_score(truth.positions, LATTICE)
    for what, score in (("", score_model(result.positions, truth.positions)), ("null", null)):
        line = f"{what or name:10} seed {seed:3d}  found {score.found:.4f}  false {score.false:.4f}  "
        line += f"rms {score.rms:.4f} Å  surface {score.surface_found:.3f}"
        if not what:
            one_frame = consistent_part(result.poses.quaternions, truth.poses.quaternions, within_deg=3.0)
            line += f"  skill {score.skill(null):.3f}  poses within 3° {one_frame:.3f}  held-out z "
            line += f"{result.held_out_z:.1f}  ambiguous {result.ambiguous:.2f}  "
            line += f"sigma {np.sqrt(np.mean(result.sigmas**2)):.4f}"
            line += f"  covered {covered(result.positions, result.sigmas, truth.positions):.2f}"
            line += f"  start {result.start}  trusted {judge_reconstruction(result).is_trusted}"
            line += f"  CPU {cpu:.0f} s  wall {wall:.0f} s  peak {memory:.2f} GB"
        print(line, flush=True)
    if name == "unseen":
        print(by_direction(result, truth.positions), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=", ".join(CASES))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--start", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.cases or list(CASES):
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            run(name, seed, arguments.device, arguments.start)


if __name__ == "__main__":
    main()
