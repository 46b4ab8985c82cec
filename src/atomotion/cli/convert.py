"""``atomotion convert``: another format, with the facts kept."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.flags import Run, with_flags
from atomotion.io.config import MovieSource


@with_flags(source=MovieSource, run=Run)
def convert(
    movie: Annotated[Path, Parameter(help="A movie, image or volume; a folder or quoted pattern of frames.")],
    out: Annotated[
        Path, Parameter(help="The file to write; its ending is the format: .mrcs .mrc .tif .npy .npz .zarr.")
    ],
    /,
    *,
    source: MovieSource,
    run: Run,
) -> int:
    """Write a movie in another format; crop, bin, correct and state facts on the way.

    Images, volumes and pixels that are not square are passed on as they are, as long as nothing else is asked for.
    """
    from dataclasses import replace

    from atomotion.cli.progress import LoopProgress
    from atomotion.data import to_mapping
    from atomotion.io.formats import open_stored
    from atomotion.io.movie import open_movie
    from atomotion.io.writer import write_movie, write_stored

    wanted = {key for key in to_mapping(source, only_changed=True) if key != "array"}
    stored = open_stored(movie, source.array)
    if run.dry_run:
        print(f"would write {' x '.join(map(str, stored.shape))} {stored.frames.dtype} to {out}")
        return 0
    with LoopProgress("frames", quiet=run.quiet or run.json) as on_step:
        if wanted or (stored.kind == "movie" and _is_square(stored.pixel_sizes)):
            write_movie(out, open_movie(replace(source, path=movie)), on_step=on_step)
        else:
            write_stored(out, stored, on_step=on_step)
    if run.json:
        import json

        from atomotion.io.description import describe
        from atomotion.project.outputs import plain

        print(json.dumps(plain(describe(out)), indent=1))
    else:
        print(f"result: {out}\nnext: atomotion info {out}")
    return 0


def _is_square(sizes: tuple[float | None, float | None, float | None]) -> bool:
    _, y, x = sizes
    return x is None or y is None or abs(x - y) <= 1e-3 * max(x, y)
