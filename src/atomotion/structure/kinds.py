"""The kinds of dynamics of paper 001, by rules on the measured curves."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data.errors import InputError
from atomotion.structure.curve_shape import chance_range, initial_phase, largest_fall, largest_rise, turns
from atomotion.structure.kinds_config import DynamicsConfig

DynamicsKind = Literal["ESC", "ESIP", "ECT", "EFC", "FACHC", "FAC", "undetermined"]

KIND_NAMES: dict[str, str] = {
    "ESC": "etching with stable core",
    "ESIP": "etching with stable initial phase",
    "ECT": "etching with core transition",
    "EFC": "etching with fluctuating core",
    "FACHC": "fluctuating atom composition, high core stability",
    "FAC": "fluctuating atom composition",
    "undetermined": "undetermined",
}
# the other names that the text and figures of paper 001 use
KIND_ALIASES: dict[str, str] = {"FC": "FAC", "FCHCS": "FACHC"}


@dataclass(frozen=True, kw_only=True, slots=True)
class DynamicsVerdict:
    """What kind of dynamics a trajectory shows, and how sure that is.

    Parameters
    ----------
    kind : str
        One of `KIND_NAMES`.
    reason : str
        The rule that gave it, with its numbers.
    runner_up : str
        The kind that comes next.
    margin : float
        Score of the kind less that of the runner-up.
    scores : dict
        By kind: the smallest margin among its conditions, -1 to 1; all conditions hold where it is positive.
    evidence : dict
        Every number that the rules look at, and their limits.
    """

    kind: DynamicsKind
    reason: str
    runner_up: DynamicsKind
    margin: float
    scores: dict[DynamicsKind, float]
    evidence: dict[str, Any]


def kind_of_dynamics(
    times: ArrayLike,
    atoms: ArrayLike,
    core: ArrayLike,
    *,
    atoms_error: float | None = None,
    core_error: float | None = None,
    config: DynamicsConfig | None = None,
) -> DynamicsVerdict:
    """The kind of dynamics of a trajectory, from the number of atoms and the coordination of each state.

    Two questions, each answered on the shape of a curve and not only on its range. Are atoms lost in the end (etching),
    or does their number fall and rise again? And is the core's coordination monotone (stable), does it dip once and
    recover (transition), or go to and fro (fluctuating)? The rules are written out in ``docs/methods/kinds.md``.

    Every condition compares a number x with its limit h and has the margin x / h - 1, or 1 - x / h where x must be
    below. A kind's score is its smallest margin, so the score of the verdict is its relative distance to the nearest
    limit.

    Parameters
    ----------
    times : (n,) float [s]
        Middles of the time windows, rising.
    atoms : (n,) float
    core : (n,) float
        Share of atoms with CN > 8 (`coordinated_fraction`), 0 to 1.
    atoms_error, core_error : float or None
        Standard errors of one value; None takes those of the config.
    config : DynamicsConfig or None

    Raises
    ------
    InputError
        For curves of different lengths, times that do not rise, values that are not numbers, and fractions outside of
        0 to 1.

    References
    ----------
    Meana-Pañeda et al., Sci. Adv. 11, eady1413 (2025), Table 1 and text. Its definitions (table S2) are words, without
    numbers; the limits here are ours.
    """
    config = DynamicsConfig() if config is None else config
    t, n, c = _checked(times, atoms, core)
    if len(t) < 3:
        return _undetermined(f"{len(t)} states; the shape of a curve needs at least 3", {"states": len(t)})
    sigma_n = config.atoms_error * float(n.mean()) if atoms_error is None else atoms_error
    sigma_c = config.core_error if core_error is None else core_error
    atoms_limit = max(config.least_change * float(n[0]), chance_range(len(t), sigma_n, config.chance))
    chance_swing = chance_range(len(t), sigma_c, config.chance)
    swing_limit = max(config.least_swing, chance_swing)
    range_limit = max(config.stable_range, chance_swing)
    fall, rise, core_turns = largest_fall(n), largest_rise(n), turns(c)
    net_loss = float(n[0] - n[-1])
    first, second = core_turns.swing(1), core_turns.swing(2)
    second_limit = max(swing_limit, config.second_swing * first)
    core_range = float(np.ptp(c))
    phase = initial_phase(t, n, sigma_n, least=config.initial_states)
    evidence: dict[str, Any] = {
        "states": len(t),
        "atoms_first": float(n[0]),
        "atoms_last": float(n[-1]),
        "net_loss": net_loss,
        "largest_fall": fall,
        "largest_rise": rise,
        "atoms_limit": atoms_limit,
        "core_range": core_range,
        "core_swing": first,
        "core_second_swing": second,
        "core_turns_by": "valley" if core_turns.valley else "hill" if core_turns.at >= 0 else "",
        "core_turns_at_s": float(t[core_turns.at]) if core_turns.at >= 0 else float("nan"),
        "swing_limit": swing_limit,
        "atoms_linearity": _linearity(t, n),
        "core_linearity": _linearity(t, c),
        "initial_states": phase.states if phase else 0,
        "initial_share": phase.share if phase else 0.0,
        "initial_loss": phase.loss if phase else float("nan"),
        "initial_evidence": phase.evidence if phase else 0.0,
    }
    # a destabilised state shows fewer atoms than there are, so with a core that turns a rise may be a recovery
    dominant = max(atoms_limit, net_loss)
    steady = min(_above(net_loss, atoms_limit), _below(rise, atoms_limit))
    etching = min(_above(net_loss, atoms_limit), _below(rise, dominant))
    fluctuating = min(_above(fall, atoms_limit), _above(rise, atoms_limit))
    # no one can call a core stable whose swings would not have shown
    seen = 1.0 if chance_swing <= config.visible_swing else -1.0
    stable = min(_below(first, swing_limit), seen)
    held, not_held = -1.0, 1.0
    if phase is not None:
        long, flat = _above(phase.share, config.initial_share), _below(phase.loss, config.initial_loss)
        held = min(_above(phase.evidence, config.initial_evidence), long, flat)
        # half the evidence is too little for a stable phase and too much for a steady loss
        not_held = max(_below(phase.evidence, config.initial_evidence / 2), -long, -flat)
    highly_stable = min(stable, _below(core_range, range_limit))
    scores: dict[DynamicsKind, float] = {
        "ESC": min(steady, stable, not_held),
        "ESIP": min(steady, stable, held),
        "ECT": min(
            etching,
            _above(first, swing_limit) if core_turns.valley else -1.0,
            _below(second, second_limit),
        ),
        "EFC": min(etching, _above(second, second_limit)),
        "FACHC": min(fluctuating, highly_stable),
        "FAC": min(
            fluctuating, _above(rise, dominant), max(_above(first, swing_limit), _above(core_range, range_limit))
        ),
    }
    order = sorted(scores, key=lambda each: scores[each], reverse=True)
    best, after = order[0], order[1]
    if scores[best] < config.least_margin:
        reason = _why_not(fall, rise, atoms_limit, seen, scores, best)
        return _undetermined(reason, evidence, scores=scores, runner_up=best)
    return DynamicsVerdict(
        kind=best,
        reason=_why(best, evidence),
        runner_up=after,
        margin=scores[best] - scores[after],
        scores=scores,
        evidence=evidence,
    )


def _above(value: float, limit: float) -> float:
    return float(np.clip(value / limit - 1.0, -1.0, 1.0)) if limit > 0 else float(value > 0) * 2.0 - 1.0


def _below(value: float, limit: float) -> float:
    return -_above(value, limit)


def _linearity(times: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Share of the variance that a straight line explains; NaN for a constant curve."""
    if np.ptp(values) == 0:
        return float("nan")
    return float(np.corrcoef(times, values)[0, 1] ** 2)


def _checked(
    times: ArrayLike, atoms: ArrayLike, core: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    t, n, c = (np.asarray(each, dtype=float).ravel() for each in (times, atoms, core))
    if not len(t) == len(n) == len(c):
        raise InputError(
            f"{len(t)} times, {len(n)} numbers of atoms and {len(c)} fractions; give one of each per state"
        )
    if not (np.isfinite(t).all() and np.isfinite(n).all() and np.isfinite(c).all()):
        raise InputError("a state lacks its time, its number of atoms or its fraction; leave such states out")
    if (np.diff(t) <= 0).any():
        raise InputError("the times do not rise; sort the states by time")
    if len(n) and (n.min() <= 0 or c.min() < 0 or c.max() > 1):
        raise InputError("numbers of atoms must be positive and coordinated fractions between 0 and 1")
    return t, n, c


def _why(kind: str, evidence: dict[str, Any]) -> str:
    lost = f"{evidence['net_loss']:.0f} atoms are lost and at most {evidence['largest_rise']:.0f} come back"
    both = f"the atoms fall by {evidence['largest_fall']:.0f} and rise by {evidence['largest_rise']:.0f}"
    swing = f"the core swings back by {100 * evidence['core_swing']:.1f} points"
    again = f"{100 * evidence['core_second_swing']:.1f} points"
    still = f"{swing}, which counts from {100 * evidence['swing_limit']:.1f} on"
    return {
        "ESC": f"{lost}; {still}",
        "ESIP": f"{lost}, the first {evidence['initial_states']} states "
        f"({evidence['initial_share']:.0%} of the time) hardly; {still}",
        "ECT": f"{lost}; {swing} once, around {evidence['core_turns_at_s']:g} s, and a second time by {again}",
        "EFC": f"{lost}; {swing} and a second time by {again}",
        "FACHC": f"{both}; the core stays within {100 * evidence['core_range']:.1f} points",
        "FAC": f"{both}; {swing} and spans {100 * evidence['core_range']:.1f}",
    }[kind]


def _why_not(
    fall: float, rise: float, limit: float, seen: float, scores: dict[DynamicsKind, float], best: DynamicsKind
) -> str:
    if fall < limit and rise < limit:
        return f"the number of atoms changes by {max(fall, rise):.0f}, which counts from {limit:.0f} on"
    if fall < limit:
        return f"the number of atoms only grows, by {rise:.0f}; no kind of the paper does that"
    if seen < 0:
        return "the errors of the coordinated fraction are too large to tell a stable core from another"
    if scores[best] <= 0:
        return "no kind fits all its conditions, as a core that is best in the middle of an etching particle does not"
    return f"{best} fits, but one of its conditions holds by {scores[best]:.0%} of its limit only"


def _undetermined(
    reason: str,
    evidence: dict[str, Any],
    *,
    scores: dict[DynamicsKind, float] | None = None,
    runner_up: DynamicsKind = "undetermined",
) -> DynamicsVerdict:
    return DynamicsVerdict(
        kind="undetermined",
        reason=reason,
        runner_up=runner_up,
        margin=0.0,
        scores=scores or {},
        evidence=evidence,
    )
