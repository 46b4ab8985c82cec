"""Atoms in files: extXYZ (the format that keeps everything), PDB, LAMMPS data and plain XYZ."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import InputError, UsageError

if TYPE_CHECKING:
    from ase import Atoms

_XYZ, _PDB, _LAMMPS = (".xyz", ".extxyz"), (".pdb", ".ent"), (".data", ".lmp", ".lammps")
# LAMMPS writes an atom's line without saying which style it is; the number of columns tells (with image flags: 3 more)
_LAMMPS_STYLES = {5: "atomic", 6: "charge", 7: "full", 8: "atomic", 9: "charge", 10: "full"}
_PDB_LIMITS = (-99.99, 999.99)


def read_atoms(path: str | Path, *, element: str | None = None) -> "Atoms":
    """The one structure in a file; see `read_states` for the formats.

    Raises
    ------
    InputError
        Also where the file holds several states.
    """
    states = read_states(path, element=element)
    if len(states) != 1:
        raise InputError(f"{path} holds {len(states)} states, and one structure is needed; save one of them by itself")
    return states[0]


def read_states(path: str | Path, *, element: str | None = None) -> "list[Atoms]":
    """All structures in a file, in its order; their coordinates are those of the file [Å], and nothing is periodic.

    Parameters
    ----------
    path : path
        ``.xyz`` or ``.extxyz`` (extended or plain), ``.pdb`` or ``.ent``, ``.data``, ``.lmp`` or ``.lammps``.
    element : str or None
        LAMMPS data: the element of each type, in the order of the types ("Au", or "Pd,Pt"), where the file has no
        masses or to overrule them. Other formats: makes all atoms this element, where the file's is a stand-in.

    Returns
    -------
    list of ase.Atoms
        extXYZ: with all arrays and ``info`` (``t0`` and ``t1`` [s] for a state of a series). PDB: B-factors as the
        array ``bfactor``. LAMMPS: sorted by atom id.

    Raises
    ------
    InputError
        Where the file is missing, of another format, broken or empty.
    UsageError
        Where `element` is none.
    """
    path = Path(path)
    read = _reader(path)
    if element is not None:
        element = _checked(element)
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            states = read(path, element)
    except InputError:
        raise
    except Exception as error:  # the library raises whatever its parser stumbles over
        raise InputError(f"{path} cannot be read as atoms: {error or type(error).__name__}") from error
    if not states or any(len(state) == 0 for state in states):
        raise InputError(f"{path} holds no atoms")
    for state in states:
        if not np.isfinite(state.positions).all():
            raise InputError(f"{path} holds coordinates that are not finite")
        state.pbc = False
    return states


def write_atoms(path: str | Path, atoms: "Atoms | Sequence[Atoms]", *, b_factor: str | None = None) -> None:
    """Write a structure, or a list of states, in the format of the file's suffix.

    Parameters
    ----------
    path : path
        ``.xyz`` or ``.extxyz`` keep all arrays and ``info``; ``.pdb`` keeps elements, coordinates (to 0.001 Å) and one
        array; ``.data``, ``.lmp`` or ``.lammps`` (one structure) elements and coordinates.
    atoms : ase.Atoms or sequence of ase.Atoms
    b_factor : str or None
        PDB only: the array that goes into the field of B-factors, to two decimals; NaN is written as 0.

    Raises
    ------
    InputError
        For an unknown format, and for what the format cannot hold.
    """
    import ase.io

    path = Path(path)
    _reader(path)  # refuses unknown suffixes
    suffix = path.suffix.lower()
    states = [atoms] if hasattr(atoms, "get_positions") else list(atoms)
    if b_factor is not None and suffix not in _PDB:
        raise InputError(f"only PDB files have a field for B-factors, and {path} is not one; leave out {b_factor!r}")
    if suffix in _XYZ:
        ase.io.write(path, states, format="extxyz")
    elif suffix in _PDB:
        ase.io.write(path, [_for_pdb(state, b_factor, path) for state in states], format="proteindatabank")
    elif len(states) == 1:
        path.write_text(_lammps_data(states[0]))
    else:
        raise InputError(f"a LAMMPS data file holds one structure, not {len(states)}; write {path.with_suffix('.xyz')}")


def _checked(element: str) -> str:
    """Symbols, separated by commas, that are all elements."""
    from ase.data import atomic_numbers

    symbols = [symbol.strip() for symbol in element.split(",")]
    for symbol in symbols:
        if symbol not in atomic_numbers:
            raise UsageError(f"{symbol!r} is not the symbol of an element; pass for example Pt, or Pd,Pt for two types")
    return ",".join(symbols)


def _reader(path: Path) -> "Callable[[Path, str | None], list[Atoms]]":
    suffix = path.suffix.lower()
    for suffixes, read in ((_XYZ, _read_xyz), (_PDB, _read_pdb), (_LAMMPS, _read_lammps)):
        if suffix in suffixes:
            return read
    known = ", ".join((*_XYZ, *_PDB, *_LAMMPS))
    raise InputError(f"{path} has a suffix that is no known format of atoms; known are {known}")


def _read_xyz(path: Path, element: str | None) -> "list[Atoms]":
    import ase.io

    with path.open(encoding="utf-8", errors="replace") as stream:
        head = [stream.readline() for _ in range(2)]
    if "Properties=" in head[1]:
        states = ase.io.read(path, index=":", format="extxyz")
    else:
        states = _read_plain_xyz(path)
    for state in states if element is not None else ():
        state.symbols[:] = element
    return list(states)


def _read_plain_xyz(path: Path) -> "list[Atoms]":
    """Plain XYZ with any line ends: with or without comment line, and without count line, with columns after x y z."""
    from ase import Atoms

    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    states = []
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        words = lines[at].split()
        if len(words) < 4 and words[0].isdigit():
            at += 1 if at + 1 < len(lines) and _is_atom(lines[at + 1]) and not _has(lines, at + 2, int(words[0])) else 2
            count = int(words[0])
        else:
            count = len([line for line in lines[at:] if line.strip()])
        block = lines[at : at + count]
        for number, line in enumerate(block, start=at + 1):
            if not _is_atom(line):
                raise InputError(f"line {number} of {path} is not an atom (element x y z): {line.strip()!r}")
        if len(block) < count:
            raise InputError(f"{path} promises {count} atoms but ends after {len(block)}")
        fields = [line.split() for line in block]
        states.append(
            Atoms(
                numbers=[_atomic_number(field[0]) for field in fields],
                positions=np.array([field[1:4] for field in fields], dtype=float),
            )
        )
        at += count
    return states


def _has(lines: list[str], start: int, count: int) -> bool:
    """Whether `count` lines from `start` on are atoms."""
    return len(lines) >= start + count and all(_is_atom(line) for line in lines[start : start + count])


def _is_atom(line: str) -> bool:
    words = line.split()
    try:
        return len(words) >= 4 and _atomic_number(words[0]) > 0 and len([float(word) for word in words[1:4]]) == 3
    except (ValueError, KeyError):
        return False


def _atomic_number(word: str) -> int:
    """The element of a symbol in any case, of a label such as Pt12, or of an atomic number."""
    from ase.data import atomic_numbers

    if word.isdigit():
        return int(word) if int(word) < len(atomic_numbers) else 0
    return int(atomic_numbers[word.rstrip("0123456789+-").capitalize()])


def _read_pdb(path: Path, element: str | None) -> "list[Atoms]":
    import ase.io

    states = ase.io.read(path, index=":", format="proteindatabank")
    for state in states if element is not None else ():
        state.symbols[:] = element
    return list(states)


def _for_pdb(atoms: "Atoms", b_factor: str | None, path: Path) -> "Atoms":
    from ase import Atoms

    if len(atoms) and not ((atoms.positions > -999.9995) & (atoms.positions < 9999.9995)).all():
        raise InputError(f"coordinates beyond -999 to 9999 Å do not fit into the PDB file {path}; write an .xyz file")
    plain = Atoms(symbols=atoms.symbols, positions=atoms.positions)
    if b_factor is not None:
        if b_factor not in atoms.arrays:
            raise InputError(f"the atoms have no array {b_factor!r} for {path}; they have {', '.join(atoms.arrays)}")
        values: NDArray[np.float64] = np.nan_to_num(np.asarray(atoms.arrays[b_factor], dtype=float), nan=0.0)
        low, high = _PDB_LIMITS
        if values.shape != (len(atoms),) or values.min() < low or values.max() > high:
            raise InputError(f"{b_factor!r} does not fit into the B-factors of {path}, which hold {low} to {high}")
        plain.set_array("bfactor", values)
    return plain


def _read_lammps(path: Path, element: str | None) -> "list[Atoms]":
    from ase.data import atomic_numbers
    from ase.io.lammpsdata import read_lammps_data

    lines = [line.split("#")[0].split() for line in path.read_text(errors="replace").splitlines()]
    if ["Atoms"] not in lines:
        raise InputError(f"{path} has no section Atoms; it is not a LAMMPS data file")
    header = next(
        line for line in path.read_text(errors="replace").splitlines() if line.split("#")[0].split() == ["Atoms"]
    )
    first = next((line for line in lines[lines.index(["Atoms"]) + 1 :] if line), [])
    style = header.split("#")[1].strip() if "#" in header else _LAMMPS_STYLES.get(len(first))
    if not style:
        raise InputError(
            f"the atoms of {path} have {len(first)} columns; write the style behind Atoms, e.g. Atoms # atomic"
        )
    of_type = None
    if element is not None:
        of_type = {number: atomic_numbers[symbol] for number, symbol in enumerate(element.split(","), start=1)}
    elif ["Masses"] not in lines:
        raise InputError(f"{path} has no masses, so the elements of its types are not known; pass --element, e.g. Au")
    return [read_lammps_data(path, Z_of_type=of_type, sort_by_id=True, units="metal", atom_style=style)]


def _lammps_data(atoms: "Atoms") -> str:
    from ase.data import atomic_masses, atomic_numbers

    elements = sorted(set(atoms.symbols))
    low, high = atoms.positions.min(axis=0) - 10.0, atoms.positions.max(axis=0) + 10.0
    lines = ["atoms written by atomotion, units metal", "", f"{len(atoms)} atoms", f"{len(elements)} atom types", ""]
    lines += [f"{a:.6f} {b:.6f} {axis}lo {axis}hi" for a, b, axis in zip(low, high, "xyz", strict=True)]
    lines += ["", "Masses", ""]
    lines += [f"{n} {atomic_masses[atomic_numbers[e]]:.6f}  # {e}" for n, e in enumerate(elements, start=1)]
    lines += ["", "Atoms # atomic", ""]
    for n, (symbol, (x, y, z)) in enumerate(zip(atoms.symbols, atoms.positions, strict=True), start=1):
        lines.append(f"{n} {elements.index(symbol) + 1} {x:.8f} {y:.8f} {z:.8f}")
    return "\n".join(lines) + "\n"
