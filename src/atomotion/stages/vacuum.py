"""A region without sample: named on the command line, read, and put on the movie."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, Movie
from atomotion.io.config import MovieSource
from atomotion.io.lazy_frames import LazyFrames
from atomotion.io.movie import open_movie
from atomotion.io.polygon import fit_polygon, read_polygon
from atomotion.order.polygon_mask import polygon_mask

_POLYGON_ENDINGS = (".json", ".roi", ".zip")

# a polygon on the movie itself, or frames of their own
Vacuum = Path | MovieSource


def vacuum_input(text: str | None) -> Vacuum | None:
    """What ``--vacuum`` names: a polygon file, or ``FILE[:ARRAY]`` with frames of an empty region; None for nothing."""
    if text is None:
        return None
    path, separator, array = text.rpartition(":")
    # a Windows drive letter is no file name before a colon
    if separator and len(path) > 1 and not Path(text).exists():
        return MovieSource(path=Path(path), array=array)
    if Path(text).suffix.lower() in _POLYGON_ENDINGS and not Path(text).is_dir():
        return Path(text)
    return MovieSource(path=Path(text))


def vacuum_on_movie(vacuum: Vacuum | None, movie: Movie) -> tuple[Frames | None, NDArray[np.bool_] | None]:
    """The frames that show vacuum, and the mask of the vacuum's pixels in them; (None, None) without a vacuum.

    Returns
    -------
    frames : (t, y, x) or None
        The movie's own, or those of the vacuum's file.
    mask : (y, x) bool or None
    """
    if vacuum is None:
        return None, None
    if isinstance(vacuum, Path):
        polygon = fit_polygon(read_polygon(vacuum), movie)
        return movie.frames, polygon_mask(polygon.points, movie.frame_shape)
    frames = open_movie(vacuum).frames
    return frames, np.ones(frames.shape[1:], dtype=bool)


def vacuum_counts(frames: Frames, mask: NDArray[np.bool_], *, most: int = 4_000_000) -> NDArray:
    """(n,) values of vacuum pixels, from frames spread over the movie, at most about `most` of them."""
    inside = int(mask.sum())
    if inside == 0:
        raise InputError("the vacuum region contains no pixel")
    n_frames = int(frames.shape[0])
    wanted = int(np.clip(most // inside, 1, n_frames))
    chosen = np.unique(np.linspace(0, n_frames - 1, wanted).round().astype(int))
    return np.concatenate([np.asarray(frames[int(index)])[mask] for index in chosen])


class BootstrapFrames(LazyFrames):
    """Frames of independent pixels drawn from measured values; a frame is the same whenever it is read."""

    def __init__(self, values: NDArray, shape: tuple[int, int, int], seed: int = 0) -> None:
        super().__init__(shape, values.dtype)
        self.values, self.seed = values, seed

    def _read(self, frames: range, y: slice, x: slice) -> NDArray:
        return np.stack([self._draw(frame)[y, x] for frame in frames])

    def _draw(self, frame: int) -> NDArray:
        rng = np.random.default_rng([self.seed, frame])
        drawn: NDArray = self.values[rng.integers(0, len(self.values), self.shape[1:])]
        return drawn
