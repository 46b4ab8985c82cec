"""Measures averaged over atoms of the same coordination number."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def by_coordination(coordination: ArrayLike, values: ArrayLike, *, fewest: int = 5) -> pd.DataFrame:
    """Mean of a measure over the atoms of each coordination number, with its standard error.

    Parameters
    ----------
    coordination : (n,) int
    values : (n,) float
        Atoms with NaN are left out.
    fewest : int
        Atoms from which on a bin is given; 5 in paper 004.

    Returns
    -------
    DataFrame
        Columns coordination_number, atoms, mean, sd, standard_error (``sd / sqrt(atoms)``).

    References
    ----------
    Wietfeldt et al., Commun. Chem. 7, 4 (2024), Fig. 5.
    """
    number, measure = np.asarray(coordination, dtype=np.intp), np.asarray(values, dtype=float)
    rows = []
    for each in np.unique(number):
        inside = measure[(number == each) & np.isfinite(measure)]
        if len(inside) >= max(fewest, 2):
            sd = float(inside.std(ddof=1))
            rows.append((int(each), len(inside), float(inside.mean()), sd, sd / np.sqrt(len(inside))))
    return pd.DataFrame(rows, columns=["coordination_number", "atoms", "mean", "sd", "standard_error"])
