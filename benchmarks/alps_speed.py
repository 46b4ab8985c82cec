"""Speed of ALPS beside detectda 0.5.6, on the same frames in the same run; and where our time goes.

Goal: at least 25 times faster, smoothing and polygon included. detectda lives in an environment of its own; name its
Python with ``--detectda-python PATH`` or the variable DETECTDA_PYTHON. Its ``get_alps`` fails with current
scikit-learn, so the two functions that do the work, ``hlpr.fitsmoo`` and ``hlpr.alps``, are called. The measured movie
is read from $ATOMOTION_DATA or ../shared/data and left out where it is absent.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from atomotion.order.alps import alps, persistent_entropy, total_persistence
from atomotion.order.config import OrderConfig
from atomotion.order.homology import persistence_bars
from atomotion.order.measure import measure_frames, prepared_frame
from atomotion.order.polygon_mask import polygon_mask

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3

PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from detectda import hlpr
from shapely.geometry import Polygon
frames, polygon, sigma = np.load(sys.argv[1]), Polygon(json.loads(sys.argv[2])), float(sys.argv[3])
values, began = [], time.process_time()
for frame in frames:
    found = hlpr.fitsmoo(frame, polygon, sigma)
    values.append(hlpr.alps(found[found[:, 3] == 1, 2]))
print(json.dumps({"seconds": time.process_time() - began, "values": values}))
"""


def polygon_of(size: int) -> np.ndarray:
    """Twelve corners on a circle of 0.3 of the frame's width."""
    angle = np.arange(12) * np.pi / 6
    return (size - 1) / 2 + 0.29297 * size * np.column_stack((np.cos(angle), np.sin(angle)))


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Counts in float32, which is what detectda is fastest with, and the polygon."""
    rng = np.random.default_rng(0)
    found = {
        f"noise {size} x {size}": (rng.poisson(4, (frames, size, size)).astype(np.float32), polygon_of(size))
        for size, frames in ((256, 8), (512, 4))
    }
    folder = Path(os.environ.get("ATOMOTION_DATA", ROOT.parent / "shared" / "data")) / "pt_ceo2_movie"
    if not folder.is_dir():
        print(f"measured movie: not found at {folder}, left out")
        return found
    reference = json.loads((folder / "reference.json").read_text())
    counts = np.rint(np.load(folder / "movie.npz")["particle"] / reference["counts_per_electron_divisor"])
    return {"measured 245 x 158": (counts.astype(np.float32), np.array(reference["polygon_xy"], dtype=float)), **found}


def ours(frames: np.ndarray, polygon: np.ndarray) -> tuple[float, np.ndarray]:
    """CPU seconds per frame, and ALPS."""
    began = time.process_time()
    values = measure_frames(frames, OrderConfig(), polygon=polygon).alps
    return (time.process_time() - began) / len(frames), values


def peer(python: str, frames: np.ndarray, polygon: np.ndarray) -> tuple[float, np.ndarray]:
    """The same for detectda."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.npy"
        np.save(path, frames)
        arguments = [python, "-c", PEER, str(path), json.dumps(polygon.tolist()), "2"]
        output = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    result = json.loads(output)
    return result["seconds"] / len(frames), np.array(result["values"])


def compare(python: str | None) -> None:
    for name, (frames, polygon) in cases().items():
        ours(frames[:2], polygon)  # loads what is loaded on first use
        mine, theirs, values, expected = [], [], None, None
        # in turn, so that a slow moment of the machine falls on both
        for _ in range(ROUNDS):
            seconds, values = ours(frames, polygon)
            mine.append(seconds)
            if python is not None:
                seconds, expected = peer(python, frames, polygon)
                theirs.append(seconds)
        line = f"{name:20} ours {1e3 * np.median(mine):7.2f} ms CPU per frame"
        if expected is not None:
            apart = np.abs(values - expected)
            line += f"   detectda {1e3 * np.median(theirs):8.1f}   ratio {np.median(theirs) / np.median(mine):6.1f}"
            line += f"   agree to {np.median(apart):.0e} (median), {apart.max():.0e} (worst, frame {apart.argmax()})"
        print(line)


def parts() -> None:
    frame = np.random.default_rng(0).poisson(4, (256, 256)).astype(np.uint16)
    mask, config = polygon_mask(polygon_of(256), frame.shape), OrderConfig()
    smooth = prepared_frame(frame, config)
    lengths = persistence_bars(smooth, mask).lifetimes
    steps = {
        "smoothing": lambda: prepared_frame(frame, config),
        "homology and polygon": lambda: persistence_bars(smooth, mask),
        "sums": lambda: (alps(lengths), persistent_entropy(lengths), total_persistence(lengths)),
        "copying a frame in float64": lambda: smooth.astype(np.float64),
    }
    for name, step in steps.items():
        began = time.process_time()
        for _ in range(100):
            step()
        print(f"  {name:27} {10 * (time.process_time() - began):7.3f} ms of 256 x 256")


def scaling() -> None:
    frames = np.random.default_rng(0).poisson(4, (120, 256, 256)).astype(np.uint16)
    walls = {}
    for workers in (1, 2):
        began = time.perf_counter()
        measure_frames(frames, OrderConfig(), polygon=polygon_of(256), workers=workers)
        walls[workers] = time.perf_counter() - began
    print(f"2 workers: {walls[1] / walls[2]:.2f} times as fast as 1 ({os.cpu_count()} CPUs)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detectda-python", default=os.environ.get("DETECTDA_PYTHON"))
    python = parser.parse_args().detectda_python
    if python is None:
        print("detectda: left out; name the Python that has it with --detectda-python PATH or DETECTDA_PYTHON")
    compare(python)
    parts()
    scaling()
    return 0


if __name__ == "__main__":
    sys.exit(main())
