"""What each criterion of the verdict reads for right reconstructions and for wrong ones, beside the truth.

Kinematic images of a 200-atom particle in 150 boxes, tumbling by 6° per image. Goals: right runs from 10 to 0 dB are
trusted; noise, one orientation, mixed copies, two structures and overlapping particles are not; a window in which 15 %
of the atoms leave, rotation confined to a cone, and a second particle beside are trusted with a warning.

    python benchmarks/verdicts.py [CASE ...] [--snr DB ...] [--seeds N] [--first N] [--threads N]
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "tomography"))
from mixed_copies import moved_to, stuck
from phantom import PIXEL_SIZE, irregular_particle, walk

from atomotion.data import AtomotionError
from atomotion.geometry.rotations import (
    compose,
    quaternions_from_vectors,
    random_quaternions,
    rotate,
)
from atomotion.scattering.atom_gaussians import peng_atoms
from atomotion.scattering.projections import project_atoms
from atomotion.structure import score_model
from atomotion.tomography import Reconstruction, ReconstructionConfig, reconstruct
from atomotion.tomography.preparation import prepare
from atomotion.tomography.verdict import judge_reconstruction

CONFIG = ReconstructionConfig(diameter=17.5, resolution=1.15, rounds=2, start="fcc", scan=False)
IMAGES, SIZE = 150, 72
LOST = np.array([0.6, 0.64, 0.48])  # direction from which 15 % of the atoms leave

Boxes = NDArray[np.float32]


def particle(seed: int, atoms: int = 200) -> NDArray[np.float64]:
    return irregular_particle(atoms, np.random.default_rng(1000 + seed), removed=20)


def projections(positions: NDArray[np.float64], seed: int, turned: NDArray[np.float64] | None = None) -> Boxes:
    """Without noise; along the same walk, in the same places, for the same seed."""
    rng = np.random.default_rng(seed)
    path = walk(IMAGES, 6.0, rng)
    shifts = np.random.default_rng(seed).uniform(-1.5, 1.5, (IMAGES, 2)) * PIXEL_SIZE
    atoms = peng_atoms(["Pt"] * len(positions), u_iso=3.0 / (8.0 * np.pi**2))
    return np.stack(
        [
            project_atoms(
                rotate(q, positions).astype(np.float32), atoms, shape=(SIZE, SIZE), pixel_size=PIXEL_SIZE, shift=s
            )
            for q, s in zip(path if turned is None else turned, shifts)
        ]
    )


def with_noise(images: Boxes, snr_db: float, seed: int) -> tuple[Boxes, Boxes]:
    """White noise with this ratio of variances inside of 10 Å; also boxes of the noise alone."""
    axis = (np.arange(SIZE) - SIZE // 2) * PIXEL_SIZE
    inside = np.hypot(axis[:, None], axis) < 10.0
    sigma = np.sqrt(images[:, inside].var() / 10.0 ** (snr_db / 10.0))
    noise = np.random.default_rng(seed + 500).normal(scale=sigma, size=(2, *images.shape)).astype(np.float32)
    return images + noise[0], noise[1]


def true(seed: int) -> Boxes:
    return projections(particle(seed), seed)


def fixed(seed: int) -> Boxes:
    return projections(
        particle(seed), seed, np.repeat(random_quaternions(1, np.random.default_rng(seed)), IMAGES, axis=0)
    )


def confined(seed: int) -> Boxes:
    """Views within 25° of one."""
    rng = np.random.default_rng(seed)
    tilt, path = np.zeros(2), []
    base = random_quaternions(1, rng)[0]
    for _ in range(IMAGES):
        tilt = tilt + rng.normal(scale=3.5, size=2)
        tilt *= min(1.0, 25.0 / np.hypot(*tilt))
        path.append(compose(quaternions_from_vectors(np.array([*tilt, 0.0])), base))
    return projections(particle(seed), seed, np.array(path))


def etched(seed: int) -> Boxes:
    atoms = particle(seed)
    kept = atoms[np.argsort(atoms @ LOST)[: int(0.85 * len(atoms))]]
    return np.concatenate([projections(atoms, seed)[: IMAGES // 2], projections(kept, seed)[IMAGES // 2 :]])


def two_structures(seed: int) -> Boxes:
    first, second = (projections(particle(each), seed) for each in (seed, seed + 50))
    return np.concatenate([first[: IMAGES // 2], second[IMAGES // 2 :]])


def overlapping(seed: int) -> Boxes:
    return true(seed) + np.roll(true(seed + 50), (6, -8), axis=(1, 2))


def beside(seed: int) -> Boxes:
    return true(seed) + np.roll(projections(particle(seed + 50, 100), seed + 50), (0, 36), axis=(1, 2))


CASES: dict[str, Callable[[int], Boxes]] = {
    "true": true,
    "noise": lambda seed: np.zeros((IMAGES, SIZE, SIZE), dtype=np.float32),
    "fixed": fixed,
    "confined": confined,
    "etched": etched,
    "two_structures": two_structures,
    "overlapping": overlapping,
    "beside": beside,
    "mixed": true,
}


def on_mixed_copies(images: Boxes, result: Reconstruction, seed: int) -> Reconstruction:
    """What would be said of a run that was stuck with half of its images on another lattice copy."""
    generator = torch.Generator().manual_seed(seed)
    observations, _ = prepare(images, CONFIG, pixel_size=PIXEL_SIZE, generator=generator)
    with torch.no_grad():
        return stuck(observations, result, moved_to(result, np.arange(IMAGES) >= IMAGES // 2, copy=5 + seed))


def run(name: str, snr_db: float, seed: int) -> None:
    clean = CASES[name](seed)
    images, empty = with_noise(clean, snr_db, seed)
    if name == "noise":
        images = np.random.default_rng(seed).normal(size=clean.shape).astype(np.float32)
    cpu = time.process_time()
    try:
        background = empty if name == "beside" else None
        result = reconstruct(images, CONFIG, pixel_size=PIXEL_SIZE, background=background, seed=seed)
    except AtomotionError as error:
        print(f"{name:14} {snr_db:5.1f} dB seed {seed}  {type(error).__name__}: {error}", flush=True)
        return
    if name == "mixed":
        result = on_mixed_copies(images, result, seed)
    cpu = time.process_time() - cpu
    score, verdict = score_model(result.positions, particle(seed)), judge_reconstruction(result)
    facts = {key: float("nan") if value is None else value for key, value in verdict.facts.items()}
    print(
        f"{name:14} {snr_db:5.1f} dB seed {seed}  found {score.found:.3f} false {score.false:.3f} "
        f"rms {score.rms:.3f} Å | held out {facts['held_out_z']:.1f} (noise {facts['noise_z']:.1f})  missing "
        f"{facts['missing_frequencies_fraction']:.2f} views {facts['distinct_views']:.1f}  copies "
        f"{facts['copy_margin']:.2f}  explained {facts['explained']:.2f} residual {facts['residual']:.2f} "
        f"beside {facts['beside']:.2f}  strengths "
        f"{facts['occupancy_spread']:.2f} ({facts['occupancy_error']:.2f}) weak {facts['weak_atoms_fraction']:.2f}  "
        f"halves {facts['half_sets_rms_A']:.3f} Å  near {facts['too_near_atoms_fraction']:.2f}  uncertain "
        f"{facts['uncertain_atoms']:.0f} | {'trusted' if verdict.is_trusted else 'REFUSED'}  CPU {cpu:.0f} s",
        flush=True,
    )
    for kind, sentences in (("reason", verdict.reasons), ("warning", verdict.warnings)):
        for sentence in sentences:
            print(f"    {kind}: {sentence}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=", ".join(CASES))
    parser.add_argument("--snr", type=float, nargs="+", default=[10.0, 3.0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.cases or list(CASES):
        for snr_db in arguments.snr if name != "noise" else [0.0]:
            for seed in range(arguments.first, arguments.first + arguments.seeds):
                run(name, snr_db, seed)


if __name__ == "__main__":
    main()
