"""Speed of the measures of a structure: the whole of it, its parts, and bond order and local structure beside pyscal3.

Goals: everything for 700 atoms in 0.5 s, and 8,468 atoms in seconds. pyscal3 (4.1) lives in an environment of its own;
name its Python with ``--pyscal-python PATH`` or the variable PYSCAL_PYTHON. It is compiled and runs on one thread here.
The measured particle is read from $ATOMOTION_DATA or ../shared/data and left out where it is absent.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms

from atomotion.io.atoms import read_atoms
from atomotion.neighbours import find_grains, first_minimum, neighbour_pairs
from atomotion.particles import fcc_sphere
from atomotion.structure import (
    bond_order,
    crystallinity_score,
    find_surface,
    linear_strain,
    local_structure,
    measure_atoms,
    penetration_depth,
    summarise_particle,
    surface_sites,
)

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3

PEER = """
import json, sys, time
import numpy as np, pyscal
from ase import Atoms
points, radius = np.load(sys.argv[1]), float(sys.argv[2])
pyscal.set_num_threads(1)
size = float(np.ptp(points, axis=0).max()) + 40.0
atoms = Atoms(numbers=[78] * len(points), positions=points - points.min(axis=0) + 20.0, cell=[size] * 3, pbc=False)
began = time.process_time()
pyscal.find_neighbors(atoms, method="cutoff", cutoff=radius)
q = [pyscal.steinhardt_parameter(atoms, l=[l], averaged=a)[0] for l in (4, 6) for a in (False, True)]
w = pyscal.wigner_w_parameter(atoms, l=[6])[0]
order = time.process_time() - began
began = time.process_time()
kinds = pyscal.common_neighbor_analysis(atoms)
print(json.dumps({"order": order, "kinds": time.process_time() - began, "q6": list(map(float, q[2])),
                  "count": {str(k): int(v) for k, v in kinds.items()}}))
"""


def particles() -> dict[str, Atoms]:
    """A hot sphere of about 700 atoms, and the measured particle of 8,468."""
    hot = fcc_sphere("Pt", 27.4, lattice=3.924)
    hot.positions += np.random.default_rng(0).normal(scale=0.08, size=hot.positions.shape)
    found = {f"hot sphere, {len(hot)} atoms": hot}
    path = Path(os.environ.get("ATOMOTION_DATA", ROOT.parent / "shared" / "data")) / "pdpt_coreshell" / "TO.xyz"
    if path.is_file():
        found["measured Pd@Pt, 8468 atoms"] = read_atoms(path)
    else:
        print(f"measured particle: not found at {path}, left out")
    return found


def seconds(step: Callable[[], object]) -> float:
    """Median CPU seconds of a few runs."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        step()
        taken.append(time.process_time() - began)
    return float(np.median(taken))


def parts(atoms: Atoms) -> dict[str, Callable[[], object]]:
    points = atoms.positions
    minimum = first_minimum(points)
    neighbours = neighbour_pairs(points, minimum.r)
    surface = find_surface(points, neighbours, ball=0.95 * minimum.peak)
    grains = find_grains(points)
    depth = surface.depth
    return {
        "first minimum of g(r)": lambda: first_minimum(points),
        "neighbour pairs": lambda: neighbour_pairs(points, minimum.r),
        "lattice and grains": lambda: find_grains(points),
        "strain": lambda: linear_strain(points, grains, bulk=3.924),
        "surface and depth": lambda: find_surface(points, neighbours, ball=0.95 * minimum.peak),
        "facets and steps": lambda: surface_sites(points, neighbours, surface, bond=minimum.r, spacing=minimum.peak),
        "bond order, l = 4 and 6": lambda: (bond_order(neighbours, 4), bond_order(neighbours, 6)),
        "local structure": lambda: local_structure(points, asked=~surface.exposed),
        "penetration depth": lambda: penetration_depth(depth, np.diff(neighbours.offsets), plateau=(10.0, 12.0)),
        "crystallinity score": lambda: crystallinity_score(points, bulk=3.924),
    }


def beside_pyscal(python: str, atoms: Atoms) -> None:
    points = atoms.positions
    radius = first_minimum(points).r
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.npy"
        np.save(path, points)
        command = [python, "-c", PEER, str(path), str(radius)]
        runs = [
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
            for _ in range(ROUNDS)
        ]

    def order() -> np.ndarray:
        neighbours = neighbour_pairs(points, radius)
        bond_order(neighbours, 4)
        return bond_order(neighbours, 6).q

    neighbours = neighbour_pairs(points, radius)
    surface = find_surface(points, neighbours, ball=0.95 * first_minimum(points).peak)
    mine, theirs = seconds(order), float(np.median([run["order"] for run in runs]))
    apart = float(np.abs(order() - np.array(runs[0]["q6"])).max())
    print(
        f"  bond order: {1e3 * mine:.1f} ms, pyscal3 {1e3 * theirs:.1f}, ratio {theirs / mine:.2f}, q6 to {apart:.0e}"
    )
    mine = seconds(lambda: local_structure(points, asked=~surface.exposed))
    theirs = float(np.median([run["kinds"] for run in runs]))
    kinds = local_structure(points, asked=~surface.exposed).kind
    print(
        f"  local structure: {1e3 * mine:.1f} ms, CNA of pyscal3 {1e3 * theirs:.1f}, ratio {theirs / mine:.2f}; "
        f"FCC {int((kinds == 'fcc').sum())} and {runs[0]['count'].get('fcc')} of {len(points)} atoms"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pyscal-python", default=os.environ.get("PYSCAL_PYTHON"))
    python = parser.parse_args().pyscal_python
    if python is None:
        print("pyscal3: left out; name the Python that has it with --pyscal-python PATH or PYSCAL_PYTHON")
    late = []
    for name, atoms in particles().items():
        table = measure_atoms(atoms)
        whole = seconds(lambda atoms=atoms: measure_atoms(atoms))
        summary = seconds(lambda atoms=atoms, table=table: summarise_particle(atoms, table=table))
        goal = 0.5 if len(atoms) < 1000 else 10.0
        within = whole + summary < goal
        late += [] if within else [name]
        print(
            f"{name}: table {whole:.3f} s CPU, summary {summary:.3f}, together {whole + summary:.3f}, "
            f"{'within' if within else 'ABOVE'} {goal:g} s"
        )
        for part, step in parts(atoms).items():
            print(f"  {part:26} {1e3 * seconds(step):8.1f} ms")
        if python is not None:
            beside_pyscal(python, atoms)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
