"""Irregular particles of other lattices than FCC."""

import numpy as np

from atomotion.particles import decahedron, icosahedron, twinned_sphere

LATTICE = 3.93  # Å
KINDS = ("twin", "icosahedron", "decahedron")


def irregular_particle_of(
    kind: str, atoms: int, rng: np.random.Generator, *, bulk: float = 0.06, surface: float = 0.20
) -> np.ndarray:
    """(n, 3) positions: the lattice cut by random planes, off its centre, displaced by `bulk` and `surface` [Å]."""
    large = {
        "twin": lambda: twinned_sphere("Pt", 44.0, lattice=LATTICE),
        # the bonds of a Mackay icosahedron are 5 % longer along the shells; its mean is made that of the lattice
        "icosahedron": lambda: icosahedron("Pt", 6, lattice=0.965 * LATTICE),
        "decahedron": lambda: decahedron("Pt", 8, 8, lattice=LATTICE),
    }[kind]()
    sites = large.positions - rng.uniform(-1.5, 1.5, 3)
    axes = rng.permutation([0.95, 1.0, 1.05])
    normals = rng.normal(size=(10, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    depth = np.maximum(np.linalg.norm(sites / axes, axis=1), (sites @ normals.T / rng.uniform(0.85, 1.05, 10)).max(1))
    order = np.argsort(depth)[:atoms]
    points, depth = sites[order], depth[order]
    outer = depth > depth[-1] - 2.2
    points = points + rng.normal(size=points.shape) * np.where(outer, surface, bulk)[:, None]
    return points - points.mean(axis=0)
