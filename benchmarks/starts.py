"""Which start is kept for which particle, and what a scan repairs.

Goals: an FCC particle, a twin, an icosahedron and a decahedron (kinematic images, 10 dB) come out as what they are, all
atoms, none false, 0.06 Å; a diameter wrong by 8 % and a focus wrong by 20 Å change nothing. 1,500 clean images of 300
atoms in 60 s from FCC and in 180 s with all starts tried, on two cores.

    python benchmarks/starts.py [CASE ...] [--seeds N] [--images N] [--atoms N] [--threads N]
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "tomography"))
from lattices import KINDS, irregular_particle_of
from phantom import LATTICE, irregular_particle, simulate
from raw_boxes import raw_boxes

from atomotion.structure import null_score, score_model
from atomotion.tomography import Reconstruction, ReconstructionConfig, reconstruct

OFF_DIAMETER, OFF_FOCUS = 0.08, 20.0  # part; Å


def equivalent(atoms: int) -> float:
    return float((6.0 * atoms * LATTICE**3 / 4.0 / np.pi) ** (1.0 / 3.0))


def kinematic(kind: str, seed: int, images: int, atoms: int, start: str) -> None:
    rng = np.random.default_rng(seed)
    positions = irregular_particle(atoms, rng) if kind == "fcc" else irregular_particle_of(kind, atoms, rng)
    simulated = simulate(images, positions=positions, seed=seed, size=96 if atoms > 200 else 72)
    config = ReconstructionConfig(
        diameter=equivalent(len(positions)) * (1.0 + OFF_DIAMETER), resolution=1.15, half_sets=False, start=start
    )
    told(f"{kind} from {start}", seed, simulated.positions, simulated.images, config, pixel_size=simulated.pixel_size)


def raw(seed: int, dose: float, *, scan: bool) -> None:
    boxes = raw_boxes(irregular_particle(314, np.random.default_rng(seed)), dose=dose, seed=seed)
    given = {name: getattr(boxes, name) for name in ("pixel_size", "background", "box_centres")}
    config = ReconstructionConfig(
        diameter=20.8 * (1.0 - OFF_DIAMETER), rounds=4, half_sets=False, start="fcc", scan=scan
    )
    optics = replace(boxes.optics, defocus=boxes.optics.defocus + OFF_FOCUS)
    name = f"raw{dose:.0f} {'scanned' if scan else 'as it is'}"
    result = told(name, seed, boxes.positions, boxes.images, config, optics=optics, **given)
    print(f"    focus off by {result.defocus - boxes.optics.defocus:+.1f} Å, before by {OFF_FOCUS:+.1f} Å", flush=True)


def told(name: str, seed: int, truth: np.ndarray, images: np.ndarray, config: ReconstructionConfig, **given: object):
    """Runs a case and prints a line for it."""
    laps = [(time.perf_counter(), time.process_time())]

    def lap(done: int, total: int) -> None:
        laps.append((time.perf_counter(), time.process_time()))

    result: Reconstruction = reconstruct(images, config, seed=seed, on_step=lap, **given)
    score, null = score_model(result.positions, truth), null_score(truth, LATTICE)
    cpu = np.diff([each[1] for each in laps])
    line = f"{name:24} seed {seed:2d}  kept {result.start:12} found {score.found:.3f}  false {score.false:.3f}  "
    line += f"rms {score.rms:.3f} Å (null {null.rms:.3f})  surface {score.surface_found:.3f}  "
    line += f"diameter {config.diameter:.2f} -> {result.diameter:.2f} Å  lattice {result.lattice:.3f} Å  "
    line += f"held-out z {result.held_out_z:.1f}  CPU: scan {cpu[0]:.0f}, starts {cpu[1]:.0f}, all {cpu.sum():.0f} s  "
    line += f"wall {laps[-1][0] - laps[0][0]:.0f} s"
    print(line, flush=True)
    if result.starts:
        print("    " + "  ".join(f"{kind} {z:.1f}" for kind, z in result.starts.items()), flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ("fcc", *KINDS, "fcc-start", "raw50", "raw15")
    parser.add_argument("cases", nargs="*", help=", ".join(names))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--atoms", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.cases or names:
        for seed in range(arguments.seeds):
            if name.startswith("raw"):
                for scan in (True, False):
                    raw(seed, float(name[3:]), scan=scan)
            else:
                kind, _, given = name.partition("-")
                kinematic(kind, seed, arguments.images, arguments.atoms, "fcc" if given else "auto")


if __name__ == "__main__":
    main()
