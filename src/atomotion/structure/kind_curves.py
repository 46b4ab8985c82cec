"""Simulated curves of each kind of dynamics, drawn to the definitions in words and not to the rules that judge them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class KindCurves:
    """A simulated trajectory of states.

    Parameters
    ----------
    times : (n,) float [s]
        Middles of the time windows.
    atoms, core : (n,) float
        Measured number of atoms and share of atoms with CN > 8.
    true_atoms, true_core : (n,) float
        Without errors.
    atoms_error, core_error : float
        Standard errors that were added.
    """

    times: NDArray[np.float64]
    atoms: NDArray[np.float64]
    core: NDArray[np.float64]
    true_atoms: NDArray[np.float64]
    true_core: NDArray[np.float64]
    atoms_error: float
    core_error: float


def simulate_kind_curves(
    kind: str,
    rng: np.random.Generator,
    *,
    states: int | None = None,
    atoms_error: float = 0.01,
    core_error: float = 0.01,
) -> KindCurves:
    """Curves of a kind, with sizes, losses and swings in the ranges that paper 001 reports.

    - ESC: 8 to 45 % are lost at an uneven but steady pace; the coordinated fraction falls by 0 to 8 points in
      proportion to time, or, in one of four, by 10 to 25 towards the end.
    - ESIP: nothing is lost in the first three or more states, which fill 35 to 75 % of the time, then 10 to 30 %.
    - ECT: 10 to 40 % are lost; one state, or two in a row, has a core less coordinated by 6 to 25 points.
    - EFC: 10 to 40 % are lost; the core goes to and fro between levels 5 to 25 points apart, turning at least twice.
    - In one of two ECT and EFC, destabilised states show up to 0.4 % fewer atoms per point of coordination, and these
      come back with it, as in the paper's EFC1.
    - FAC, FACHC: the number of atoms goes to and fro by 8 to 20 % and ends 3 % below to 5 % above its beginning; the
      core swings by 7 to 20 points, or keeps within 1.5.

    Parameters
    ----------
    kind : str
        ESC, ESIP, ECT, EFC, FAC or FACHC.
    rng : numpy.random.Generator
    states : int or None
        At least 4; None draws 4 to 8.
    atoms_error, core_error : float
        Standard errors: as a share of the atoms, and of the fraction.

    Raises
    ------
    UsageError
        For another kind.
    """
    n = int(rng.integers(4, 9)) if states is None else states
    windows = rng.uniform(2.5, 10.0, size=n)
    times = np.cumsum(windows) - windows / 2
    part = (times - times[0]) / (times[-1] - times[0])
    start = float(rng.uniform(0.50, 0.70))
    size = float(rng.uniform(180, 700))
    if kind == "ESC":
        shape = 1.0 - rng.uniform(0.08, 0.45) * _uneven(part, rng)
        late = np.clip((part - 0.5) / 0.5, 0.0, None)
        core = start - (rng.uniform(0.10, 0.25) * late if rng.random() < 0.25 else rng.uniform(0.0, 0.08) * part)
    elif kind == "ESIP":
        shape, core = _held(part, rng), start - rng.uniform(0.0, 0.04) * part
    elif kind == "ECT":
        shape = 1.0 - rng.uniform(0.10, 0.40) * _uneven(part, rng)
        core = start - rng.uniform(0.0, 0.06) * part
        first = int(rng.integers(1, n - 1))
        dip = np.zeros(n)
        dip[first : min(first + int(rng.integers(1, 3)), n - 1)] = -rng.uniform(0.06, 0.25)
        core, shape = core + dip, shape + _unseen(dip, rng)
    elif kind == "EFC":
        shape = 1.0 - rng.uniform(0.10, 0.40) * _uneven(part, rng)
        swings = _to_and_fro(n, 2, float(rng.uniform(0.05, 0.25)), rng)
        core, shape = start + swings, shape + _unseen(swings, rng)
    elif kind == "FAC":
        shape = _without_net_loss(part, rng)
        core = start + _to_and_fro(n, 1, float(rng.uniform(0.07, 0.20)), rng)
    elif kind == "FACHC":
        shape = _without_net_loss(part, rng)
        core = start + rng.uniform(-0.0075, 0.0075, size=n)
    else:
        raise UsageError(f"unknown kind of dynamics {kind!r}; known are ESC, ESIP, ECT, EFC, FAC, FACHC")
    true_atoms = size * shape
    true_core = np.clip(core, 0.02, 0.98)
    sigma = atoms_error * float(true_atoms.mean())
    return KindCurves(
        times=times,
        atoms=np.round(true_atoms + rng.normal(scale=sigma, size=n)),
        core=np.clip(true_core + rng.normal(scale=core_error, size=n), 0.0, 1.0),
        true_atoms=true_atoms,
        true_core=true_core,
        atoms_error=sigma,
        core_error=core_error,
    )


def _uneven(part: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """0 to 1 at a pace that varies by a third from state to state."""
    pace = rng.uniform(0.67, 1.33, size=len(part) - 1)
    gone = np.concatenate([[0.0], np.cumsum(pace * np.diff(part))])
    return np.asarray(gone / gone[-1])


def _held(part: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """1 for a time, then falling to the end, suddenly or steadily."""
    possible = [m for m in range(3, len(part)) if 0.35 <= part[m - 1] <= 0.75] or [3]
    last = int(rng.choice(possible))
    loss = float(rng.uniform(0.10, 0.30))
    if rng.random() < 0.5:
        return np.where(np.arange(len(part)) < last, 1.0, 1.0 - loss)
    return 1.0 - loss * np.clip((part - part[last - 1]) / (1.0 - part[last - 1]), 0.0, None)


def _without_net_loss(part: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A number of atoms that goes to and fro and ends about where it began."""
    shape = 1.0 + _to_and_fro(len(part), 1, float(rng.uniform(0.08, 0.20)), rng)
    return shape + (rng.uniform(0.97, 1.05) - shape[-1]) * part


def _unseen(core: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The change of the number of atoms that are seen, for a change of the core."""
    return (rng.uniform(0.0, 0.4) if rng.random() < 0.5 else 0.0) * core


def _to_and_fro(n: int, turning_points: int, swing: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A zigzag that turns at least `turning_points` times inside, with legs of 0.6 to 1.4 swings."""
    turning = int(rng.integers(turning_points, n - 1))
    at = np.concatenate([[0], np.sort(rng.choice(np.arange(1, n - 1), size=turning, replace=False)), [n - 1]])
    legs = swing * rng.uniform(0.6, 1.4, size=len(at) - 1) * (-1.0) ** np.arange(len(at) - 1)
    levels = np.concatenate([[0.0], np.cumsum(legs)])
    return np.asarray(np.interp(np.arange(n), at, levels if rng.random() < 0.7 else -levels))
