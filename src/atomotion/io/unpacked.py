"""Compressed bytes, unpacked once into a temporary file that goes away with the last user."""

import gzip
import os
import shutil
import tempfile
import weakref
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from atomotion.data import InputError

StoredFile = os.PathLike[str]
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)


class Unpacked(os.PathLike[str]):
    """The unpacked content of a .gz file, or of one member of a .zip or .npz file, as a file of its own.

    The temporary file is written when its path is first asked for (in the folder of $TMPDIR) and removed when the
    object goes away. A temporary file, not memory, because it makes small and huge movies one case and leaves memory
    to the analysis. In another process (pickle) the source is unpacked anew.

    Parameters
    ----------
    source : Path
    member : str or None
        Name within the zip file.
    """

    def __init__(self, source: Path, member: str | None = None) -> None:
        self.source = source
        self.member = member
        self._path: str | None = None

    def __reduce__(self) -> tuple[type["Unpacked"], tuple[Path, str | None]]:
        return Unpacked, (self.source, self.member)

    def __fspath__(self) -> str:
        if self._path is None or not Path(self._path).exists():  # systems empty their temporary folder now and then
            self._path = self._unpack()
            weakref.finalize(self, _remove, self._path, os.getpid())
        return self._path

    def start(self) -> IO[bytes]:
        """The content as a stream from its beginning, without unpacking it all."""
        if self.member is None:
            return cast(IO[bytes], gzip.open(self.source))
        return zipfile.ZipFile(self.source).open(self.member)

    def size(self) -> int:
        """Number of unpacked bytes."""
        if self.member is None:
            return Path(self).stat().st_size
        with zipfile.ZipFile(self.source) as archive:
            return archive.getinfo(self.member).file_size

    def _unpack(self) -> str:
        ending = Path(self.member or self.source.stem).suffix
        handle, path = tempfile.mkstemp(prefix="atomotion-", suffix=ending)
        try:
            with os.fdopen(handle, "wb") as target, self.start() as stream:
                shutil.copyfileobj(stream, target, 1 << 22)
        except _DAMAGED as error:
            _remove(path, os.getpid())
            raise InputError(f"{self.source} is damaged or was cut short: {error}") from error
        except OSError as error:
            _remove(path, os.getpid())
            raise InputError(
                f"cannot unpack {self.source} into {tempfile.gettempdir()}: {error.strerror}; "
                "unpack it yourself or name a folder with more room in TMPDIR"
            ) from error
        return path


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked child holds a copy of the object, but the file is its parent's
        Path(path).unlink(missing_ok=True)


def start_of(file: StoredFile) -> IO[bytes]:
    """The file's bytes from their beginning, for headers."""
    return file.start() if isinstance(file, Unpacked) else Path(file).open("rb")


def size_of(file: StoredFile) -> int:
    """Number of bytes in the file, unpacked."""
    return file.size() if isinstance(file, Unpacked) else Path(file).stat().st_size


def read_start(file: StoredFile, count: int, source: str) -> bytes:
    """The first `count` bytes.

    Raises
    ------
    InputError
        Where there are fewer.
    """
    with start_of(file) as stream:
        start = stream.read(count)
    if len(start) < count:
        raise InputError(f"{source} is cut short: its header has {count} bytes, the file only {len(start)}")
    return start
