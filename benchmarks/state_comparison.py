"""Ten states of 300 to 700 atoms in any mutual orientation: aligned over all lattice copies, compared, core found.

Goal: 5 s on one core with all measures of every state, and every planted removal, addition and move counted exactly.
Measured against two others: the states only improved from where they lie (the null), and the one-to-one matching alone
with the motions known (the limit that no search can beat).
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from itertools import pairwise

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.particles import fcc_sphere
from atomotion.structure.alignment_of_states import align_series
from atomotion.structure.changes import compare_states
from atomotion.structure.comparison_config import AlignmentConfig
from atomotion.structure.series_comparison import compare_series
from atomotion.structure.summary import summarise_particle

STATES, SEEDS = 10, 3


def trajectory(seed: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """States, the site of every atom, and the same states in one frame: about 700 atoms etched to about 300.

    Every state loses the outermost sites at random and gains a few; a tenth of its atoms move by up to 1 Å.
    """
    rng = np.random.default_rng(seed)
    sites = fcc_sphere("Pt", 30.0, centre=rng.uniform(size=3)).positions
    sites = sites + rng.normal(scale=0.06, size=sites.shape)
    radius = np.linalg.norm(sites, axis=1)
    occupied = radius < 13.7
    states, whose, still = [], [], []
    for number in range(STATES):
        if number:
            inside = np.flatnonzero(occupied)
            outer = inside[np.argsort(-radius[inside])][: len(inside) // 4]
            occupied[rng.choice(outer, size=50, replace=False)] = False
            free = np.flatnonzero(~occupied)
            touching = free[cKDTree(sites[occupied]).query(sites[free])[0] < 3.1]
            occupied[rng.choice(touching, size=6, replace=False)] = True
        atoms = rng.permutation(np.flatnonzero(occupied))
        positions = sites[atoms].copy()
        moved = rng.choice(len(atoms), size=len(atoms) // 10, replace=False)
        step = rng.normal(size=(len(moved), 3))
        step /= np.linalg.norm(step, axis=1)[:, None]
        # half a step in each of two states makes moves of up to 1 Å between them
        positions[moved] += step * rng.uniform(0.0, 0.5, size=(len(moved), 1))
        turn = matrices_from_quaternions(random_quaternions(1, rng)[0])
        states.append(positions @ turn.T + rng.uniform(-15, 15, size=3))
        whose.append(atoms)
        still.append(positions)
    return states, whose, still


def exact(aligned: list[np.ndarray], whose: list[np.ndarray]) -> int:
    """Comparisons of consecutive states in which every atom is what it was."""
    right = 0
    for (a, sites_a), (b, sites_b) in pairwise(zip(aligned, whose, strict=True)):
        changes = compare_states(a, b)
        common = len(np.intersect1d(sites_a, sites_b))
        same = np.array_equal(sites_a[changes.kept[:, 0]], sites_b[changes.kept[:, 1]])
        right += same and len(changes.kept) == common
    return right


def main() -> int:
    slowest, counted = 0.0, 0
    for seed in range(SEEDS):
        states, whose, still = trajectory(seed)
        began = time.process_time()
        found = compare_series(states)
        ours = time.process_time() - began
        began = time.process_time()
        for each in found.positions:
            summarise_particle(Atoms(f"Pt{len(each)}", positions=each))
        measures = time.process_time() - began
        began = time.process_time()
        for a, b in pairwise(still):
            compare_states(a, b)
        limit = time.process_time() - began
        right = exact(found.positions, whose)
        given, _ = align_series([each - each.mean(axis=0) for each in states], AlignmentConfig(search="given"))
        print(
            f"{len(states[0])} to {len(states[-1])} atoms: {ours:.2f} s CPU, {ours / limit:.0f} times the matching, "
            f"and {measures:.2f} s for the measures of the states; "
            f"exact in {right} of {len(found.changes)} comparisons, {exact(given, whose)} from the given positions; "
            f"core of {found.core.indices.shape[1]} atoms, {len(set.intersection(*map(set, whose)))} true"
        )
        slowest, counted = max(slowest, ours + measures), counted + right
    print(f"slowest {slowest:.2f} s, {'within' if slowest < 5 else 'ABOVE'} 5 s")
    return 0 if slowest < 5 and counted == SEEDS * (STATES - 1) else 1


if __name__ == "__main__":
    sys.exit(main())
