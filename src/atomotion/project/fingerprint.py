"""What a file contains, in a few milliseconds even for a movie of 49 GB."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atomotion.data import InputError

_WHOLE = 16 * 2**20
_PIECE = 2**16
_PIECES = 256


def fingerprint(path: Path) -> str:
    """A digest of a file's, folder's or pattern's content, which stays when they are moved or copied.

    Files up to 16 MiB are read whole. Of larger ones the size and 256 pieces of 64 KiB, evenly spread and with the
    two ends, are read: an edit of a few bytes in the middle of a large movie can go unseen, another movie cannot.

    Raises
    ------
    InputError
        Where nothing is there.
    """
    if path.is_dir():
        members = sorted(each for each in path.rglob("*") if each.is_file())
        return _digest([str(each.relative_to(path)) + _of_file(each) for each in members])
    if path.is_file():
        return _of_file(path)
    members = sorted(path.parent.glob(path.name)) if path.parent.is_dir() else []
    if not members:
        raise InputError(f"{path} does not exist")
    return _digest([each.name + _of_file(each) for each in members])


def _of_file(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as stream:
        if size <= _WHOLE:
            digest.update(stream.read())
        else:
            for number in range(_PIECES):
                stream.seek((size - _PIECE) * number // (_PIECES - 1))
                digest.update(stream.read(_PIECE))
    return digest.hexdigest()


def _digest(parts: list[str]) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def digest_of(values: Mapping[str, Any]) -> str:
    """A digest of plain values, whatever the order of their keys."""
    return _digest([json.dumps(values, sort_keys=True)])
