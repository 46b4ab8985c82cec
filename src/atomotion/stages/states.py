"""States of a particle as stages read them: which structures of which files, at what times, and refused where not Å."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atomotion.data import InputError, UsageError, parse_quantity
from atomotion.io.atoms import read_states
from atomotion.structure.plausible import check_spacing

if TYPE_CHECKING:
    from ase import Atoms

_TIME_COLUMNS = ("t0_s", "t1_s")


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenState:
    """One state of a particle, and where it was read.

    Parameters
    ----------
    atoms : ase.Atoms
    source : str
        File name; with the number of the state, from 1, where the file holds several.
    """

    atoms: "Atoms"
    source: str


def read_state(path: Path, *, element: str | None, number: int | None) -> tuple[GivenState, int]:
    """State `number` of a file, counted from 1 (None: the first), and how many the file holds.

    Raises
    ------
    InputError
        As `read_states`; for coordinates that cannot be Å; where the file holds fewer states.
    """
    states = read_states(path, element=element)
    if number is not None and not 1 <= number <= len(states):
        raise InputError(f"{path} holds {len(states)} states, and state {number} was asked for")
    chosen = (number or 1) - 1
    return _given(states[chosen], path, chosen + 1 if len(states) > 1 else None), len(states)


def read_series(paths: Sequence[Path], *, element: str | None) -> list[GivenState]:
    """The states of a trajectory: one file that holds all of them, or several with one each.

    Raises
    ------
    InputError
        As `read_state`; for fewer than two states, and several files of which one holds more than one.
    """
    found = []
    for path in paths:
        states = read_states(path, element=element)
        if len(paths) > 1 and len(states) > 1:
            raise InputError(f"{path} holds {len(states)} states; give it alone, or files with one state each")
        several = len(states) > 1
        found += [_given(state, path, number if several else None) for number, state in enumerate(states, start=1)]
    if len(found) < 2:
        raise InputError(
            f"{paths[0]} holds one state, and a comparison needs two; give the files of the others too, in the order "
            "of time"
        )
    return found


def _given(atoms: "Atoms", path: Path, number: int | None) -> GivenState:
    source = path.name if number is None else f"{path.name}:{number}"
    try:
        check_spacing(atoms.positions)
    except InputError as error:
        where = str(path) if number is None else f"state {number} of {path}"
        raise InputError(f"{where}: {error}") from error
    return GivenState(atoms=atoms, source=source)


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """The time windows [s] that the states are averages of; both arrays are (states,)."""

    t0: NDArray[np.float64]
    t1: NDArray[np.float64]

    @property
    def middle(self) -> NDArray[np.float64]:
        """(states,) middles of the windows [s]."""
        return (self.t0 + self.t1) / 2


def time_windows(states: Sequence[GivenState], given: Path | str | None) -> Windows | None:
    """The windows that the user gave, else those in the files; None where not every state has one.

    Parameters
    ----------
    states : sequence of GivenState
    given : path, str or None
        A table with the columns ``t0_s`` and ``t1_s``, or ``T0:T1,T0:T1,...``; a single T is a window without length.

    Raises
    ------
    UsageError
        For text that is no time, and another number of times than of states.
    InputError
        For a table that is missing or has other columns, and windows that are not in the order of time.
    """
    if isinstance(given, Path):
        pairs = _from_table(given)
    elif given is not None:
        pairs = [_from_word(word) for word in given.split(",")]
    else:
        infos = [state.atoms.info for state in states]
        if not all("t0" in info and "t1" in info for info in infos):
            return None
        pairs = [(float(info["t0"]), float(info["t1"])) for info in infos]
    if len(pairs) != len(states):
        raise UsageError(f"{len(pairs)} times were given for {len(states)} states; give one of each")
    t0, t1 = np.array(pairs, dtype=float).T
    middle = (t0 + t1) / 2
    if not np.isfinite(middle).all() or (t1 < t0).any() or (np.diff(middle) <= 0).any():
        raise InputError(
            "the time windows of the states are not in order; give the states by time, each with t0 before t1"
        )
    return Windows(t0=t0, t1=t1)


def _from_word(word: str) -> tuple[float, float]:
    ends = [parse_quantity(each, "s") for each in word.split(":")]
    if len(ends) > 2:
        raise UsageError(f"{word!r} is no time window; write T0:T1, for example 0s:5s")
    return ends[0], ends[-1]


def _from_table(path: Path) -> list[tuple[float, float]]:
    try:
        table = pd.read_csv(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a table of times: {error}") from error
    if not set(_TIME_COLUMNS) <= set(table.columns):
        raise InputError(f"{path} has no columns {' and '.join(_TIME_COLUMNS)}; it has {', '.join(table.columns)}")
    return [(float(t0), float(t1)) for t0, t1 in table[list(_TIME_COLUMNS)].to_numpy(float)]
