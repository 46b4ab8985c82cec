"""Peak memory of a movie larger than the limit, through ``order`` and through Gaussian denoising.

Goal: a 6 GB movie within 1 GB of memory above the interpreter. ``--size 6e9`` sets the bytes of the movie.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from atomotion.io.writer import MovieWriter

SIDE = 1024


def write(path: Path, size: float) -> int:
    """A movie of Poisson counts, about `size` bytes."""
    rng = np.random.default_rng(0)
    frames = int(size // (SIDE * SIDE * 2))
    tile = rng.poisson(3.0, (16, SIDE, SIDE)).astype(np.uint16)
    with MovieWriter(path, (frames, SIDE, SIDE), np.uint16, facts={"pixel_size": 0.3, "frame_time": 0.01}) as writer:
        for start in range(0, frames, 16):
            writer.write(np.roll(tile, start, axis=2)[: min(16, frames - start)])
    return frames


def measured(body: str) -> tuple[float, float]:
    """Peak memory [MB] of a fresh interpreter that runs `body`, and its seconds."""
    # VmHWM and not ru_maxrss, which begins with the memory of the process that started this one
    code = (
        "import time\n"
        "started = time.time()\n"
        f"{body}\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "peak = int(next(line for line in lines if line.startswith('VmHWM')).split()[1]) / 1024\n"
        "print('MEASURED', peak, time.time() - started)\n"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    words = next(line for line in output.splitlines() if line.startswith("MEASURED")).split()
    return float(words[1]), float(words[2])


def command(*words: object) -> str:
    """Python that runs ``atomotion ...``."""
    return f"from atomotion.cli import main\nassert main({[str(word) for word in words]!r}) == 0"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=float, default=6e9)
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as folder:
        movie, polygon = Path(folder) / "movie.mrcs", Path(folder) / "polygon.json"
        frames = write(movie, size)
        polygon.write_text(json.dumps({"polygon": [[200, 200], [800, 200], [800, 800], [200, 800]]}))
        bare, _ = measured("pass")
        size = movie.stat().st_size
        print(f"movie: {frames} frames of {SIDE} x {SIDE}, {size / 1e9:.2f} GB; interpreter {bare:.0f} MB")
        denoised, table = Path(folder) / "denoised.mrcs", Path(folder) / "order.csv"
        for name, body in {
            "order": command("order", movie, "--polygon", polygon, "-o", table, "--quiet"),
            "denoise": command("denoise", movie, "--sigma", "2px", "-o", denoised, "--quiet"),
        }.items():
            megabytes, seconds = measured(body)
            above = megabytes - bare
            verdict = "within" if above < 1000 else "ABOVE"
            print(f"{name:8} {above:6.0f} MB above the interpreter, {verdict} 1 GB; {size / 1e6 / seconds:.0f} MB/s")


if __name__ == "__main__":
    main()
