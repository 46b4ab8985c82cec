"""Verdicts on simulated trajectories of each kind of dynamics: confusion matrices for curves and for atoms.

Goal: 90 % right, abstentions apart. The null is the rule that looks at ranges only: etching or not by the sign of the
change, stable or not by the range of the core.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections import Counter
from collections.abc import Callable

import numpy as np

from atomotion.neighbours import coordination_numbers, coordination_radius, neighbour_pairs
from atomotion.particles import lattice_constant
from atomotion.structure.kind_curves import KindCurves, simulate_kind_curves
from atomotion.structure.kind_states import simulate_kind_states
from atomotion.structure.kinds import KIND_NAMES, kind_of_dynamics
from atomotion.structure.rates import coordinated_fraction

KINDS = [kind for kind in KIND_NAMES if kind != "undetermined"]
PER_KIND, ATOMS_PER_KIND = 200, 20


def by_rules(curves: KindCurves) -> str:
    return kind_of_dynamics(
        curves.times, curves.atoms, curves.core, atoms_error=curves.atoms_error, core_error=curves.core_error
    ).kind


def by_defaults(curves: KindCurves) -> str:
    """With the errors of the config, whatever those of the curves are."""
    return kind_of_dynamics(curves.times, curves.atoms, curves.core).kind


def by_ranges(curves: KindCurves) -> str:
    stable = np.ptp(curves.core) < 0.06
    if curves.atoms[-1] > 0.95 * curves.atoms[0]:
        return "FACHC" if stable else "FAC"
    return "ESC" if stable else "EFC"


def table(title: str, verdict: Callable[[str, np.random.Generator], str], count: int) -> float:
    rng = np.random.default_rng(5)
    print(f"\n{title}\n{'':8}" + "".join(f"{kind:>7}" for kind in [*KINDS, "none"]))
    right = decided = 0
    for kind in KINDS:
        votes = Counter(verdict(kind, rng) for _ in range(count))
        print(f"{kind:8}" + "".join(f"{votes[each]:7}" for each in [*KINDS, "undetermined"]))
        right, decided = right + votes[kind], decided + count - votes["undetermined"]
    print(f"right {right / decided:.1%} of the decided, decided {decided / (count * len(KINDS)):.1%}")
    return right / decided


def atoms(kind: str, rng: np.random.Generator) -> str:
    simulated = simulate_kind_states(kind, rng)
    radius = coordination_radius(lattice_constant("Pt"))
    core = [coordinated_fraction(coordination_numbers(neighbour_pairs(p, radius))) for p in simulated.positions]
    counts = [len(positions) for positions in simulated.positions]
    return kind_of_dynamics((simulated.t0 + simulated.t1) / 2, counts, core).kind


def main() -> int:
    def drawn(judge: Callable[[KindCurves], str], **options: float) -> Callable[[str, np.random.Generator], str]:
        return lambda kind, rng: judge(simulate_kind_curves(kind, rng, **options))

    reached = table("curves, errors 1 % of the atoms and 1 point of the core", drawn(by_rules), PER_KIND)
    half = {"atoms_error": 0.005, "core_error": 0.005}
    table("curves, half the errors", drawn(by_rules, **half), PER_KIND)
    large = {"atoms_error": 0.02, "core_error": 0.015}
    table("curves, errors 2 % and 1.5 points", drawn(by_rules, **large), PER_KIND)
    table("the same, but the rules are told 1 % and 1 point", drawn(by_defaults, **large), PER_KIND)
    for states in (4, 5, 8):
        table(f"curves of {states} states, errors 1 % and 1 point", drawn(by_rules, states=states), PER_KIND)
    table("null: ranges only, errors 1 % and 1 point", drawn(by_ranges), PER_KIND)
    reached = min(reached, table("atoms, 6 states", atoms, ATOMS_PER_KIND))
    return 0 if reached >= 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
