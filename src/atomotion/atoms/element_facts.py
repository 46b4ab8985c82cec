"""How far apart an element's atoms are, and how large an atom counts as."""

import math

from ase.data import atomic_numbers, reference_states

from atomotion.data.errors import UsageError
from atomotion.scattering.form_factors import peng_parameters

# of the distance of neighbours in the bulk; 1.109 Å for Pt, where the reference program takes 1.10 Å
RADIUS_SHARE = 0.4


def bulk_spacing(element: str) -> float:
    """Distance [Å] of nearest neighbours in the bulk element at room temperature (ASE's table; 2.772 Å for Pt).

    Raises
    ------
    UsageError
        For what is no element, and for elements whose crystal is none of the simple ones.
    InputError
        For an element without a form factor.
    """
    if element not in atomic_numbers or element == "X":
        raise UsageError(f"{element!r} is not the symbol of an element; pass for example Pt")
    peng_parameters(element)
    state = reference_states[atomic_numbers[element]] or {}
    a, kind = float(state.get("a", 0.0)), state.get("symmetry")
    if kind == "fcc":
        return a / math.sqrt(2.0)
    if kind == "bcc":
        return a * math.sqrt(3.0) / 2.0
    if kind == "diamond":
        return a * math.sqrt(3.0) / 4.0
    if kind == "hcp":
        return a * min(1.0, math.sqrt(1.0 / 3.0 + float(state["c/a"]) ** 2 / 4.0))
    raise UsageError(f"atoms of {element} cannot be built: the crystal of the element is not a simple one")
