"""Where the time of a reconstruction goes, stage by stage, beside what its arithmetic alone would take.

The limit of a stage is the number of operations of its main loops, sums over atoms, correlations over displacements,
the match with all orientations, and interpolated slices, over the rate of a large matrix product in the same process.
A stage inside another is not counted there; operations are those of exact counts, not of estimates: 2 for each product
of a sum, 59 for each interpolated coefficient. Goals on two cores: 1,500 images of 300 atoms from FCC in 60 s and 2 GB,
with all starts in 180 s; 400 raw frames at 15 e/Å² with all starts in 180 s.

    python benchmarks/reconstruction_stages.py [IMAGES ...] [--atoms 300] [--raw] [--start fcc] [--threads 1]

Several numbers of images show whether the time is in proportion to them.
"""

import argparse
import functools
import importlib
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "tomography"))
from phantom import irregular_particle, simulate
from raw_boxes import raw_boxes

from atomotion.tomography import ReconstructionConfig, reconstruct

# the module that calls, the function, and the stage
STAGES = (
    ("chain", "prepare", "preparation"),
    ("starting_point", "_scanned", "diameter, lattice, focus"),
    ("starting_point", "screen_starts", "which start"),
    ("chain", "first_orientations", "first orientations"),
    ("chain", "settled", "settling on copies"),
    ("chain", "explore", "exploration"),
    ("chain", "first_model", "first atoms"),
    ("chain", "refine", "rows, copies, changes"),
    ("refinement", "refine_jointly", "atoms and poses"),
    ("refinement", "search_poses", "pose search"),
    ("chain", "refine_halves", "halves"),
    ("chain", "atom_covariances", "errors of atoms"),
    ("chain", "fit_widths", "widths of atoms"),
    ("chain", "agreement_with_density", "agreement"),
    ("chain", "model_evidence", "evidence"),
)
OPERATIONS_OF_A_SLICE = 59  # 15 for the place, 2 x 21 for the eight corners, 2 for the lens


class Account:
    """CPU seconds and operations of each stage; those inside another stage are the inner one's alone."""

    def __init__(self) -> None:
        self._open = ["rest"]
        self.clear()

    def clear(self) -> None:
        """Nothing is entered yet."""
        self.seconds: dict[str, float] = defaultdict(float)
        self.operations: dict[str, float] = defaultdict(float)
        self._since = time.process_time()

    def settle(self) -> None:
        """Enter the time up to now."""
        now = time.process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def timed(self, function: Callable, stage: str) -> Callable:
        """The function, whose time is entered under a stage."""

        @functools.wraps(function)
        def wrapped(*given, **named):
            self.settle()
            self._open.append(stage)
            try:
                return function(*given, **named)
            finally:
                self.settle()
                self._open.pop()

        return wrapped

    def counted(self, function: Callable, operations: Callable[..., float]) -> Callable:
        """The function, whose operations are entered under the stage that calls it."""

        @functools.wraps(function)
        def wrapped(*given, **named):
            self.operations[self._open[-1]] += operations(*given, **named)
            return function(*given, **named)

        return wrapped


def of_tables(tables, values) -> float:
    """`PhaseTables.sums` and `products`: a real matrix product for each image and weight."""
    atoms = tables.rows.shape[-1]
    return 2.0 * len(values) * values.shape[1] * (2 * tables.plane.reach + 2) ** 2 * atoms


def of_shifts(plane, images, models, shifts, **_) -> float:
    return 4.0 * len(images) * len(plane) * len(shifts)


def of_zone(coefficients, templates, *, reach: float, step: float, **_) -> float:
    shifts = np.pi * (reach / step) ** 2
    return 2.0 * len(coefficients) * shifts * len(coefficients.plane) * len(templates)


def of_slices(slicer, plane, rotations) -> float:
    return float(OPERATIONS_OF_A_SLICE) * len(rotations) * len(plane)


def observed() -> Account:
    """An account that every later reconstruction is entered in."""
    account = Account()
    rooms = {name: importlib.import_module(f"atomotion.tomography.{name}") for name, *_ in STAGES}
    for name, function, stage in STAGES:
        setattr(rooms[name], function, account.timed(getattr(rooms[name], function), stage))
    half_sets = importlib.import_module("atomotion.tomography.half_sets")
    half_sets.refine_jointly = account.timed(half_sets.refine_jointly, "halves")
    forward = importlib.import_module("atomotion.tomography.forward")
    for method in ("sums", "products"):
        setattr(forward.PhaseTables, method, account.counted(getattr(forward.PhaseTables, method), of_tables))
    slices = importlib.import_module("atomotion.tomography.slices")
    slices.Slicer.__call__ = account.counted(slices.Slicer.__call__, of_slices)
    for name, function, operations in (
        ("candidates", "best_shifts", of_shifts),
        ("start", "best_shifts", of_shifts),
        ("matching", "best_shifts", of_shifts),
        ("lattice_rows", "best_shifts", of_shifts),
        ("start", "zone_likelihood", of_zone),
    ):
        room = importlib.import_module(f"atomotion.tomography.{name}")
        setattr(room, function, account.counted(getattr(room, function), operations))
    return account


def rate(size: int = 1024, repeats: int = 10) -> float:
    """Operations per second of a matrix product in float32, per second of wall clock."""
    one = torch.randn(size, size)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        one @ one
        seconds.append(time.perf_counter() - start)
    return 2.0 * size**3 / min(seconds)


def given_images(images: int, atoms: int, *, raw: bool) -> tuple[dict, ReconstructionConfig]:
    if raw:
        boxes = raw_boxes(irregular_particle(atoms, np.random.default_rng(0)), frames=images, dose=15.0, seed=0)
        names = ("images", "pixel_size", "background", "box_centres", "optics")
        diameter = 20.8 * (atoms / 314) ** (1 / 3)
        return {name: getattr(boxes, name) for name in names}, ReconstructionConfig(diameter=diameter, rounds=4)
    made = simulate(images, atoms=atoms, snr_db=10.0, seed=0)
    config = ReconstructionConfig(diameter=20.0 * (atoms / 300) ** (1 / 3), resolution=1.15)
    return {"images": made.images, "pixel_size": made.pixel_size}, config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", type=int, default=None)
    parser.add_argument("--atoms", type=int, help="default: 300, and 314 with --raw")
    parser.add_argument("--raw", action="store_true", help="raw liquid-cell frames at 15 e/Å²")
    parser.add_argument("--start", default="fcc")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    atoms = arguments.atoms or (314 if arguments.raw else 300)
    torch.set_num_threads(arguments.threads)
    account = observed()
    for images in arguments.images or [400 if arguments.raw else 1500]:
        given, config = given_images(images, atoms, raw=arguments.raw)
        account.clear()
        wall = time.perf_counter()
        result = reconstruct(given.pop("images"), replace(config, start=arguments.start), **given)
        wall = time.perf_counter() - wall
        account.settle()
        speed = rate() / arguments.threads
        total, peak = sum(account.seconds.values()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"\n{images} images, {len(result.positions)} atoms, {arguments.threads} thread(s), start {result.start}:")
        print(f"CPU {total:.1f} s, wall {wall:.1f} s, peak {peak:.2f} GB; matrix product {speed / 1e9:.0f} Gflop/s")
        print(f"{'stage':26}{'CPU s':>8}{'share':>8}{'ms/image':>10}{'Gflop':>9}{'limit s':>9}{'times':>7}")
        for stage, seconds in account.seconds.items():
            operations = account.operations[stage]
            line = (
                f"{stage:26}{seconds:8.1f}{seconds / total:8.0%}{1e3 * seconds / images:10.1f}{operations / 1e9:9.0f}"
            )
            limit = operations / speed
            print(line + (f"{limit:9.2f}{seconds / limit:7.1f}" if limit > 0.01 else ""), flush=True)


if __name__ == "__main__":
    main()
