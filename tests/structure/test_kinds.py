import numpy as np
import pytest
from scipy.spatial import cKDTree

from atomotion.data import InputError, UsageError
from atomotion.structure.kind_curves import simulate_kind_curves
from atomotion.structure.kind_states import simulate_kind_states
from atomotion.structure.kinds import KIND_NAMES, kind_of_dynamics
from atomotion.structure.kinds_config import DynamicsConfig
from atomotion.structure.rates import coordinated_fraction

KINDS = tuple(kind for kind in KIND_NAMES if kind != "undetermined")
TIMES = np.array([2.0, 9.0, 15.0, 22.0, 28.0, 35.0])


def judged(kind, seed, trajectories, **errors):
    rng = np.random.default_rng(seed)
    verdicts = []
    for _ in range(trajectories):
        curves = simulate_kind_curves(kind, rng, **errors)
        verdict = kind_of_dynamics(
            curves.times, curves.atoms, curves.core, atoms_error=curves.atoms_error, core_error=curves.core_error
        )
        verdicts.append(verdict.kind)
    return verdicts


@pytest.mark.parametrize("kind", KINDS)
def test_simulated_trajectories_are_recognised(kind):
    verdicts = judged(kind, 11, 60)
    decided = [each for each in verdicts if each != "undetermined"]
    assert verdicts.count(kind) >= 0.9 * len(decided)
    assert len(decided) >= 0.85 * len(verdicts)


@pytest.mark.parametrize("kind", KINDS)
def test_larger_errors_make_it_abstain_and_not_err(kind):
    verdicts = judged(kind, 12, 60, atoms_error=0.02, core_error=0.015)
    decided = [each for each in verdicts if each != "undetermined"]
    assert len(decided) < 60
    assert verdicts.count(kind) >= 0.8 * len(decided)


@pytest.mark.parametrize("kind", KINDS)
def test_simulated_atoms_are_recognised(kind):
    verdicts = []
    for seed in range(5):
        simulated = simulate_kind_states(kind, np.random.default_rng(seed))
        counts = [len(positions) for positions in simulated.positions]
        core = []
        for positions in simulated.positions:
            neighbours = cKDTree(positions).query_ball_point(positions, 3.35, return_length=True)
            core.append(coordinated_fraction(neighbours - 1))
        verdicts.append(kind_of_dynamics((simulated.t0 + simulated.t1) / 2, counts, core).kind)
    assert verdicts.count(kind) >= 4
    assert set(verdicts) <= {kind, "undetermined"}


def test_a_large_but_monotone_fall_of_the_core_is_still_a_stable_core():
    verdict = kind_of_dynamics(TIMES, [478, 440, 400, 350, 310, 272], [0.66, 0.65, 0.63, 0.60, 0.52, 0.41])
    assert verdict.kind == "ESC"
    assert verdict.evidence["core_range"] == pytest.approx(0.25)
    assert verdict.scores["ESC"] > 0 > verdict.scores["EFC"]


def test_one_dip_is_a_transition_and_two_are_a_fluctuation():
    atoms = [550, 525, 505, 480, 450, 425]
    once = kind_of_dynamics(TIMES, atoms, [0.62, 0.61, 0.45, 0.60, 0.60, 0.59])
    assert once.kind == "ECT"
    assert once.evidence["core_turns_at_s"] == 15.0
    twice = kind_of_dynamics(TIMES, atoms, [0.62, 0.46, 0.61, 0.60, 0.45, 0.59])
    assert twice.kind == "EFC"
    assert twice.margin > 0.5


def test_the_numbers_that_paper_001_prints_for_efc1():
    # 533 atoms lose 27 % in the end; 469 are seen in the first destabilised state, 31 % are lost in the last transition
    verdict = kind_of_dynamics([3.0, 11.0, 20.0, 29.0], [533, 469, 562, 388], [0.59, 0.29, 0.69, 0.31])
    assert verdict.kind == "EFC"
    assert verdict.runner_up == "FAC"


def test_a_fluctuating_composition_ends_where_it_began():
    atoms = [240, 241, 239, 272, 238, 240]
    stable = kind_of_dynamics(TIMES, atoms, [0.60, 0.61, 0.60, 0.59, 0.61, 0.60])
    assert stable.kind == "FACHC"
    moving = kind_of_dynamics(TIMES, [351, 330, 316, 330, 398, 362], [0.67, 0.64, 0.61, 0.60, 0.70, 0.63])
    assert moving.kind == "FAC"


def test_an_initial_phase_without_loss():
    verdict = kind_of_dynamics(TIMES, [285, 285, 286, 284, 260, 247], [0.60, 0.61, 0.60, 0.60, 0.59, 0.58])
    assert verdict.kind == "ESIP"
    assert "first 4 states" in verdict.reason


@pytest.mark.parametrize(
    ("atoms", "core", "words"),
    [
        ([300, 301, 299, 300, 302, 300], [0.6] * 6, "counts from"),
        ([300, 320, 340, 360, 380, 400], [0.6] * 6, "only grows"),
        ([400, 380, 360, 340, 320, 300], [0.5, 0.55, 0.7, 0.7, 0.6, 0.5], "best in the middle"),
    ],
)
def test_what_is_no_kind_is_undetermined(atoms, core, words):
    verdict = kind_of_dynamics(TIMES, atoms, core)
    assert verdict.kind == "undetermined"
    assert words in verdict.reason


def test_two_states_have_no_shape():
    assert "at least 3" in kind_of_dynamics([0.0, 5.0], [300, 250], [0.6, 0.5]).reason


def test_large_errors_of_the_core_forbid_a_verdict_on_it():
    atoms = [400, 380, 360, 340, 320, 300]
    assert kind_of_dynamics(TIMES, atoms, [0.6] * 6).kind == "ESC"
    blind = kind_of_dynamics(TIMES, atoms, [0.6] * 6, core_error=0.03)
    assert blind.kind == "undetermined"
    assert "too large" in blind.reason


def test_thresholds_are_the_configs():
    atoms, core = [400, 390, 385, 380, 372, 368], [0.6] * 6
    assert kind_of_dynamics(TIMES, atoms, core, atoms_error=1.0).kind == "ESC"
    strict = DynamicsConfig(least_change=0.2)
    assert kind_of_dynamics(TIMES, atoms, core, atoms_error=1.0, config=strict).kind == "undetermined"


def test_curves_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="do not rise"):
        kind_of_dynamics([0.0, 2.0, 1.0], [3, 2, 1], [0.5] * 3)
    with pytest.raises(InputError, match="between 0 and 1"):
        kind_of_dynamics([0.0, 1.0, 2.0], [3, 2, 1], [50.0] * 3)
    with pytest.raises(InputError, match="lacks"):
        kind_of_dynamics([0.0, 1.0, 2.0], [3, np.nan, 1], [0.5] * 3)
    with pytest.raises(UsageError, match="ESIP"):
        simulate_kind_curves("XYZ", np.random.default_rng(0))
