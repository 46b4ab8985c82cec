"""The lattice constant that strain is measured against."""

from collections import Counter

from ase import Atoms

from atomotion.data import InputError, UsageError
from atomotion.particles import lattice_constant

# room temperature, where the papers state it to more digits than the table of ASE
_STATED = {"Pt": 3.924}


def bulk_lattice(atoms: Atoms, given: float | None = None) -> float:
    """The bulk lattice constant [Å] of a particle.

    Parameters
    ----------
    atoms : ase.Atoms
    given : float or None [Å]
        Taken as it is. None is 3.924 Å for Pt, and the table of ASE (to 0.01 Å) for other FCC elements; for alloys
        the mean over the atoms (Vegard's rule).

    Raises
    ------
    InputError
        For a constant that is not within 3 to 7 Å, and where an element has no FCC lattice and none is given.
    """
    if given is not None:
        if not 3.0 <= given <= 7.0:
            raise InputError(f"a bulk lattice constant of {given:g} Å is not that of an FCC metal; pass it in Å")
        return float(given)
    counts = Counter(atoms.get_chemical_symbols())
    try:
        total = sum(number * _STATED.get(symbol, 0.0) for symbol, number in counts.items())
        total += sum(number * lattice_constant(symbol) for symbol, number in counts.items() if symbol not in _STATED)
    except UsageError as error:
        raise InputError(f"the bulk lattice constant is not known: {error}") from error
    return total / len(atoms)
