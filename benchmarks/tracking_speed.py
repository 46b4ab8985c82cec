"""Speed and memory of ``atomotion track`` on full camera frames, 1,920 x 1,728 pixels, one particle.

Goal: 30 frames a second on 2 cores, within 2 GB of memory. ``--frames 1000`` is the movie of the goal (6.6 GB on disk);
by default 400 frames, of which a larger part of the time goes into finding the particle.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from atomotion.geometry.rotations import rotate
from atomotion.io.writer import MovieWriter
from atomotion.particles.ideal import particle
from atomotion.simulate import recipe
from atomotion.simulate.kinematic import KinematicImage
from atomotion.simulate.motion import orientations
from atomotion.track.graphene import ORDERS, spot_positions

SHAPE, PIXEL, DOSE = (1728, 1920), 0.358, 15.0
BANK = 8


def background(rng: np.random.Generator) -> np.ndarray:
    """(y, x) two sheets of graphene, relative to the mean."""
    y, x = (np.arange(size, dtype=np.float32) * PIXEL for size in SHAPE)
    total = np.ones(SHAPE, dtype=np.float32)
    for angle in (7.0, 23.0):
        for orders, amplitude in zip(ORDERS, (0.012, 0.008, 0.004), strict=True):
            for kx, ky in spot_positions(angle, orders):
                phase = 2 * np.pi * (kx * x[None, :] + ky * y[:, None]) + rng.uniform(0, 2 * np.pi)
                total += np.float32(amplitude) * np.cos(phase)
    return total


def write(path: Path, frames: int) -> np.ndarray:
    """The movie; the true path (t, 2) x y [Å]. Noise far from the particle repeats every few frames."""
    rng = np.random.default_rng(0)
    config = replace(recipe("liquid_cell_low_dose"), frames=frames, rotation_memory=0.0)
    atoms = particle("truncated_octahedron", "Pt", 20.8).positions
    image = KinematicImage(config, elements=["Pt"], reach=float(np.linalg.norm(atoms, axis=1).max()), highest=0.0)
    turned = orientations(config, frames, rng)
    centres = np.array([340.0, 310.0]) + np.cumsum(rng.normal(0, 0.15 / np.sqrt(2), (frames, 2)), axis=0)
    clean, electrons = background(rng), DOSE * PIXEL**2
    bank = [rng.poisson(clean * electrons).astype(np.uint16) for _ in range(BANK)]
    facts = {"pixel_size": PIXEL, "frame_time": 2.5e-3, "dose": DOSE, "contrast": "bright", "voltage": 3e5}
    with MovieWriter(path, (frames, *SHAPE), np.uint16, facts=facts) as writer:
        for i in range(frames):
            frame = bank[int(rng.integers(BANK))].copy()
            pixel = np.rint(centres[i] / PIXEL).astype(int)
            here = rotate(turned[i], atoms) + np.r_[centres[i] - pixel * PIXEL, 0.0]
            box = image.change(here, ["Pt"] * len(here))
            y, x = (int(pixel[axis]) - box.shape[0] // 2 for axis in (1, 0))
            part = slice(y, y + box.shape[0]), slice(x, x + box.shape[1])
            frame[part] = rng.poisson(np.maximum(clean[part] + box, 0) * electrons)
            writer.write(frame)
    return centres


def measured(movie: Path, out: Path) -> tuple[float, float, float]:
    """Wall and CPU seconds, and peak memory [MB], of the command in a fresh interpreter."""
    code = (
        "import resource, time\n"
        "from atomotion.cli import main\n"
        "started = time.time()\n"
        f"assert main(['track', {str(movie)!r}, '-o', {str(out)!r}, '--quiet']) == 0\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "peak = int(next(line for line in lines if line.startswith('VmHWM')).split()[1]) / 1024\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print('MEASURED', time.time() - started, used.ru_utime + used.ru_stime, peak)\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    ).stdout
    words = next(line for line in output.splitlines() if line.startswith("MEASURED")).split()
    return float(words[1]), float(words[2]), float(words[3])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=400)
    frames = parser.parse_args().frames
    with tempfile.TemporaryDirectory() as folder:
        movie, out = Path(folder) / "movie.mrcs", Path(folder) / "tracks"
        started = time.time()
        truth = write(movie, frames)
        print(f"movie: {frames} frames of {SHAPE[1]} x {SHAPE[0]}, written in {time.time() - started:.0f} s")
        wall, cpu, peak = measured(movie, out)
        table = pd.read_csv(out / "particle_01.csv")
        away = table[["x_A", "y_A"]].to_numpy() - truth[table["frame"].to_numpy()]
        rms = float(np.sqrt(np.mean(away**2)))
        print(
            f"track: {frames / wall:.1f} frames/s (goal 30), {1e3 * cpu / frames:.1f} ms of CPU per frame, "
            f"peak memory {peak:.0f} MB (goal 2000); {len(table)} frames tracked, centres {rms:.2f} Å rms per axis"
        )


if __name__ == "__main__":
    main()
