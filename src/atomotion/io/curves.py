"""Curves of a camera, as two columns of text."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import InputError


def read_curve(path: Path) -> NDArray[np.float64]:
    """(n, 2) frequency and value: two columns of text, parted by blanks or commas, '#' before remarks.

    Raises
    ------
    InputError
        Where the file is missing or no such table.
    """
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist")
    rows = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        words = line.split("#")[0].replace(",", " ").replace(";", " ").split()
        if not words:
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            if not rows:  # a heading
                continue
            raise InputError(f"line {number} of {path} is not frequency and value: {line.strip()!r}") from error
        if len(rows[-1]) != 2:
            raise InputError(f"line {number} of {path} has {len(rows[-1])} columns; a curve has two")
    if len(rows) < 2:
        raise InputError(f"{path} holds no curve; it needs two columns, frequency (1 is Nyquist) and value")
    return np.array(rows)
