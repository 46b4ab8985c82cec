"""Costly exit waves, kept in a folder outside of any project."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def user_cache() -> Path:
    """The folder where this program keeps what it can make again."""
    if "XDG_CACHE_HOME" in os.environ:
        return Path(os.environ["XDG_CACHE_HOME"]) / "atomotion"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "atomotion"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "atomotion" / "cache"
    return Path.home() / ".cache" / "atomotion"


class WaveFolder:
    """Sets of waves as .npy files, named by all that they depend on; a broken file counts as none.

    Parameters
    ----------
    folder : Path or None
        None is ``waves`` in the user's cache.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = user_cache() / "waves" if folder is None else folder

    def get(self, name: str) -> NDArray[np.complex64] | None:
        """The set of this name, or None."""
        try:
            found = np.load(self.folder / f"{name}.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return found if found.dtype == np.complex64 and found.ndim == 3 else None

    def put(self, name: str, waves: NDArray[np.complex64]) -> None:
        """Keep a set; written beside and renamed, so that a killed run leaves no half file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=self.folder, prefix=f".{name}-")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.save(stream, waves)
            Path(beside).replace(self.folder / f"{name}.npy")
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(beside).unlink()
            raise
