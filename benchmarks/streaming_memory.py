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


def peak(command: list[str], threads: int = 2) -> tuple[float, float]:
    """Peak memory [MB] and seconds of ``atomotion ...``, as the operating system counts them."""
    code = (
        "import json, resource, sys, time\n"
        "from atomotion.cli import main\n"
        "started = time.time()\n"
        f"code = main({[*command, '--threads', str(threads), '--quiet']!r})\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "print('MEASURED', json.dumps([code, peak, time.time() - started]))\n"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("MEASURED"))
    exit_code, megabytes, seconds = json.loads(line.removeprefix("MEASURED"))
    assert exit_code == 0, output
    return megabytes, seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=float, default=6e9)
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as folder:
        movie, polygon = Path(folder) / "movie.mrcs", Path(folder) / "polygon.json"
        frames = write(movie, size)
        polygon.write_text(json.dumps({"polygon": [[200, 200], [800, 200], [800, 800], [200, 800]]}))
        bare, _ = peak([])
        print(
            f"movie: {frames} frames of {SIDE} x {SIDE}, {movie.stat().st_size / 1e9:.2f} GB; interpreter {bare:.0f} MB"
        )
        for name, command in {
            "order": ["order", str(movie), "--polygon", str(polygon), "-o", str(Path(folder) / "order.csv")],
            "denoise": ["denoise", str(movie), "--method", "gaussian", "-o", str(Path(folder) / "denoised.mrcs")],
        }.items():
            megabytes, seconds = peak(command)
            rate = movie.stat().st_size / 1e6 / seconds
            print(
                f"{name:8} peak {megabytes:6.0f} MB, {megabytes - bare:6.0f} MB above the interpreter; {rate:.0f} MB/s"
            )


if __name__ == "__main__":
    main()
