"""Files of trained networks."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atomotion.data import InputError


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a mapping of numbers, words and tensors; a killed run leaves no half file under the name.

    Parameters
    ----------
    path : Path
    state : mapping
    """
    import torch

    partial = path.with_name(path.name + ".partial")
    torch.save(dict(state), partial)
    partial.replace(path)


def read_state(path: Path) -> dict[str, Any]:
    """What `write_state` wrote; nothing in the file is ever executed.

    Raises
    ------
    InputError
        Where there is no such file, or it holds something else.
    """
    import torch

    if not path.is_file():
        raise InputError(f"there is no model file {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(f"{path} is not a model that atomotion wrote") from error
    if not isinstance(state, dict):
        raise InputError(f"{path} is not a model that atomotion wrote")
    return state
